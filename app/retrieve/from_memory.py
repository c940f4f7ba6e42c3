"""A search in what this process holds, which Postgres settles in one statement at the end.

embed -> vectors by their sketches | BM25 -> fuse -> score the texts that are held -> settle

What is held is of one generation of the tenant: the lexical index, the sketches, and what the
viewer could see. Candidates are of audiences that the viewer belonged to then, so that nothing
hidden moves a score. At the end Postgres checks the key, lets row security say which hits may be
read now, and reads the generation last: when it has moved, what was found counts for nothing and
the search is made in the database. So revoking, hiding, deleting and publishing take effect with
the very next search.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cachetools import LRUCache

from app.retrieve.lexical_candidates import LexicalCandidates, search_words
from app.retrieve.node_indexes import NodeIndexes
from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.ranking import Candidates, Found, best_passages, rank, rank_read
from app.retrieve.search_scope import HeldScope, Search, SearchScopes
from app.retrieve.search_spaces import SearchSpaces
from app.retrieve.vector_candidates import (
    VectorCandidates,
    candidates_of,
    embed_query,
    find_nearest,
    with_vectors,
)
from kb.errors import DependencyFailed, IndexNotReady
from kb.ids import TenantId
from kb.index.held_passages import HeldPassages
from kb.index.lexical.view import LexicalView
from kb.index.reached import Reached, history_of
from kb.index.sketches.view import SketchView
from kb.passages import Passage
from kb.postgres.database import Database, Viewer
from kb.store.credentials import KeyClaim
from kb.store.settled_search import Settled, settle_search
from kb.telemetry import Stopwatch

MAX_OVERTAKEN: Final = 10_000
"""Tenants whose generation is known to have moved on, 200 bytes each."""


class FallBack(StrEnum):
    """The reason that a search has to be made in the database."""

    UNSUITED = "unsuited"
    """It has a filter, collections or a time, or the viewer sees documents with limits in time."""
    NOT_HELD = "not_held"
    """The tenant, or what the viewer may see of it, is not held, or not at one generation."""
    CHANGED = "changed"
    """The tenant has changed since."""
    KEY = "key"
    """The key is not valid as it was."""
    UNSETTLED = "unsettled"
    """The database could not be asked in this way."""


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What is held for a viewer of a tenant, all of one state; views are of what the mode needs."""

    reached: Reached
    embedder: QueryEmbedder
    scope: HeldScope
    lexical: LexicalView | None
    sketches: SketchView | None


