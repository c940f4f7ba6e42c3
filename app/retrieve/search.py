"""The best passages for a question that this caller may read.

embed the question -> (BM25 | vectors, both filtered) -> fuse -> read under row security -> phrases
-> rerank
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

from app.retrieve.fusion import settle, weigh
from app.retrieve.legs import (
    Embedded,
    LexicalLeg,
    Search,
    Shortlist,
    VectorLeg,
    embed,
    search_lexical,
    search_planned,
    search_shortlisted,
    shortlist_nearest,
)
from app.retrieve.phrases import READ_PASSAGES, as_looked_for, says
from app.retrieve.query import RetrievalLimits, SearchMode, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.rerank import RERANKED_PASSAGES, PassageScorer, rerank
from app.retrieve.retrieval import Explanation, Retrieval, Stale, Timings
from app.retrieve.search_scope import SearchScopes, Standing
from kb.errors import InvalidInput
from kb.ids import DocumentId, TenantId
from kb.index.candidate_vectors import read_candidate_vectors
from kb.index.lexical.follower import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.passages import Passage
from kb.postgres.database import Database, Viewer
from kb.store.chunks import read_passages
from kb.store.tenants import read_generations

__all__ = [
    "NodeIndexes",
    "Retrieval",
    "RetrievalLimits",
    "Retriever",
    "SearchMode",
    "SearchQuery",
]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the legs gave, and the passages of it that row security let through, best first."""

    embedded: Embedded
    lexical: LexicalLeg
    nearest: VectorLeg
    passages: Sequence[Passage]
    fetch_seconds: float


@dataclass(frozen=True, kw_only=True)
class NodeIndexes:
    """What a node derives from Postgres and searches by; vectors without sketches by its plans."""

    lexical: LexicalIndexes
    sketches: SketchCache | None = None


