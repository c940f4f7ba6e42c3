"""Both searches of a query: BM25 over its words, cosine over its vector."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final
from uuid import UUID

import numpy as np
import structlog

from app.retrieve.query import SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.search_scope import SearchScope
from kb.errors import IndexNotReady
from kb.index.candidate_vectors import Among, CandidateVectors, read_nearest
from kb.index.lexical.analysis import analyse_query
from kb.index.lexical.follower import LexicalIndexes
from kb.index.lexical.records import LexicalHit
from kb.index.lexical.view import LexicalQuery, LexicalView
from kb.index.sketches.sketch_cache import Shortlister
from kb.index.vector_search import Plan, search_vectors
from kb.postgres.database import TenantSession
from kb.store.spaces import Space
from kb.store.tenants import changed_documents

KNOWN_SHARE: Final = 0.5
"""Of a question's words, from which on it is taken to be in a usual language."""

LANGUAGE_HITS: Final = 5
"""Of which the most frequent language is the question's: one may have been taken for another."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Search:
    """A query in its transaction, and how many candidates each leg is to give."""

    scope: TenantSession
    query: SearchQuery
    search_scope: SearchScope
    generation: int
    limit: int
    shortlister: Shortlister | None = None


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
    idf_by_term: Mapping[str, float] = field(default_factory=dict)
    """Of the question's own terms, those of what it leans on left out."""
    language: str | None = None
    """Which most of the best chunks are in, and so the question."""
    is_missing: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class VectorLeg:
    """Scores by chunk, best first; no plan when no vectors were searched."""

    cosine_by_chunk: Mapping[int, float] = field(default_factory=dict)
    plan: Plan | None = None
    seconds: float = 0.0
    candidates: CandidateVectors | None = None
    """Vectors of both legs' candidates, where the search has read them on the way."""


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    """Chunks that may be nearest, and documents that are to be compared whole."""

    chunk_ids: Sequence[int]
    document_ids: Sequence[UUID]
    seconds: float


async def embed(embedder: QueryEmbedder, query: SearchQuery) -> Embedded:
    """What the vectors are searched with."""
    if query.mode == "lexical":
        return Embedded(vector=None, seconds=0.0)
    started = perf_counter()
    carried = query.conversation.carried if query.conversation else ()
    # Together: those that were searched for before are remembered, the others make one batch.
    own, *others = await asyncio.gather(
        embedder.embed(query.text), *(embedder.embed(each.said.text) for each in carried)
    )
    vector = own + sum(
        each.vector_weight * other for each, other in zip(carried, others, strict=True)
    )
    return Embedded(
        vector=vector / np.linalg.norm(vector) if others else own,
        seconds=perf_counter() - started,
    )


async def search_lexical(indexes: LexicalIndexes, search: Search) -> LexicalLeg:
    """Up to `limit` chunks; IndexNotReady when a lexical search alone was asked for."""
    query, search_scope = search.query, search.search_scope
    if query.mode == "vector":
        return LexicalLeg()
    started = perf_counter()
    terms = tuple(analyse_query(query.text, search_scope.languages))
    try:
        view = await indexes.look(search.scope, generation=search.generation)
        languages, own_terms = await _own_terms(view, search, terms)
        terms = own_terms
        if query.conversation is not None:
            # Each as often as it counts.
            terms = tuple(query.conversation.terms(query.text, languages))
        asked = LexicalQuery(
            terms=terms,
            limit=search.limit,
            document_ids=search_scope.document_ids,
            excluded_document_ids=search_scope.excluded,
        )
        found = await view.search(asked)
    except IndexNotReady:
        if query.mode == "lexical":
            raise
        # Half of the evidence is better than none while an index is rebuilt.
        log.warning("search.without_lexical", tenant_id=str(search.scope.tenant_id))
        return LexicalLeg(terms=terms, is_missing=True, seconds=perf_counter() - started)
    return LexicalLeg(
        bm25_by_chunk={hit.chunk_id: hit.score for hit in found.hits},
        terms=terms,
        idf_by_term={
            term: found.idf_by_term[term] for term in own_terms if term in found.idf_by_term
        },
        language=_language_of(found.hits),
        seconds=perf_counter() - started,
    )


