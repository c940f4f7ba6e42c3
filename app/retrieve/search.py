"""The best passages for a question that this caller may read.

embed the question -> (BM25 | vectors, both filtered) -> fuse -> read under row security
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.retrieve.fusion import convex_fusion
from kb.admissible import (
    document_condition,
    has_limited_documents,
    inadmissible_documents,
    languages,
    matching_documents,
)
from kb.chunks import read_passages
from kb.database import Database, Eyes, TenantSession
from kb.documents import collection_ids
from kb.embedding import Embedder
from kb.filters import Filter
from kb.ids import CollectionId, DocumentId, TenantId
from kb.lexical.analysis import analyse_query
from kb.lexical.follower import LexicalIndexes, LexicalQuery
from kb.passages import Passage
from kb.spaces import Space
from kb.tenants import current_generation
from kb.vectors import Plan, VectorFilter, count_visible, search_vectors

SearchMode = Literal["hybrid", "lexical", "vector"]

MAX_CACHED = 10_000
"""Entries kept of each kind; one is about 200 bytes."""


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What is asked; None: no limit."""

    text: str
    collections: tuple[str, ...] | None
    filter: Filter | None
    top_k: int
    mode: SearchMode


@dataclass(frozen=True, kw_only=True)
class RetrievalLimits:
    """How widely to look: candidates of each leg, and the weight of BM25 in the fused score."""

    candidates: int
    lexical_weight: float


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Milliseconds."""

    embed: float
    lexical: float
    vector: float
    fetch: float
    total: float


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Passages, best first, and the state of the tenant's knowledge they come from."""

    passages: tuple[Passage, ...]
    generation: int
    timings: Timings
    explanation: "Explanation"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """How the passages were found; no plan when no vectors were searched."""

    terms: tuple[str, ...]
    lexical_candidates: int
    vector_candidates: int
    vector_plan: Plan | None
    lexical_weight: float


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """What the query comes to in this transaction."""

    terms: tuple[str, ...]
    collection_ids: list[CollectionId] | None
    document_ids: list[DocumentId] | None
    excluded: list[DocumentId]
    vector_filter: VectorFilter


@dataclass(frozen=True, kw_only=True)
class _Surroundings:
    """What the visible documents are like; most tenants limit none in time."""

    languages: tuple[str, ...]
    has_limited_documents: bool


@dataclass(frozen=True, kw_only=True)
class _Embedded:
    """The question's vector, None where no vectors are searched, and how long it took."""

    vector: NDArray[np.float32] | None
    seconds: float


@dataclass(kw_only=True)
class _Legs:
    """Scores found by each leg, and how long each took in seconds."""

    bm25: dict[int, float]
    cosine: dict[int, float]
    terms: tuple[str, ...] = ()
    plan: Plan | None = None
    embed_seconds: float = 0.0
    lexical_seconds: float = 0.0
    vector_seconds: float = 0.0


