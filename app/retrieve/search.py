"""The best passages for a question that this caller may read.

In memory first, see `from_memory.py`. What that cannot answer is searched for in the database:
embed the question -> candidates (BM25 | vectors, both filtered) -> fuse -> read under row security
-> score their text -> rerank
"""

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime

from app.retrieve.from_memory import FallBack, MemorySearch
from app.retrieve.lexical_candidates import find_lexical_candidates
from app.retrieve.node_indexes import NodeIndexes
from app.retrieve.query import RetrievalLimits, SearchMode, SearchQuery
from app.retrieve.query_embedder import QueryVector
from app.retrieve.ranking import Candidates, Found, best_passages, rank, rank_read
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.rerank import RERANKED_PASSAGES, PassageScorer, rerank
from app.retrieve.retrieval import Explanation, Retrieval, Stale, Timings
from app.retrieve.search_scope import Admissibility, Search, SearchScopes
from app.retrieve.search_spaces import SearchSpaces, SpaceNotLoaded
from app.retrieve.vector_candidates import VectorCandidates, embed_query, find_by_sketches
from kb.errors import InvalidInput
from kb.ids import DocumentId, TenantId
from kb.index.candidate_vectors import read_candidate_vectors
from kb.index.held_passages import HELD_BYTES, HeldPassages
from kb.index.vector_search import search_vectors
from kb.postgres.database import Database, TenantSession, Viewer
from kb.store.chunks import read_passages
from kb.store.credentials import KeyClaim
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

CountSearch = Callable[[FallBack | None], None]
"""Told of each search: None when memory has answered it, else the reason that it could not."""


