"""While the lexical index cannot be asked, the vectors go on alone and say so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.embedding_model import open_space
from kb.errors import IndexNotReady
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.view import LexicalView
from kb.postgres.database import Database, TenantSession
from models.embedding import SentenceTransformerEmbedder
from tests.service import Person, Service


class IndexesBeingBuilt(LexicalIndexes):
    """No index of theirs is ready."""

    @override
    async def view(self, scope: TenantSession, *, generation: int) -> LexicalView:
        raise IndexNotReady


@pytest.fixture
async def reader(
    service: Service, database: Database, embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> AsyncIterator[Person]:
    """Somebody with a note, at a service whose indexes are being built."""
    retriever = Retriever(
        database,
        NodeIndexes(lexical=IndexesBeingBuilt(database, tmp_path)),
        SearchSpaces(QueryEmbedder(embedder, await open_space(database, embedder))),
        RetrievalLimits(candidates=100, lexical_weight=0.5),
    )
    resources = replace(service.resources, retriever=retriever)
    async with service.with_resources(resources) as degraded:
        person = await degraded.person(await degraded.new_tenant(), "user:ana")
        await person.upload("The harbour opens at six.")
        yield person


async def test_a_hybrid_search_goes_on_with_the_vectors_and_says_so(reader: Person) -> None:
    found = (await reader.search("When does the harbour open?", explain=True)).json()

    (hit,) = found["data"]
    assert hit["scores"]["bm25"] is None
    assert hit["scores"]["cosine"] > 0.5
    assert found["explanation"]["missing"] == ["lexical"]
    metrics = reader.service.resources.metrics.exposition().decode()
    assert 'footnote_stage_seconds_count{stage="search_without_lexical"}' in metrics


async def test_a_lexical_search_is_asked_to_come_again(reader: Person) -> None:
    response = await reader.search("harbour", mode="lexical")

    assert (response.status_code, response.json()["code"]) == (503, "index_not_ready")
    assert int(response.headers["Retry-After"]) > 0


async def test_a_vector_search_lacks_nothing(reader: Person) -> None:
    found = (await reader.search("harbour", mode="vector", explain=True)).json()

    assert len(found["data"]) == 1
    assert found["explanation"]["missing"] == []
