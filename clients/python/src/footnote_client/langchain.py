"""A retriever for LangChain: it needs the extra `langchain`."""

from collections.abc import Sequence
from typing import Unpack

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from footnote_client.async_client import AsyncClient
from footnote_client.client import Client
from footnote_client.contract import SearchOptions, SearchResponse
from footnote_client.passages import citation_metadata


class FootnoteRetriever(BaseRetriever):
    """The passages that a search finds, best first, each with what a citation needs.

    `act_as` names the principals that it searches for: make a retriever for each person that asks.
    The options are those of `Client.search`, such as `top_k` and `filter`. Without an
    `async_client` asynchronous calls use the other one, in a thread.
    """

    client: Client
    async_client: AsyncClient | None = None
    act_as: Sequence[str] | None = None
    _options: SearchOptions = PrivateAttr(default_factory=SearchOptions)

    def __init__(
        self,
        client: Client,
        *,
        async_client: AsyncClient | None = None,
        act_as: Sequence[str] | None = None,
        **options: Unpack[SearchOptions],
    ) -> None:
        """A retriever with these options for all its searches."""
        super().__init__(client=client, async_client=async_client, act_as=act_as)
        self._options = options

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # the base class's
    ) -> list[Document]:
        return _documents(self.client.search(query, act_as=self.act_as, **self._options))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if self.async_client is None:
            return await super()._aget_relevant_documents(query, run_manager=run_manager)
        found = await self.async_client.search(query, act_as=self.act_as, **self._options)
        return _documents(found)


def _documents(found: SearchResponse) -> list[Document]:
    return [
        Document(id=str(hit.chunk_id), page_content=hit.text, metadata=citation_metadata(hit))
        for hit in found.data
    ]
