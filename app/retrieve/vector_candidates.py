"""Candidates by the cosine of their vectors with the question's."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np

from app.retrieve.query import SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.search_scope import Search, SearchScope
from kb.index.candidate_vectors import Among, CandidateVectors, read_nearest
from kb.index.sketches.sketch_cache import SketchView
from kb.index.vector_search import Plan
from kb.store.tenants import changed_documents
from kb.telemetry import Stopwatch


@dataclass(frozen=True, kw_only=True)
class VectorCandidates:
    """Scores by chunk, best first; no plan when no vectors were searched."""

    cosine_by_chunk: Mapping[int, float] = field(default_factory=dict)
    plan: Plan | None = None
    vectors: CandidateVectors | None = None
    """With the lexical candidates' vectors, where the search has read them on the way."""


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    """Chunks that may be nearest, and documents that are to be compared whole."""

    chunk_ids: Sequence[int]
    document_ids: Sequence[UUID]


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


async def shortlist_nearest(search: Search, sketches: SketchView, vector: QueryVector) -> Shortlist:
    """The chunks and documents that Postgres has to compare; needs no connection."""
    search_scope = search.search_scope
    with search.stopwatch.span("vector"):
        chunk_ids = await sketches.shortlist(
            vector,
            limit=search.limit,
            document_ids=search_scope.document_ids,
            excluded_document_ids=search_scope.excluded,
        )
    return Shortlist(
        chunk_ids=chunk_ids.tolist(), document_ids=_within(search_scope, sketches.changed)
    )


async def compare_shortlisted(
    search: Search, vector: QueryVector, shortlist: Shortlist, *, besides: Sequence[int]
) -> VectorCandidates:
    """Up to `limit` chunks; the vectors of those in `besides` are read as well."""
    scope, space, limit = search.scope, search.space, search.limit
    among = Among(
        chunk_ids=shortlist.chunk_ids, document_ids=shortlist.document_ids, besides=besides
    )
    with search.stopwatch.span("vector"):
        nearest = await read_nearest(scope, space, vector, among, limit=limit)
        if nearest.generation != search.generation:
            # What was published since has new chunks, which nobody could shortlist.
            news = await changed_documents(scope, since=search.generation)
            document_ids = [*shortlist.document_ids, *_within(search.search_scope, news)]
            among = replace(among, document_ids=document_ids)
            nearest = await read_nearest(scope, space, vector, among, limit=limit)
    return VectorCandidates(
        cosine_by_chunk=nearest.cosine_by_chunk, plan="shortlist", vectors=nearest.vectors
    )


def _within(search_scope: SearchScope, document_ids: Sequence[UUID]) -> list[UUID]:
    allowed = set(document_ids).difference(search_scope.excluded)
    if search_scope.document_ids is not None:
        allowed.intersection_update(search_scope.document_ids)
    return sorted(allowed)
