"""Candidates by BM25 over the words of a question."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.retrieve.search_scope import Search
from kb.errors import IndexNotReady
from kb.index.lexical.analysis import analyse_query
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.view import LexicalQuery, LexicalView
from kb.postgres.database import TenantSession

KNOWN_SHARE: Final = 0.5
"""The share of known words from which on a question is taken to be in a usual language."""

LANGUAGE_HITS: Final = 5
"""Best hits whose most frequent language is the question's: one may be taken for another."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LexicalCandidates:
    """Scores by chunk, best first; `is_missing` when the index could not be asked."""

    bm25_by_chunk: Mapping[int, float] = field(default_factory=dict)
    terms: tuple[str, ...] = ()
    idf_by_term: Mapping[str, float] = field(default_factory=dict)
    """For the question's own terms, without those of texts it leans on."""
    language: str | None = None
    """The language of most of the best chunks, and so of the question."""
    is_missing: bool = False


async def find_lexical_candidates(
    indexes: LexicalIndexes, scope: TenantSession, search: Search
) -> LexicalCandidates:
    """Up to `limit` chunks; none in a search of vectors alone.

    Raises:
        IndexNotReady: A lexical search alone was asked for, and the index cannot be asked.
    """
    if search.query.mode == "vector":
        return LexicalCandidates()
    try:
        with search.stopwatch.span("lexical"):
            view = await indexes.view(scope, generation=search.generation)
            return await search_words(view, search)
    except IndexNotReady:
        if search.query.mode == "lexical":
            raise
        # Half of the evidence is better than none while an index is rebuilt.
        log.warning("search.without_lexical", tenant_id=str(search.tenant_id))
        terms = analyse_query(search.query.text, search.search_scope.languages)
        return LexicalCandidates(terms=tuple(terms), is_missing=True)


async def search_words(view: LexicalView, search: Search) -> LexicalCandidates:
    """Up to `limit` chunks of the view.

    Raises:
        IndexNotReady: A file cannot be read.
    """
    query, search_scope = search.query, search.search_scope
    languages, rare = search_scope.languages, search_scope.rare_languages
    own_terms = analyse_query(query.text, languages)
    # Only when most of its words are unknown without them: other languages' stems of English words
    # are words of something else (mtrag_clapnq: nDCG@10 .502 with, .510 without).
    known = await view.known(own_terms) if rare else set(own_terms)
    if sum(term in known for term in own_terms) < KNOWN_SHARE * len(own_terms):
        languages = (*languages, *rare)
        own_terms = analyse_query(query.text, languages)
    terms = own_terms
    if query.conversation is not None:
        # Each as often as it counts.
        terms = query.conversation.terms(query.text, languages)
    found = await view.search(
        LexicalQuery(
            terms=terms,
            limit=search.limit,
            document_ids=search_scope.document_ids,
            excluded_document_ids=search_scope.excluded,
        )
    )
    # Words tell languages apart, and chunks have more of them than a question.
    hits_by_language = Counter(hit.language for hit in found.hits[:LANGUAGE_HITS])
    return LexicalCandidates(
        bm25_by_chunk={hit.chunk_id: hit.score for hit in found.hits},
        terms=tuple(terms),
        idf_by_term={
            term: found.idf_by_term[term] for term in own_terms if term in found.idf_by_term
        },
        language=max(hits_by_language, key=hits_by_language.__getitem__, default=None),
    )
