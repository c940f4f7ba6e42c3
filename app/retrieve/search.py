"""The best passages for a question that this caller may read.

embed the question -> candidates (BM25 | vectors, both filtered) -> fuse -> read under row security
-> score their text -> rerank
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from app.retrieve.fusion import fuse_evidence, rescore_with_feedback
from app.retrieve.lexical_candidates import LexicalCandidates, find_lexical_candidates
from app.retrieve.phrases import READ_PASSAGES, score_text, weigh_question
from app.retrieve.query import RetrievalLimits, SearchMode, SearchQuery
from app.retrieve.query_embedder import QueryVector
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.rerank import RERANKED_PASSAGES, PassageScorer, rerank
from app.retrieve.retrieval import Explanation, Retrieval, Stale, Timings
from app.retrieve.search_scope import Admissibility, Search, SearchScopes
from app.retrieve.search_spaces import SearchSpaces, SpaceNotLoaded
from app.retrieve.vector_candidates import (
    VectorCandidates,
    embed_query,
    find_by_sketches,
)
from kb.errors import InvalidInput
from kb.ids import DocumentId, TenantId
from kb.index.candidate_vectors import read_candidate_vectors
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.vector_search import search_vectors
from kb.passages import Passage
from kb.postgres.database import Database, Viewer
from kb.store.chunks import read_passages
from kb.store.tenants import read_generations
from kb.telemetry import Stopwatch

__all__ = [
    "NodeIndexes",
    "Retrieval",
    "RetrievalLimits",
    "Retriever",
    "SearchMode",
    "SearchQuery",
]


@dataclass(frozen=True, kw_only=True)
class NodeIndexes:
    """The indexes a node derives from Postgres; without sketches its plans find the vectors."""

    lexical: LexicalIndexes
    sketches: SketchCache | None = None


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    """The candidates by BM25 and by vectors; no question vector in a lexical search."""

    question: QueryVector | None
    lexical: LexicalCandidates
    vector: VectorCandidates


class Retriever:
    """Searches for one caller at a time; caches what callers can see."""

    def __init__(
        self,
        database: Database,
        indexes: NodeIndexes,
        spaces: SearchSpaces,
        limits: RetrievalLimits,
        scorer: PassageScorer | None = None,
        sampler: RecallSampler | None = None,
    ) -> None:
        """Without a scorer nothing is reranked; without a sampler recall is not observed."""
        self._database = database
        self._indexes = indexes
        self.spaces = spaces
        self._limits = limits
        self._scorer = scorer
        self._sampler = sampler
        self._scopes = SearchScopes()

    def forget(self) -> None:
        """Empties the caches of what callers asked and can see."""
        self._scopes.forget()
        self.spaces.forget()

    async def search(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        now: datetime,
        admissibility: Admissibility = "admissible",
    ) -> Retrieval:
        """The best passages of the search scope, of evidence at the time asked about.

        Or of what is no evidence then (expired, not yet effective, superseded), or of either.
        """
        if query.rerank and self._scorer is None:
            raise InvalidInput(
                "No reranker is configured: leave 'rerank' out, or set FOOTNOTE_RERANK_MODEL."
            )
        while True:
            try:
                return await self._search(
                    tenant_id, viewer, query, now=now, admissibility=admissibility
                )
            except SpaceNotLoaded as lacking:
                # Without a connection: it takes seconds.
                await self.spaces.load(lacking.stored)

    async def _search(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        now: datetime,
        admissibility: Admissibility,
    ) -> Retrieval:
        stopwatch = Stopwatch()
        # The model runs beside the first statements: both take some milliseconds. While it is
        # busy with other questions, this one waits without a connection.
        embedder = self.spaces.expected
        is_queueing = embedder.is_busy
        embedding = asyncio.create_task(embed_query(embedder, query, stopwatch))
        try:
            if is_queueing:
                await asyncio.wait({embedding})
            async with self._database.tenant(tenant_id, viewer=viewer) as scope:
                generations = await read_generations(scope)
                active = await self.spaces.choose(scope, generations.space)
                if active.space != embedder.space:
                    # Activated a moment ago.
                    embedding.cancel()
                    embedding = asyncio.create_task(embed_query(active, query, stopwatch))
                search_scope = await self._scopes.find(
                    scope,
                    query,
                    generation=generations.tenant,
                    now=now,
                    admissibility=admissibility,
                )
                wanted = max(query.top_k, RERANKED_PASSAGES if query.rerank else 0)
                search = Search(
                    scope=scope,
                    query=query,
                    search_scope=search_scope,
                    generation=generations.tenant,
                    embedder=active,
                    limits=self._limits.tuned(active.tuning, active.languages),
                    wanted=wanted,
                    limit=max(self._limits.candidates, wanted),
                    stopwatch=stopwatch,
                )
                candidates = await self._find_candidates(search, embedding)
                with stopwatch.span("fetch"):
                    passages = await self._read_best(search, candidates)
        finally:
            embedding.cancel()
        return await self._conclude(search, candidates, passages, generations.caller)

    async def find_stale(
        self, tenant_id: TenantId, viewer: Viewer, query: SearchQuery, *, now: datetime
    ) -> Stale:
        """The hits among the `top_k` best whose documents `search` leaves out."""
        retrieval = await self.search(tenant_id, viewer, query, now=now, admissibility="any")
        stale = [
            DocumentId(passage.document_id)
            for passage in retrieval.passages
            if passage.document_id in retrieval.inadmissible
        ]
        return Stale(hits=len(stale), document_ids=tuple(dict.fromkeys(stale)))

    async def _find_candidates(
        self, search: Search, embedding: "asyncio.Task[QueryVector | None]"
    ) -> _Candidates:
        sketches = None
        if self._indexes.sketches is not None:
            sketches = await self._indexes.sketches.view(
                search.scope, search.space, generation=search.generation
            )
        searching_words = asyncio.create_task(
            find_lexical_candidates(self._indexes.lexical, search)
        )
        try:
            question = await embedding
            lexical = await searching_words
        finally:
            searching_words.cancel()
            # It may still be using the connection, which is about to be rolled back.
            await asyncio.gather(searching_words, return_exceptions=True)
        if question is None:
            vector = VectorCandidates()
        elif sketches is not None:
            besides = list(lexical.bm25_by_chunk)
            vector = await find_by_sketches(search, sketches, question, besides=besides)
        else:
            visible_count = await self._scopes.count_visible(search)
            with search.stopwatch.span("vector"):
                hits, plan = await search_vectors(
                    search.scope,
                    search.space,
                    question,
                    search.search_scope.vector_filter,
                    limit=search.limit,
                    visible_count=visible_count,
                )
            cosine_by_chunk = {hit.chunk_id: hit.cosine for hit in hits}
            vector = VectorCandidates(cosine_by_chunk=cosine_by_chunk, plan=plan)
        return _Candidates(question=question, lexical=lexical, vector=vector)

    async def _read_best(self, search: Search, candidates: _Candidates) -> Sequence[Passage]:
        """The best passages that row security lets through, best first, with scores and ranks."""
        bm25_by_chunk = candidates.lexical.bm25_by_chunk
        cosine_by_chunk = candidates.vector.cosine_by_chunk
        passage_by_chunk: Mapping[int, Passage] | None = None
        match search.query.mode:
            case "hybrid":
                score_by_chunk, passage_by_chunk = await self._fuse(search, candidates)
            case "lexical":
                score_by_chunk = bm25_by_chunk
            case "vector":
                score_by_chunk = cosine_by_chunk
            case _:
                assert_never(search.query.mode)
        if passage_by_chunk is None:
            passage_by_chunk = await read_passages(
                search.scope, list(score_by_chunk)[: search.wanted]
            )
        lexical_rank = {chunk: rank for rank, chunk in enumerate(bm25_by_chunk, start=1)}
        vector_rank = {chunk: rank for rank, chunk in enumerate(cosine_by_chunk, start=1)}
        readable = [chunk_id for chunk_id in score_by_chunk if chunk_id in passage_by_chunk]
        return [
            replace(
                passage_by_chunk[chunk_id],
                score=score_by_chunk[chunk_id],
                bm25=bm25_by_chunk.get(chunk_id),
                cosine=cosine_by_chunk.get(chunk_id),
                lexical_rank=lexical_rank.get(chunk_id),
                vector_rank=vector_rank.get(chunk_id),
            )
            for chunk_id in readable[: search.wanted]
        ]

    async def _fuse(
        self, search: Search, candidates: _Candidates
    ) -> tuple[Mapping[int, float], Mapping[int, Passage]]:
        """Scores by chunk, best first, and the passages of the best by evidence."""
        question, lexical, vector = candidates.question, candidates.lexical, candidates.vector
        assert question is not None  # noqa: S101 - a hybrid search has embedded it
        vectors = vector.vectors
        if vectors is None:
            both = lexical.bm25_by_chunk.keys() | vector.cosine_by_chunk.keys()
            vectors = await read_candidate_vectors(search.scope, search.space, sorted(both))
        evidence_by_chunk = fuse_evidence(
            lexical.bm25_by_chunk,
            vectors,
            question,
            lexical_weight=search.limits.lexical_weight_in(lexical.language),
        )
        best = list(evidence_by_chunk)[: max(search.wanted, READ_PASSAGES)]
        passage_by_chunk = await read_passages(search.scope, best)
        read = [passage_by_chunk[each] for each in best[:READ_PASSAGES] if each in passage_by_chunk]
        weighed_by_language = {
            language: weigh_question(search.query.text, language, lexical.idf_by_term)
            for language in {passage.language for passage in read}
        }
        for passage in read:
            weighed = weighed_by_language[passage.language]
            evidence_by_chunk[passage.chunk_id] += score_text(weighed, passage)
        return rescore_with_feedback(evidence_by_chunk, vectors), passage_by_chunk

    async def _conclude(
        self,
        search: Search,
        candidates: _Candidates,
        passages: Sequence[Passage],
        generation: int,
    ) -> Retrieval:
        """The passages in their last order, and the way they were found; needs no connection."""
        query, lexical, vector = search.query, candidates.lexical, candidates.vector
        if self._sampler is not None:
            self._sampler.consider(search, candidates.question, vector)
        reranked = 0
        if query.rerank and self._scorer is not None:
            first, rest = passages[:RERANKED_PASSAGES], passages[RERANKED_PASSAGES:]
            reranked = len(first)
            passages = [*await rerank(query.text, first, self._scorer), *rest]
        # How often a conversation's terms count is in the conversation.
        terms = dict.fromkeys(lexical.terms) if query.conversation else lexical.terms
        seconds = search.stopwatch.seconds_by_stage
        return Retrieval(
            passages=tuple(passages[: query.top_k]),
            embedder=search.embedder,
            generation=generation,
            timings=Timings(
                embed=seconds.get("embed", 0.0) * 1000,
                lexical=seconds.get("lexical", 0.0) * 1000,
                vector=seconds.get("vector", 0.0) * 1000,
                fetch=seconds.get("fetch", 0.0) * 1000,
                total=search.stopwatch.total_seconds * 1000,
            ),
            explanation=Explanation(
                terms=tuple(terms),
                lexical_candidates=len(lexical.bm25_by_chunk),
                vector_candidates=len(vector.cosine_by_chunk),
                vector_plan=vector.plan,
                lexical_weight=search.limits.lexical_weight_in(lexical.language),
                is_lexical_missing=lexical.is_missing,
                reranked=reranked,
                conversation=query.conversation,
            ),
            inadmissible=search.search_scope.inadmissible,
        )