class Retriever:
    """Searches for one caller at a time; caches what callers can see."""

    def __init__(
        self,
        database: Database,
        indexes: NodeIndexes,
        embedder: QueryEmbedder,
        limits: RetrievalLimits,
        scorer: PassageScorer | None = None,
        sampler: RecallSampler | None = None,
    ) -> None:
        """Without a scorer nothing is reranked; without a sampler recall is not observed."""
        self._database = database
        self._indexes = indexes
        self._embedder = embedder
        self._space = embedder.space
        self._limits = limits
        self._scorer = scorer
        self._sampler = sampler
        self._scopes = SearchScopes(embedder.space)

    async def search(
        self, tenant_id: TenantId, viewer: Viewer, query: SearchQuery, *, now: datetime
    ) -> Retrieval:
        """The `top_k` best visible passages that are in force at `as_of`, now unless it is given.

        Raises InvalidInput when reranking is asked for and no reranker is configured, and
        IndexNotReady when a lexical search is and its index cannot be asked.
        """
        return await self._search(tenant_id, viewer, query, now, "admissible")

    async def search_inadmissible(
        self, tenant_id: TenantId, viewer: Viewer, query: SearchQuery, *, now: datetime
    ) -> Retrieval:
        """What `search` leaves out: visible passages expired, not yet effective or superseded."""
        return await self._search(tenant_id, viewer, query, now, "inadmissible")

    async def find_stale(
        self, tenant_id: TenantId, viewer: Viewer, query: SearchQuery, *, now: datetime
    ) -> Stale:
        """Which of the `top_k` best would come from documents that `search` leaves out."""
        retrieval = await self._search(tenant_id, viewer, query, now, "any")
        stale = [
            DocumentId(passage.document_id)
            for passage in retrieval.passages
            if passage.document_id in retrieval.inadmissible
        ]
        return Stale(hits=len(stale), document_ids=tuple(dict.fromkeys(stale)))

    async def _search(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        now: datetime,
        standing: Standing,
    ) -> Retrieval:
        started = perf_counter()
        if query.rerank and self._scorer is None:
            raise InvalidInput(
                "No reranker is configured: leave 'rerank' out, or set FOOTNOTE_RERANK_MODEL."
            )
        # The model runs beside the first statements: both take some milliseconds. While it is
        # busy with other questions, this one waits without a connection.
        is_queueing = self._embedder.is_busy
        embedding = asyncio.create_task(embed(self._embedder, query))
        try:
            if is_queueing:
                await asyncio.wait({embedding})
            async with self._database.tenant(tenant_id, viewer=viewer) as scope:
                generations = await read_generations(scope)
                generation = generations.tenant
                search_scope = await self._scopes.find(
                    scope, query, generation=generation, now=now, standing=standing
                )
                search = Search(
                    scope=scope,
                    query=query,
                    search_scope=search_scope,
                    generation=generation,
                    limit=max(self._limits.candidates, _wanted(query)),
                )
                found = await self._look(search, embedding)
        finally:
            embedding.cancel()
        if self._sampler is not None:
            self._sampler.consider(search, found.embedded.vector, found.nearest)
        passages, reranked = await self._rerank(query, found.passages)
        return Retrieval(
            passages=tuple(passages[: query.top_k]),
            generation=generations.caller,
            timings=_timings(found, perf_counter() - started),
            explanation=Explanation(
                terms=_distinct(found.lexical.terms, query),
                lexical_candidates=len(found.lexical.bm25_by_chunk),
                vector_candidates=len(found.nearest.cosine_by_chunk),
                vector_plan=found.nearest.plan,
                lexical_weight=self._limits.lexical_weight_in(found.lexical.language),
                is_lexical_missing=found.lexical.is_missing,
                reranked=reranked,
                conversation=query.conversation,
            ),
            inadmissible=search_scope.inadmissible,
        )

    async def _look(self, search: Search, embedding: "asyncio.Task[Embedded]") -> _Found:
        query = search.query
        if self._indexes.sketches is not None:
            shortlister = await self._indexes.sketches.look(
                search.scope, generation=search.generation
            )
            search = replace(search, shortlister=shortlister)
        lexical_leg = asyncio.create_task(search_lexical(self._indexes.lexical, search))
        try:
            embedded = await embedding
            shortlist = None
            if embedded.vector is not None:
                # Beside the lexical leg, which may be using the connection.
                shortlist = await shortlist_nearest(search, embedded.vector)
            lexical = await lexical_leg
        finally:
            lexical_leg.cancel()
            # It may still be using the connection, which is about to be rolled back.
            await asyncio.gather(lexical_leg, return_exceptions=True)
        nearest = await self._nearest(search, embedded, lexical, shortlist)
        started = perf_counter()
        wanted = _wanted(query)
        if query.mode == "hybrid" and embedded.vector is not None:
            score_by_chunk, passage_by_chunk = await self._fuse(
                search, embedded.vector, lexical, nearest
            )
        else:
            score_by_chunk = lexical.bm25_by_chunk or nearest.cosine_by_chunk
            passage_by_chunk = await read_passages(search.scope, list(score_by_chunk)[:wanted])
        readable = [chunk_id for chunk_id in score_by_chunk if chunk_id in passage_by_chunk]
        best = {chunk_id: passage_by_chunk[chunk_id] for chunk_id in readable[:wanted]}
        return _Found(
            embedded=embedded,
            lexical=lexical,
            nearest=nearest,
            passages=_scored(best, score_by_chunk, lexical, nearest),
            fetch_seconds=perf_counter() - started,
        )

    async def _nearest(
        self, search: Search, embedded: Embedded, lexical: LexicalLeg, shortlist: Shortlist | None
    ) -> VectorLeg:
        vector = embedded.vector
        if vector is None:
            return VectorLeg()
        if shortlist is not None:
            return await search_shortlisted(
                search, self._space, vector, shortlist, besides=list(lexical.bm25_by_chunk)
            )
        visible_count = await self._scopes.count_visible(
            search.scope, search.query, search.search_scope, generation=search.generation
        )
        return await search_planned(search, self._space, vector, visible_count=visible_count)

    async def _fuse(
        self, search: Search, vector: QueryVector, lexical: LexicalLeg, nearest: VectorLeg
    ) -> tuple[Mapping[int, float], Mapping[int, Passage]]:
        """Scores by chunk, best first, and the passages of the best by evidence."""
        candidates = nearest.candidates
        if candidates is None:
            both = lexical.bm25_by_chunk.keys() | nearest.cosine_by_chunk.keys()
            candidates = await read_candidate_vectors(search.scope, self._space, sorted(both))
        lexical_weight = self._limits.lexical_weight_in(lexical.language)
        seen_by_chunk = weigh(
            lexical.bm25_by_chunk, candidates, vector, lexical_weight=lexical_weight
        )
        best = list(seen_by_chunk)[: max(_wanted(search.query), READ_PASSAGES)]
        passage_by_chunk = await read_passages(search.scope, best)
        read = [passage_by_chunk[each] for each in best[:READ_PASSAGES] if each in passage_by_chunk]
        question_by_language = {
            language: as_looked_for(search.query.text, language, lexical.idf_by_term)
            for language in {passage.language for passage in read}
        }
        for passage in read:
            seen_by_chunk[passage.chunk_id] += says(question_by_language[passage.language], passage)
        return settle(seen_by_chunk, candidates), passage_by_chunk

    async def _rerank(
        self, query: SearchQuery, passages: Sequence[Passage]
    ) -> tuple[Sequence[Passage], int]:
        """The passages in their final order, and how many of them were read again."""
        if not query.rerank or self._scorer is None:
            return passages, 0
        first, rest = passages[:RERANKED_PASSAGES], passages[RERANKED_PASSAGES:]
        return [*await rerank(query.text, first, self._scorer), *rest], len(first)


def _wanted(query: SearchQuery) -> int:
    """Passages that the response needs."""
    return max(query.top_k, RERANKED_PASSAGES if query.rerank else 0)


def _distinct(terms: Sequence[str], query: SearchQuery) -> tuple[str, ...]:
    """A conversation's terms once each: how often they count is in the conversation."""
    return tuple(dict.fromkeys(terms)) if query.conversation else tuple(terms)


def _timings(found: _Found, total_seconds: float) -> Timings:
    return Timings(
        embed=found.embedded.seconds * 1000,
        lexical=found.lexical.seconds * 1000,
        vector=found.nearest.seconds * 1000,
        fetch=found.fetch_seconds * 1000,
        total=total_seconds * 1000,
    )


def _scored(
    best: Mapping[int, Passage],
    score_by_chunk: Mapping[int, float],
    lexical: LexicalLeg,
    nearest: VectorLeg,
) -> list[Passage]:
    """The passages with their scores and their rank in each leg."""
    lexical_rank = _ranks(lexical.bm25_by_chunk)
    vector_rank = _ranks(nearest.cosine_by_chunk)
    return [
        replace(
            passage,
            score=score_by_chunk[chunk_id],
            bm25=lexical.bm25_by_chunk.get(chunk_id),
            cosine=nearest.cosine_by_chunk.get(chunk_id),
            lexical_rank=lexical_rank.get(chunk_id),
            vector_rank=vector_rank.get(chunk_id),
        )
        for chunk_id, passage in best.items()
    ]


def _ranks(score_by_chunk: Mapping[int, float]) -> dict[int, int]:
    """The place of each chunk, counted from 1."""
    return {chunk_id: rank for rank, chunk_id in enumerate(score_by_chunk, start=1)}
