"""The retrievers in their frameworks, against the real service."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import pytest
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from llama_index.core.schema import MetadataMode

from footnote_client import AsyncClient, Client
from footnote_client import langchain as for_langchain
from footnote_client import llamaindex as for_llamaindex
from footnote_client.errors import CredentialInvalid
from tests.clients.conftest import QUICK, new_person, url_of
from tests.service import Person, Service

QUESTION = "How long is parental leave?"


@pytest.fixture(scope="module")
async def person(service: Service) -> Person:
    """Somebody with a page for all and one for Ana."""
    person = await new_person(service)
    await person.upload(
        "# Leave\n\nParental leave is 24 weeks.",
        "leave.md",
        external_id="leave",
        source_uri="https://wiki.example/leave",
        principals=["tenant:*"],
    )
    await person.upload(
        "Ana's parental leave begins in May.", "ana.md", principals=["user:ana"], title="Ana"
    )
    return person


def check_metadata(metadata: Mapping[str, object], text: str) -> None:
    """Fails unless a citation can be written from it."""
    assert str(UUID(str(metadata["document_id"]))) == metadata["document_id"]
    assert metadata["document_version"] == 1
    assert metadata["source"] == metadata["source_uri"] == "https://wiki.example/leave"
    assert (metadata["external_id"], metadata["filename"]) == ("leave", "leave.md")
    assert metadata["title"] == "Leave"
    match metadata["location"], metadata["scores"]:
        case {"section": section, "char_start": int(start), "char_end": int(end)}, {
            "fused": float()
        }:
            assert section == ["Leave"]
            assert end - start == len(text)
        case other:
            pytest.fail(str(other))


async def test_a_chain_gets_documents_with_citations(service: Service, person: Person) -> None:
    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    with Client(url_of(service), person.key) as client:
        retriever = for_langchain.FootnoteRetriever(
            client, act_as=["user:bob"], top_k=3, mode="lexical"
        )
        chain = {"context": retriever, "question": RunnablePassthrough()} | prompt

        documents = await asyncio.to_thread(retriever.invoke, QUESTION)
        message = await asyncio.to_thread(chain.invoke, QUESTION)
        in_a_thread = await retriever.ainvoke(QUESTION)
        async with AsyncClient(url_of(service), person.key) as async_client:
            both = retriever.model_copy(update={"async_client": async_client})
            awaited = await both.ainvoke(QUESTION)

    (document,) = documents
    assert in_a_thread == awaited == documents
    assert isinstance(document, Document)
    assert document.page_content.endswith("24 weeks.")
    assert document.id == str(document.metadata["chunk_id"])
    assert "24 weeks" in message.to_string()
    assert person.key not in repr(retriever)
    check_metadata(document.metadata, document.page_content)


async def test_an_index_gets_nodes_with_citations(service: Service, person: Person) -> None:
    with Client(url_of(service), person.key) as client:
        retriever = for_llamaindex.FootnoteRetriever(client, act_as=["user:bob"], top_k=3)
        nodes = await asyncio.to_thread(retriever.retrieve, QUESTION)
        in_a_thread = await retriever.aretrieve(QUESTION)
        async with AsyncClient(url_of(service), person.key) as async_client:
            both = for_llamaindex.FootnoteRetriever(
                client, async_client=async_client, act_as=["user:bob"], top_k=3
            )
            awaited = await both.aretrieve(QUESTION)

    (found,) = nodes
    assert found.node.node_id == str(found.node.metadata["chunk_id"])
    assert [each.node.node_id for each in (*in_a_thread, *awaited)] == [found.node.node_id] * 2
    assert found.score == found.node.metadata["scores"]["fused"]
    shown = found.node.get_content(MetadataMode.LLM)
    assert "https://wiki.example/leave" in shown
    assert "document_id" not in shown
    check_metadata(found.node.metadata, found.text)


async def test_what_each_person_may_read_is_found(service: Service, person: Person) -> None:
    with Client(url_of(service), person.key) as client:
        of_ana = for_langchain.FootnoteRetriever(client, act_as=["user:ana"])
        of_nobody = for_langchain.FootnoteRetriever(client)
        for_ana = await asyncio.to_thread(of_ana.invoke, QUESTION)
        for_nobody = await asyncio.to_thread(of_nobody.invoke, QUESTION)

    assert {document.metadata["title"] for document in for_ana} == {"Leave", "Ana"}
    assert {document.metadata["title"] for document in for_nobody} == {"Leave"}


async def test_an_error_leaves_the_frameworks_as_it_is(service: Service) -> None:
    with Client(url_of(service), "fn_unknown", retries=QUICK) as client:
        with pytest.raises(CredentialInvalid):
            await asyncio.to_thread(for_langchain.FootnoteRetriever(client).invoke, QUESTION)
        with pytest.raises(CredentialInvalid):
            await asyncio.to_thread(for_llamaindex.FootnoteRetriever(client).retrieve, QUESTION)