class Retriever:
    """Searches for one caller at a time; keeps counts of what callers can see."""

    def __init__(
        self,
        database: Database,
        lexical: LexicalIndexes,
        embedder: Embedder,
        space: Space,
        limits: RetrievalLimits,
    ) -> None:
        """`space` is the embedder's."""
        self._database = database
        self._lexical = lexical
        self._embedder = embedder
        self._space = space
        self._limits = limits
        self._surroundings: OrderedDict[tuple[object, ...], _Surroundings] = OrderedDict()
        self._visible_counts: OrderedDict[tuple[object, ...], int] = OrderedDict()

    async def search(
        self, tenant_id: TenantId, eyes: Eyes, query: SearchQuery, *, now: datetime
    ) -> Retrieval:
        """The `top_k` best visible passages."""
        started = perf_counter()
        # The model runs beside the first statements: both take some milliseconds.
        embedding = asyncio.create_task(self._embed(query))
        try:
            async with self._database.tenant(tenant_id, eyes=eyes) as scope:
                generation = await current_generation(scope)
                around = await self._look_around(scope, generation)
                limits = await _limits(scope, query, around, now)
                legs = await self._search_legs(scope, query, embedding, limits, generation)
                found = perf_counter()
                fused = self._fuse(query, legs)
                best = list(fused)[: query.top_k]
                passage_by_chunk = await read_passages(scope, best)
        finally:
            embedding.cancel()
        ended = perf_counter()
        return Retrieval(
            passages=_scored(best, fused, legs, passage_by_chunk),
            generation=generation,
            timings=Timings(
                embed=legs.embed_seconds * 1000,
                lexical=legs.lexical_seconds * 1000,
                vector=legs.vector_seconds * 1000,
                fetch=(ended - found) * 1000,
                total=(ended - started) * 1000,
            ),
            explanation=Explanation(
                terms=legs.terms,
                lexical_candidates=len(legs.bm25),
                vector_candidates=len(legs.cosine),
                vector_plan=legs.plan,
                lexical_weight=self._limits.lexical_weight,
            ),
        )

    async def _embed(self, query: SearchQuery) -> _Embedded:
        if query.mode == "lexical":
            return _Embedded(vector=None, seconds=0.0)
        started = perf_counter()
        rows = await asyncio.to_thread(self._embedder.embed_queries, [query.text])
        return _Embedded(vector=rows[0], seconds=perf_counter() - started)

    async def _search_legs(
        self,
        scope: TenantSession,
        query: SearchQuery,
        embedding: asyncio.Task["_Embedded"],
        limits: _Limits,
        generation: int,
    ) -> _Legs:
        legs = _Legs(bm25={}, cosine={}, terms=limits.terms)
        candidates = max(self._limits.candidates, query.top_k)
        if query.mode != "vector":
            started = perf_counter()
            hits = await self._lexical.search(
                scope,
                LexicalQuery(
                    terms=legs.terms,
                    limit=candidates,
                    document_ids=limits.document_ids,
                    excluded_document_ids=limits.excluded,
                ),
                generation=generation,
            )
            legs.bm25 = {hit.chunk_id: hit.score for hit in hits}
            legs.lexical_seconds = perf_counter() - started
        embedded = await embedding
        legs.embed_seconds = embedded.seconds
        if embedded.vector is not None:
            started = perf_counter()
            vector_hits, legs.plan = await search_vectors(
                scope,
                self._space,
                embedded.vector,
                limits.vector_filter,
                limit=candidates,
                visible_count=await self._count_visible(scope, query, limits, generation),
            )
            legs.cosine = {hit.chunk_id: hit.cosine for hit in vector_hits}
            legs.vector_seconds = perf_counter() - started
        return legs

    async def _look_around(self, scope: TenantSession, generation: int) -> _Surroundings:
        """Looked up once for each state of the tenant and set of eyes."""
        key = (scope.tenant_id, scope.eyes, generation)
        found = self._surroundings.get(key)
        if found is None:
            found = _Surroundings(
                languages=tuple(await languages(scope)),
                has_limited_documents=await has_limited_documents(scope),
            )
            self._surroundings[key] = found
            if len(self._surroundings) > MAX_CACHED:
                self._surroundings.popitem(last=False)
        return found

    async def _count_visible(
        self, scope: TenantSession, query: SearchQuery, limits: _Limits, generation: int
    ) -> int:
        """Counted once for each state of the tenant, set of eyes and filter."""
        key = (
            scope.tenant_id,
            scope.eyes,
            generation,
            query.collections,
            repr(query.filter),
            tuple(limits.excluded),
        )
        count = self._visible_counts.get(key)
        if count is None:
            count = await count_visible(scope, self._space, limits.vector_filter)
            self._visible_counts[key] = count
            if len(self._visible_counts) > MAX_CACHED:
                self._visible_counts.popitem(last=False)
        return count

    def _fuse(self, query: SearchQuery, legs: _Legs) -> dict[int, float]:
        match query.mode:
            case "lexical":
                return legs.bm25
            case "vector":
                return legs.cosine
            case "hybrid":
                return convex_fusion(
                    legs.bm25, legs.cosine, lexical_weight=self._limits.lexical_weight
                )


async def _limits(
    scope: TenantSession, query: SearchQuery, around: _Surroundings, now: datetime
) -> _Limits:
    collections = None
    if query.collections is not None:
        collections = await collection_ids(scope, query.collections)
    condition = document_condition(query.filter) if query.filter is not None else None
    document_ids = None
    if collections is not None or condition is not None:
        document_ids = await matching_documents(scope, collections, condition)
    excluded = []
    if around.has_limited_documents:
        excluded = await inadmissible_documents(scope, now=now)
    return _Limits(
        terms=tuple(analyse_query(query.text, around.languages)),
        collection_ids=collections,
        document_ids=document_ids,
        excluded=excluded,
        vector_filter=VectorFilter(
            collection_ids=collections,
            excluded_document_ids=excluded,
            document_condition=condition,
        ),
    )


def _scored(
    best: Sequence[int],
    fused: Mapping[int, float],
    legs: _Legs,
    passage_by_chunk: Mapping[int, Passage],
) -> tuple[Passage, ...]:
    """Passages that row security let through, with their scores and their rank in each leg."""
    lexical_rank = {chunk_id: rank for rank, chunk_id in enumerate(legs.bm25, start=1)}
    vector_rank = {chunk_id: rank for rank, chunk_id in enumerate(legs.cosine, start=1)}
    return tuple(
        replace(
            passage_by_chunk[chunk_id],
            score=fused[chunk_id],
            bm25=legs.bm25.get(chunk_id),
            cosine=legs.cosine.get(chunk_id),
            lexical_rank=lexical_rank.get(chunk_id),
            vector_rank=vector_rank.get(chunk_id),
        )
        for chunk_id in best
        if chunk_id in passage_by_chunk
    )
