"""Candidates by the cosine of their vectors with the question's."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from app.retrieve.query import SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.search_scope import Search, SearchScope
from kb.index.candidate_vectors import CandidateVectors, Nearest, read_nearest
from kb.index.sketches.view import SketchView
from kb.index.vector_search import Plan
from kb.postgres.database import TenantSession
from kb.store.tenants import changed_documents
from kb.telemetry import Stopwatch


@dataclass(frozen=True, kw_only=True)
class VectorCandidates:
    """Scores by chunk, best first; no plan when no vectors were searched."""

    cosine_by_chunk: Mapping[int, float] = field(default_factory=dict)
    plan: Plan | None = None
    vectors: CandidateVectors | None = None
    """With the lexical candidates' vectors, where the search has read them on the way."""


async def embed_query(
    embedder: QueryEmbedder, query: SearchQuery, stopwatch: Stopwatch
) -> QueryVector | None:
    """The vector to search with, of unit length; None in a lexical search."""
    if query.mode == "lexical":
        return None
    carried = query.conversation.carried if query.conversation else ()
    with stopwatch.span("embed"):
        # Together: those that were searched for before are cached, the others make one batch.
        own, *others = await asyncio.gather(
            embedder.embed(query.text), *(embedder.embed(each.said.text) for each in carried)
        )
    if not others:
        return own
    vector: QueryVector = own + sum(
        each.vector_weight * other for each, other in zip(carried, others, strict=True)
    )
    return vector / np.linalg.norm(vector)


async def find_by_sketches(
    scope: TenantSession,
    search: Search,
    sketches: SketchView,
    vector: QueryVector,
    *,
    besides: Sequence[int],
) -> VectorCandidates:
    """Up to `limit` chunks, and the vectors of those in `besides` as well.

    By the sketches' bytes; Postgres compares what changed since they were read, and gives the
    vectors that they lack.
    """
    cosine_by_chunk = await find_nearest(search, sketches, vector)
    with search.stopwatch.span("vector"):
        # Asked last: what was hidden or published during the search is not as the sketches have it.
        news = await changed_documents(scope, since=search.generation)
    if news:
        sketches = sketches.without(news)
        cosine_by_chunk = await find_nearest(search, sketches, vector)
    found = with_vectors(search, sketches, cosine_by_chunk, besides=besides)
    changed = _within(search.search_scope, sketches.changed)
    missing = sorted(set(besides).difference(found.vectors.chunk_ids))
    if changed or missing:
        with search.stopwatch.span("vector"):
            read = await read_nearest(
                scope, search.space, vector, changed, besides=missing, limit=search.limit
            )
        found = found.merged(read, besides=besides, limit=search.limit)
    return candidates_of(found)


async def find_nearest(
    search: Search, sketches: SketchView, vector: QueryVector
) -> dict[int, float]:
    """The cosines of up to `limit` chunks by the sketches alone, best first."""
    with search.stopwatch.span("vector"):
        return await _searched(search, sketches).nearest(vector, limit=search.limit)


def with_vectors(
    search: Search,
    sketches: SketchView,
    cosine_by_chunk: dict[int, float],
    *,
    besides: Sequence[int],
) -> Nearest:
    """These with their vectors by the sketches, and those of the chunks in `besides` that are."""
    with search.stopwatch.span("vector"):
        vectors = _searched(search, sketches).vectors({*cosine_by_chunk, *besides})
    return Nearest(cosine_by_chunk=cosine_by_chunk, vectors=vectors)


def candidates_of(nearest: Nearest) -> VectorCandidates:
    """What sketches have found."""
    return VectorCandidates(
        cosine_by_chunk=nearest.cosine_by_chunk, plan="shortlist", vectors=nearest.vectors
    )


def _searched(search: Search, sketches: SketchView) -> SketchView:
    search_scope = search.search_scope
    return sketches.within(search_scope.document_ids, excluded=search_scope.excluded)


def _within(search_scope: SearchScope, document_ids: Sequence[UUID]) -> list[UUID]:
    allowed = set(document_ids).difference(search_scope.excluded)
    if search_scope.document_ids is not None:
        allowed.intersection_update(search_scope.document_ids)
    return sorted(allowed)
