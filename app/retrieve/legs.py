"""Both searches of a query: BM25 over its words, cosine over its vector."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import structlog

from app.retrieve.bounds import Bounds
from app.retrieve.query import SearchQuery
from app.retrieve.query_vectors import QueryVector, QueryVectors
from kb.database import TenantSession
from kb.errors import IndexNotReady
from kb.lexical.analysis import analyse_query
from kb.lexical.follower import LexicalIndexes, LexicalQuery
from kb.spaces import Space
from kb.vectors import Plan, search_vectors

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """The question's vector, None where no vectors are searched, and how long it took."""

    vector: QueryVector | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LexicalLeg:
    """Scores by chunk, best first; `is_missing` when the index could not be asked."""

    bm25_by_chunk: Mapping[int, float] = field(default_factory=dict)
    terms: tuple[str, ...] = ()
    is_missing: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class VectorLeg:
    """Scores by chunk, best first; no plan when no vectors were searched."""

    cosine_by_chunk: Mapping[int, float] = field(default_factory=dict)
    plan: Plan | None = None
    seconds: float = 0.0


async def embed(vectors: QueryVectors, query: SearchQuery) -> Embedded:
    """What the vectors are searched with."""
    if query.mode == "lexical":
        return Embedded(vector=None, seconds=0.0)
    started = perf_counter()
    carried = query.conversation.carried if query.conversation else ()
    # Together: those that were searched for before are remembered, the others make one batch.
    own, *others = await asyncio.gather(
        vectors.embed(query.text), *(vectors.embed(each.said.text) for each in carried)
    )
    vector = own + sum(
        each.vector_weight * other for each, other in zip(carried, others, strict=True)
    )
    return Embedded(
        vector=vector / np.linalg.norm(vector) if others else own,
        seconds=perf_counter() - started,
    )


def query_terms(query: SearchQuery, languages: Sequence[str]) -> tuple[str, ...]:
    """What BM25 looks for, each term as often as it counts."""
    if query.conversation is None:
        return tuple(analyse_query(query.text, languages))
    return tuple(query.conversation.terms(query.text, languages))


async def search_lexical(
    scope: TenantSession,
    indexes: LexicalIndexes,
    query: SearchQuery,
    bounds: Bounds,
    *,
    limit: int,
    generation: int,
) -> LexicalLeg:
    """Up to `limit` chunks; IndexNotReady when a lexical search alone was asked for."""
    if query.mode == "vector":
        return LexicalLeg()
    started = perf_counter()
    terms = query_terms(query, bounds.languages)
    asked = LexicalQuery(
        terms=terms,
        limit=limit,
        document_ids=bounds.document_ids,
        excluded_document_ids=bounds.excluded,
    )
    try:
        hits = await indexes.search(scope, asked, generation=generation)
    except IndexNotReady:
        if query.mode == "lexical":
            raise
        # Half of the evidence is better than none while an index is rebuilt.
        log.warning("search.without_lexical", tenant_id=str(scope.tenant_id))
        return LexicalLeg(terms=terms, is_missing=True, seconds=perf_counter() - started)
    return LexicalLeg(
        bm25_by_chunk={hit.chunk_id: hit.score for hit in hits},
        terms=terms,
        seconds=perf_counter() - started,
    )


async def search_nearest(
    scope: TenantSession,
    space: Space,
    vector: QueryVector,
    bounds: Bounds,
    *,
    limit: int,
    visible_count: int,
) -> VectorLeg:
    """Up to `limit` chunks; `visible_count` are within the bounds."""
    started = perf_counter()
    hits, plan = await search_vectors(
        scope, space, vector, bounds.vector_filter, limit=limit, visible_count=visible_count
    )
    return VectorLeg(
        cosine_by_chunk={hit.chunk_id: hit.cosine for hit in hits},
        plan=plan,
        seconds=perf_counter() - started,
    )