class MemorySearch:
    """Belongs to one event loop."""

    def __init__(  # each is a thing of its own
        self,
        database: Database,
        indexes: NodeIndexes,
        spaces: SearchSpaces,
        limits: RetrievalLimits,
        scopes: SearchScopes,
        passages: HeldPassages,
    ) -> None:
        """`scopes` and `passages` are those that searches in the database fill."""
        self._database = database
        self._indexes = indexes
        self._spaces = spaces
        self._limits = limits
        self._scopes = scopes
        self._passages = passages
        self._overtaken: LRUCache[TenantId, Reached] = LRUCache(MAX_OVERTAKEN)

    async def search(
        self,
        tenant_id: TenantId,
        viewer: Viewer,
        query: SearchQuery,
        *,
        key: KeyClaim | None,
        now: datetime,
    ) -> Found | FallBack:
        """What is found for the key, or for a caller who is known already, or why nothing is."""
        if query.collections is not None or query.filter is not None or query.as_of is not None:
            return FallBack.UNSUITED
        held = self._hold(tenant_id, viewer, query)
        if isinstance(held, FallBack):
            return held
        embedder = held.embedder
        search = Search(
            tenant_id=tenant_id,
            viewer=viewer,
            query=query,
            search_scope=held.scope.search_scope,
            generation=held.reached.generation,
            embedder=embedder,
            limits=self._limits.tuned(embedder.tuning, embedder.languages),
            stopwatch=Stopwatch(),
        )
        try:
            candidates = await _find_candidates(search, held)
        except IndexNotReady:
            return FallBack.NOT_HELD
        ranking = rank(search, candidates)
        epoch = self._passages.epoch
        read = self._passages.held(tenant_id, ranking.unread)
        asked, scores = ranking.unread, None
        # A title that has changed since they were read would put them in another place.
        if len(read) == len(asked) and all(each.reached == held.reached for each in read.values()):
            scores = rank_read(search, candidates, ranking, read)
            asked = [each for each in scores if each in read][: search.wanted]
        passages = {each: read[each].passage if each in read else None for each in asked}
        settled = await self._settle(search, held, passages, key=key, now=now)
        if isinstance(settled, FallBack):
            return settled
        read |= self._passages.keep(tenant_id, settled.passages, epoch=epoch)
        if scores is None:
            self._passages.confirm(tenant_id, asked, held.reached)
            scores = rank_read(search, candidates, ranking, read)
        return Found(
            search=search,
            candidates=candidates,
            passages=best_passages(search, candidates, scores, read),
            generation=held.scope.caller_generation,
        )

    def _hold(self, tenant_id: TenantId, viewer: Viewer, query: SearchQuery) -> _Held | FallBack:
        """What is held at one state; FallBack where it is not."""
        embedder = self._spaces.expected
        sketches: SketchView | None = None
        lexical: LexicalView | None = None
        reached: Reached | None = None
        if query.mode != "lexical":
            if self._indexes.sketches is not None:
                sketches = self._indexes.sketches.held_view(tenant_id, viewer, embedder.space)
            if sketches is None:
                return FallBack.NOT_HELD
            reached = sketches.reached
        if query.mode != "vector":
            lexical = self._indexes.lexical.held_view(tenant_id, viewer.principals)
            if lexical is None or reached not in {None, lexical.reader.reached}:
                return FallBack.NOT_HELD
            reached = lexical.reader.reached
        assert reached is not None  # noqa: S101  # each mode looks at an index
        if self._overtaken.get(tenant_id) == reached:
            return FallBack.CHANGED
        scope = self._scopes.held(tenant_id, viewer, reached=reached)
        if scope is None:
            return FallBack.NOT_HELD
        if scope.is_limited_in_time:
            return FallBack.UNSUITED
        return _Held(
            reached=reached, embedder=embedder, scope=scope, lexical=lexical, sketches=sketches
        )

    async def _settle(
        self,
        search: Search,
        held: _Held,
        passages: Mapping[int, Passage | None],
        *,
        key: KeyClaim | None,
        now: datetime,
    ) -> Settled | FallBack:
        """What Postgres says, or the reason that what was found must not be shown."""
        tenant_id, principals = search.tenant_id, search.viewer.principals
        try:
            with search.stopwatch.span("fetch"):
                settled = await settle_search(
                    self._database, tenant_id, principals, passages, key=key, now=now
                )
        except DependencyFailed:
            return FallBack.UNSETTLED
        if not settled.is_key_valid:
            return FallBack.KEY
        generation = settled.generation
        if generation is None:
            return FallBack.CHANGED
        if Reached(generation=generation, history=history_of(settled.change)) != held.reached:
            # Until it is taken up, no search of the tenant has to find that out again.
            self._overtaken[tenant_id] = held.reached
            return FallBack.CHANGED
        is_searched = self._spaces.is_searched(held.embedder, settled.space)
        return settled if is_searched and settled.readable >= passages.keys() else FallBack.CHANGED


async def _find_candidates(search: Search, held: _Held) -> Candidates:
    # A large tenant's words and vectors are each gone through in a thread.
    comparing = asyncio.create_task(_compare_vectors(search, held))
    try:
        lexical = LexicalCandidates()
        if held.lexical is not None:
            with search.stopwatch.span("lexical"):
                lexical = await search_words(held.lexical, search)
        question, cosine_by_chunk = await comparing
    except BaseException:
        comparing.cancel()
        await asyncio.gather(comparing, return_exceptions=True)
        raise
    vector = VectorCandidates()
    if held.sketches is not None:
        besides = list(lexical.bm25_by_chunk)
        vector = candidates_of(
            with_vectors(search, held.sketches, cosine_by_chunk, besides=besides)
        )
    return Candidates(question=question, lexical=lexical, vector=vector)


async def _compare_vectors(
    search: Search, held: _Held
) -> tuple[QueryVector | None, dict[int, float]]:
    """The question's vector, and the nearest chunks by it; nothing in a lexical search."""
    question = await embed_query(held.embedder, search.query, search.stopwatch)
    if question is None or held.sketches is None:
        return question, {}
    return question, await find_nearest(search, held.sketches, question)
