"""Where a search may look, besides what row security says: collections, filter, time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cachetools import LRUCache

from app.retrieve.query import SearchQuery
from kb.ids import DocumentId
from kb.index.vector_search import VectorFilter, count_visible
from kb.postgres.database import TenantSession
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

Standing = Literal["admissible", "inadmissible", "any"]
"""Of documents at a time: in force; expired, not yet effective or superseded; either."""

RARE_SHARE = 0.01
"""Of 10,000 English documents about 25 are taken for those of other languages."""

MAX_REMEMBERED = 10_000
"""Entries kept of each kind; one is about 200 bytes."""


@dataclass(frozen=True, kw_only=True)
class SearchScope:
    """What a query may look at in this transaction; `document_ids` None: at all documents.

    `inadmissible` are the visible documents that are no evidence, wherever they are. Of hardly any
    document are `rare_languages`: some are of documents whose language was mistaken.
    """

    standing: Standing
    languages: tuple[str, ...]
    rare_languages: tuple[str, ...]
    document_ids: Collection[DocumentId] | None
    excluded: Sequence[DocumentId]
    inadmissible: frozenset[DocumentId]
    vector_filter: VectorFilter


@dataclass(frozen=True, kw_only=True)
class _Surroundings:
    """What the visible documents are like; most tenants limit none in time."""

    languages: tuple[str, ...]
    rare_languages: tuple[str, ...]
    has_limited_documents: bool


class SearchScopes:
    """Finds search scopes; remembers what holds for a state of the tenant and a viewer."""

    def __init__(self, space: Space) -> None:
        """`space` is where vectors are counted."""
        self._space = space
        self._surroundings: LRUCache[tuple[object, ...], _Surroundings] = LRUCache(MAX_REMEMBERED)
        self._visible_counts: LRUCache[tuple[object, ...], int] = LRUCache(MAX_REMEMBERED)

    async def find(
        self,
        scope: TenantSession,
        query: SearchQuery,
        *,
        generation: int,
        now: datetime,
        standing: Standing = "admissible",
    ) -> SearchScope:
        """What the query may look at now, or at the time it asks about."""
        around = await self._look_around(scope, generation)
        inadmissible: list[DocumentId] = []
        if around.has_limited_documents:
            inadmissible = await inadmissible_documents(scope, at=query.as_of or now)
        collections = None
        if query.collections is not None:
            collections = await collection_ids(scope, query.collections)
        conditions = [document_condition(query.filter)] if query.filter is not None else []
        if query.as_of is not None and query.as_of < now:
            conditions.append(had_begun(query.as_of))
        if standing == "inadmissible":
            conditions.append(is_one_of(inadmissible))
        document_ids = None
        if collections is not None or conditions:
            document_ids = await matching_documents(scope, collections, all_of(*conditions))
        excluded = inadmissible if standing == "admissible" else []
        return SearchScope(
            standing=standing,
            languages=around.languages,
            rare_languages=around.rare_languages,
            document_ids=document_ids,
            excluded=excluded,
            inadmissible=frozenset(inadmissible),
            vector_filter=VectorFilter(
                collection_ids=collections,
                excluded_document_ids=excluded,
                document_condition=all_of(*conditions) if conditions else None,
            ),
        )

    async def count_visible(
        self,
        scope: TenantSession,
        query: SearchQuery,
        search_scope: SearchScope,
        *,
        generation: int,
    ) -> int:
        """Vectors within the search scope, counted once for each state, viewer and filter."""
        key = (
            scope.tenant_id,
            scope.viewer,
            generation,
            query.collections,
            repr(query.filter),
            query.as_of,
            search_scope.standing,
            search_scope.inadmissible,
        )
        count = self._visible_counts.get(key)
        if count is None:
            count = await count_visible(scope, self._space, search_scope.vector_filter)
            self._visible_counts[key] = count
        return count

    async def _look_around(self, scope: TenantSession, generation: int) -> _Surroundings:
        key = (scope.tenant_id, scope.viewer, generation)
        found = self._surroundings.get(key)
        if found is None:
            share_by_language = await languages(scope)
            rare = [each for each, share in share_by_language.items() if share < RARE_SHARE]
            found = _Surroundings(
                languages=tuple(sorted(share_by_language.keys() - set(rare))),
                rare_languages=tuple(sorted(rare)),
                has_limited_documents=await has_limited_documents(scope),
            )
            self._surroundings[key] = found
        return found
