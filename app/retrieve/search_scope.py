"""The documents a search may look at, within row security: by collections, filter and time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cachetools import LRUCache

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.rerank import RERANKED_PASSAGES
from kb.ids import DocumentId, TenantId
from kb.index.reached import Reached, history_of
from kb.index.vector_search import VectorFilter, count_visible
from kb.postgres.database import TenantSession, Viewer
from kb.store.admissible import (
    all_of,
    document_condition,
    had_begun,
    has_limited_documents,
    inadmissible_documents,
    is_one_of,
    languages,
    matching_documents,
)
from kb.store.collections import collection_ids
from kb.store.spaces import Space
from kb.store.tenants import Generations
from kb.telemetry import Stopwatch

Admissibility = Literal["admissible", "inadmissible", "any"]
"""Documents in force at a time; those expired, not yet effective or superseded; either."""

RARE_SHARE: Final = 0.01
"""Of 10,000 English documents about 25 are taken for documents of other languages."""

MAX_CACHED: Final = 10_000
"""Entries of each cache; one is about 200 bytes, and found in 0.3 us."""


@dataclass(frozen=True, kw_only=True)
class SearchScope:
    """The documents a query may look at in this transaction; `document_ids` None: all of them.

    `inadmissible` are the visible documents that are no evidence, wherever they are. Of hardly any
    document are `rare_languages`: some are of documents whose language was mistaken.
    """

    admissibility: Admissibility
    languages: tuple[str, ...]
    rare_languages: tuple[str, ...]
    document_ids: Collection[DocumentId] | None
    excluded: Sequence[DocumentId]
    inadmissible: frozenset[DocumentId]
    vector_filter: VectorFilter


@dataclass(frozen=True, kw_only=True)
class Search:
    """A query and all that limits its search; `generation` is the tenant's.

    Vectors are compared in `space`, that of the embedder, with the limits that hold in it.
    """

    tenant_id: TenantId
    viewer: Viewer
    query: SearchQuery
    search_scope: SearchScope
    generation: int
    embedder: QueryEmbedder
    limits: RetrievalLimits
    stopwatch: Stopwatch

    @property
    def wanted(self) -> int:
        """The number of passages to read."""
        return max(self.query.top_k, RERANKED_PASSAGES if self.query.rerank else 0)

    @property
    def limit(self) -> int:
        """The number of candidates by BM25 and by vectors."""
        return max(self.limits.candidates, self.wanted)

    @property
    def space(self) -> Space:
        """The embedding space."""
        return self.embedder.space


@dataclass(frozen=True, kw_only=True)
class HeldScope:
    """The scope of a query without limits of its own, and the caller's generation in it.

    Not when the viewer sees documents that are `limited_in_time`.
    """

    search_scope: SearchScope
    caller_generation: int
    is_limited_in_time: bool


@dataclass(frozen=True, kw_only=True)
class _VisibleDocuments:
    """Facts of the documents that a viewer may read; most tenants limit none in time."""

    languages: tuple[str, ...]
    rare_languages: tuple[str, ...]
    has_limited_documents: bool
    caller_generation: int


class SearchScopes:
    """Finds search scopes; caches what holds for a state of the tenant and a viewer."""

    def __init__(self) -> None:
        """With empty caches."""
        self._visible_documents: LRUCache[tuple[object, ...], _VisibleDocuments] = LRUCache(
            MAX_CACHED
        )
        self._visible_counts: LRUCache[tuple[object, ...], int] = LRUCache(MAX_CACHED)

    def forget(self) -> None:
        """Empties the caches."""
        self._visible_documents.clear()
        self._visible_counts.clear()

    async def find(
        self,
        scope: TenantSession,
        query: SearchQuery,
        *,
        generations: Generations,
        now: datetime,
        admissibility: Admissibility,
    ) -> SearchScope:
        """The query's search scope now, or at the time it asks about."""
        visible = await self._describe_visible(scope, generations)
        inadmissible: list[DocumentId] = []
        if visible.has_limited_documents:
            inadmissible = await inadmissible_documents(scope, at=query.as_of or now)
        collections = None
        if query.collections is not None:
            collections = await collection_ids(scope, query.collections)
        conditions = [document_condition(query.filter)] if query.filter is not None else []
        if query.as_of is not None and query.as_of < now:
            conditions.append(had_begun(query.as_of))
        if admissibility == "inadmissible":
            conditions.append(is_one_of(inadmissible))
        document_ids = None
        if collections is not None or conditions:
            document_ids = await matching_documents(scope, collections, all_of(*conditions))
        excluded = inadmissible if admissibility == "admissible" else []
        return SearchScope(
            admissibility=admissibility,
            languages=visible.languages,
            rare_languages=visible.rare_languages,
            document_ids=document_ids,
            excluded=excluded,
            inadmissible=frozenset(inadmissible),
            vector_filter=VectorFilter(
                collection_ids=collections,
                excluded_document_ids=excluded,
                document_condition=all_of(*conditions) if conditions else None,
            ),
        )

    def held(self, tenant_id: TenantId, viewer: Viewer, *, reached: Reached) -> HeldScope | None:
        """The scope that needs no connection; None: nobody has looked yet."""
        visible = self._visible_documents.get((tenant_id, viewer, reached))
        if visible is None:
            return None
        search_scope = SearchScope(
            admissibility="admissible",
            languages=visible.languages,
            rare_languages=visible.rare_languages,
            document_ids=None,
            excluded=(),
            inadmissible=frozenset(),
            vector_filter=VectorFilter(),
        )
        return HeldScope(
            search_scope=search_scope,
            caller_generation=visible.caller_generation,
            is_limited_in_time=visible.has_limited_documents,
        )

    async def count_visible(self, scope: TenantSession, search: Search) -> int:
        """Vectors within the search scope, counted once for each state, viewer and filter."""
        query, search_scope = search.query, search.search_scope
        key = (
            scope.tenant_id,
            scope.viewer,
            search.generation,
            search.space.name,
            query.collections,
            repr(query.filter),
            query.as_of,
            search_scope.admissibility,
            search_scope.inadmissible,
        )
        count = self._visible_counts.get(key)
        if count is None:
            count = await count_visible(scope, search.space, search_scope.vector_filter)
            self._visible_counts[key] = count
        return count

    async def _describe_visible(
        self, scope: TenantSession, generations: Generations
    ) -> _VisibleDocuments:
        # A restored database counts its generations again.
        history = history_of(generations.change)
        reached = Reached(generation=generations.tenant, history=history)
        key = (scope.tenant_id, scope.viewer, reached)
        visible = self._visible_documents.get(key)
        if visible is None:
            share_by_language = await languages(scope)
            rare = [each for each, share in share_by_language.items() if share < RARE_SHARE]
            visible = _VisibleDocuments(
                languages=tuple(sorted(share_by_language.keys() - set(rare))),
                rare_languages=tuple(sorted(rare)),
                has_limited_documents=await has_limited_documents(scope),
                caller_generation=generations.caller,
            )
            self._visible_documents[key] = visible
        return visible