class Retriever:
    """Searches for one caller at a time; caches what callers can see."""

    def __init__(  # noqa: PLR0913  # the last three may be left out
        self,
        database: Database,
        indexes: NodeIndexes,
        spaces: SearchSpaces,
        limits: RetrievalLimits,
        *,
        scorer: PassageScorer | None = None,
        sampler: RecallSampler | None = None,
        count_search: CountSearch | None = None,
    ) -> None:
        """Without a scorer nothing is reranked; without a sampler recall is not observed."""
        self._database = database
        self._indexes = indexes
        self.spaces = spaces
        self._limits = limits
        self._scorer = scorer
        self._sampler = sampler
        self._count_search = count_search or (lambda _reason: None)
        self._scopes = SearchScopes()
        self._passages = HeldPassages(max_bytes=HELD_BYTES)
        self._memory = MemorySearch(database, indexes, spaces, limits, self._scopes, self._passages)

    def uncounted(self) -> "Retriever":
        """The same with the same caches; what it searches is in no metric."""
        uncounted = copy(self)
        uncounted._count_search = lambda _reason: None  # noqa: SLF001  # of this class
        uncounted._sampler = None  # noqa: SLF001
        return uncounted

    async def take_up(self, tenant_id: TenantId) -> None:
        """The sketches of the tenant's vectors are in memory then, unless they do not fit."""
        if self._indexes.sketches is not None:
            await self._indexes.sketches.catch_up(tenant_id, self.spaces.expected.space)

    def forget(self, tenant_id: TenantId) -> None:
        """Empties the caches of what callers asked and can see, and of the tenant's passages."""
        self._scopes.forget()
        self.spaces.forget()
        self._passages.forget(tenant_id)

    async def search(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        now: datetime,
        admissibility: Admissibility = "admissible",
        fell_back: FallBack | None = None,
    ) -> Retrieval:
        """The best passages of the search scope, of evidence at the time asked about.

        Or of what is no evidence then (expired, not yet effective, superseded), or of either.
        Memory is not asked again when `search_with_key` fell back already.
        """
        found: Found | FallBack = fell_back or FallBack.UNSUITED
        self._require_scorer(query)
        if admissibility == "admissible":
            if fell_back is None:
                found = await self._memory.search(tenant_id, viewer, query, key=None, now=now)
            self._count_search(found if isinstance(found, FallBack) else None)
        while isinstance(found, FallBack):
            try:
                found = await self._search_database(
                    tenant_id, viewer, query, now=now, admissibility=admissibility
                )
            except SpaceNotLoaded as lacking:
                # Without a connection: it takes seconds.
                await self.spaces.load(lacking.stored)
        return await self._conclude(found)

    async def search_with_key(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        key: KeyClaim,
        now: datetime,
    ) -> Retrieval | FallBack:
        """As `search`, for a key that is looked at in the same statement; in memory or not at all.

        Counted when it is done; else by `search`, after the key was looked at.
        """
        self._require_scorer(query)
        found = await self._memory.search(tenant_id, viewer, query, key=key, now=now)
        if isinstance(found, FallBack):
            return found
        self._count_search(None)
        return await self._conclude(found)

    def _require_scorer(self, query: SearchQuery) -> None:
        if query.rerank and self._scorer is None:
            raise InvalidInput(
                "No reranker is configured: leave 'rerank' out, or set FOOTNOTE_RERANK_MODEL."
            )

    async def _search_database(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        now: datetime,
        admissibility: Admissibility,
    ) -> Found:
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
                    scope, query, generations=generations, now=now, admissibility=admissibility
                )
                search = Search(
                    tenant_id=tenant_id,
                    viewer=viewer,
                    query=query,
                    search_scope=search_scope,
                    generation=generations.tenant,
                    embedder=active,
                    limits=self._limits.tuned(active.tuning, active.languages),
                    stopwatch=stopwatch,
                )
                candidates = await self._find_candidates(scope, search, embedding)
                with stopwatch.span("fetch"):
                    ranking = rank(search, candidates)
                    epoch = self._passages.epoch
                    passages = await read_passages(scope, ranking.unread)
                    read = self._passages.keep(tenant_id, passages.values(), epoch=epoch)
                    scores = rank_read(search, candidates, ranking, read)
        finally:
            embedding.cancel()
        return Found(
            search=search,
            candidates=candidates,
            passages=best_passages(search, candidates, scores, read),
            generation=generations.caller,
        )

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
        self,
        scope: TenantSession,
        search: Search,
        embedding: "asyncio.Task[QueryVector | None]",
    ) -> Candidates:
        sketches = None
        if self._indexes.sketches is not None:
            sketches = await self._indexes.sketches.view(
                scope, search.space, generation=search.generation
            )
        searching_words = asyncio.create_task(
            find_lexical_candidates(self._indexes.lexical, scope, search)
        )
        try:
            question = await embedding
            lexical = await searching_words
        finally:
            searching_words.cancel()
            # It may still be using the connection, which is about to be rolled back.
            await asyncio.gather(searching_words, return_exceptions=True)
        besides = list(lexical.bm25_by_chunk)
        if question is None:
            vector = VectorCandidates()
        elif sketches is not None:
            vector = await find_by_sketches(scope, search, sketches, question, besides=besides)
        else:
            vector = await self._find_by_plans(scope, search, question, besides)
        return Candidates(question=question, lexical=lexical, vector=vector)

    async def _find_by_plans(
        self, scope: TenantSession, search: Search, question: QueryVector, besides: Sequence[int]
    ) -> VectorCandidates:
        visible_count = await self._scopes.count_visible(scope, search)
        with search.stopwatch.span("vector"):
            hits, plan = await search_vectors(
                scope,
                search.space,
                question,
                search.search_scope.vector_filter,
                limit=search.limit,
                visible_count=visible_count,
            )
            cosine_by_chunk = {hit.chunk_id: hit.cosine for hit in hits}
            vectors = None
            if search.query.mode == "hybrid":
                both = sorted({*besides, *cosine_by_chunk})
                vectors = await read_candidate_vectors(scope, search.space, both)
        return VectorCandidates(cosine_by_chunk=cosine_by_chunk, plan=plan, vectors=vectors)

    async def _conclude(self, found: Found) -> Retrieval:
        """The passages in their last order, and the way they were found; needs no connection."""
        search, candidates, passages = found.search, found.candidates, found.passages
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
            generation=found.generation,
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
