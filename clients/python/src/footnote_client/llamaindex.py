"""A retriever for LlamaIndex: it needs the extra `llamaindex`."""

import asyncio
from collections.abc import Sequence
from typing import Unpack

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from footnote_client.async_client import AsyncClient
from footnote_client.client import Client
from footnote_client.contract import SearchHit, SearchOptions, SearchResponse
from footnote_client.passages import citation_metadata

SHOWN = frozenset({"title", "filename", "source_uri"})
"""The metadata that a language model sees with the text; the rest is for citations."""


class FootnoteRetriever(BaseRetriever):
    """The passages that a search finds, best first, each with what a citation needs.

    `act_as` names the principals that it searches for: make a retriever for each person that asks.
    The options are those of `Client.search`, such as `top_k` and `filter`. Without an
    `async_client` asynchronous calls use the other one, in a thread.
    """

    def __init__(
        self,
        client: Client,
        *,
        async_client: AsyncClient | None = None,
        act_as: Sequence[str] | None = None,
        **options: Unpack[SearchOptions],
    ) -> None:
        """A retriever with these options for all its searches."""
        super().__init__()
        self._client = client
        self._async_client = async_client
        self._act_as = act_as
        self._options = options

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str
        return _nodes(self._client.search(query, act_as=self._act_as, **self._options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if self._async_client is None:
            return await asyncio.to_thread(self._retrieve, query_bundle)
        query = query_bundle.query_str
        found = await self._async_client.search(query, act_as=self._act_as, **self._options)
        return _nodes(found)


def _nodes(found: SearchResponse) -> list[NodeWithScore]:
    return [NodeWithScore(node=_node(hit), score=hit.scores.fused) for hit in found.data]


def _node(hit: SearchHit) -> TextNode:
    metadata = citation_metadata(hit)
    hidden = sorted(metadata.keys() - SHOWN)
    return TextNode(
        id_=str(hit.chunk_id),
        text=hit.text,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
        start_char_idx=hit.location.char_start,
        end_char_idx=hit.location.char_end,
    )