async def _own_terms(
    view: LexicalView, search: Search, terms: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The languages whose stems the question is looked for with, and its terms in them.

    `terms` are those in the usual languages.

    The rare ones only when most of its words are unknown without them: other languages' stems of
    English words are words of something else (mtrag_clapnq: nDCG@10 .502 with, .510 without).
    """
    text, languages, rare = (
        search.query.text,
        search.search_scope.languages,
        search.search_scope.rare_languages,
    )
    if rare:
        known = await view.known(terms)
        if sum(term in known for term in terms) < KNOWN_SHARE * len(terms):
            languages = (*languages, *rare)
            terms = tuple(analyse_query(text, languages))
    return languages, terms


def _language_of(hits: Sequence[LexicalHit]) -> str | None:
    """Best first. Words tell languages apart, and chunks have more of them than a question."""
    counts = Counter(hit.language for hit in hits[:LANGUAGE_HITS])
    return max(counts, key=counts.__getitem__, default=None)


async def shortlist_nearest(search: Search, vector: QueryVector) -> Shortlist | None:
    """What Postgres has to compare, None without a shortlister; needs no connection."""
    shortlister = search.shortlister
    if shortlister is None:
        return None
    started = perf_counter()
    search_scope = search.search_scope
    chunk_ids = await shortlister.shortlist(
        vector,
        limit=search.limit,
        document_ids=search_scope.document_ids,
        excluded_document_ids=search_scope.excluded,
    )
    return Shortlist(
        chunk_ids=chunk_ids.tolist(),
        document_ids=_within(search_scope, shortlister.changed),
        seconds=perf_counter() - started,
    )


def _within(search_scope: SearchScope, document_ids: Sequence[UUID]) -> list[UUID]:
    allowed = set(document_ids).difference(search_scope.excluded)
    if search_scope.document_ids is not None:
        allowed.intersection_update(search_scope.document_ids)
    return sorted(allowed)


async def search_shortlisted(
    search: Search,
    space: Space,
    vector: QueryVector,
    shortlist: Shortlist,
    *,
    besides: Sequence[int],
) -> VectorLeg:
    """Up to `limit` chunks; the vectors of those in `besides` are read as well."""
    started = perf_counter()
    scope, limit = search.scope, search.limit
    among = Among(
        chunk_ids=shortlist.chunk_ids, document_ids=shortlist.document_ids, besides=besides
    )
    nearest = await read_nearest(scope, space, vector, among, limit=limit)
    if nearest.generation != search.generation:
        # What was published since has new chunks, which nobody could shortlist.
        news = await changed_documents(scope, since=search.generation)
        document_ids = [*shortlist.document_ids, *_within(search.search_scope, news)]
        among = replace(among, document_ids=document_ids)
        nearest = await read_nearest(scope, space, vector, among, limit=limit)
    return VectorLeg(
        cosine_by_chunk=nearest.cosine_by_chunk,
        plan="shortlist",
        seconds=shortlist.seconds + perf_counter() - started,
        candidates=nearest.vectors,
    )


async def search_planned(
    search: Search, space: Space, vector: QueryVector, *, visible_count: int
) -> VectorLeg:
    """Up to `limit` chunks by a plan of Postgres; `visible_count` are within the search scope."""
    started = perf_counter()
    hits, plan = await search_vectors(
        search.scope,
        space,
        vector,
        search.search_scope.vector_filter,
        limit=search.limit,
        visible_count=visible_count,
    )
    return VectorLeg(
        cosine_by_chunk={hit.chunk_id: hit.cosine for hit in hits},
        plan=plan,
        seconds=perf_counter() - started,
    )
