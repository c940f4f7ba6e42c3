"""What one commit of the index answers: the best chunks for some terms, and its statistics."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast
from uuid import UUID

from tantivy import Occur, Query, Schema, Searcher

from kb.lexical.languages import language_of
from kb.lexical.records import IndexStatistics, LexicalHit


@dataclass(frozen=True, kw_only=True)
class ChunkFilter:
    """Which chunks may be found.

    No principal finds nothing; None is for those who may read every chunk. `document_ids` None
    means all.
    """

    principals: Sequence[str] | None
    document_ids: Collection[UUID] | None
    excluded_document_ids: Collection[UUID]


class _Explanation(TypedDict):
    """Tantivy's account of a score; a leaf lacks `details`, which `get` allows for."""

    description: str
    value: float
    details: list["_Explanation"]


def find_chunks(
    searcher: Searcher,
    schema: Schema,
    query_terms: Sequence[str],
    *,
    chunk_filter: ChunkFilter,
    limit: int,
) -> list[LexicalHit]:
    """The best chunks by BM25 that pass the filter, best first, ties by chunk id."""
    if not query_terms or limit < 1:
        return []
    terms = Query.boolean_query(
        [(Occur.Should, _weighed(schema, *c)) for c in Counter(query_terms).items()]
    )
    conditions = list(_conditions(schema, chunk_filter))
    # Without a condition tantivy passes over chunks that cannot be among the best: at a million
    # chunks a query of five frequent words takes 8 ms instead of 23.
    query = Query.boolean_query([(Occur.Must, terms), *conditions]) if conditions else terms
    found = searcher.search(query, limit, count=False).hits
    addresses = [address for _, address in found]
    # Only documents with a body match, and each of those has both.
    chunk_ids = cast("list[int]", searcher.fast_field_values("chunk_id", addresses))
    languages = cast("list[int]", searcher.fast_field_values("language", addresses))
    hits = [
        LexicalHit(chunk_id=chunk_id, score=score, language=language_of(language))
        for (score, _), chunk_id, language in zip(found, chunk_ids, languages, strict=True)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))


def read_statistics(searcher: Searcher, schema: Schema, terms: Iterable[str]) -> IndexStatistics:
    """N, average length and document frequencies as this commit's scores are made with."""
    frequencies = {term: searcher.doc_freq("body", term) for term in terms}
    rarest_first = sorted(
        (term for term in frequencies if frequencies[term]), key=frequencies.__getitem__
    )
    for term in rarest_first:
        query = _term(schema, term)
        hits = searcher.search(query, 1, count=False).hits
        if hits:
            # The only door to the sums that tantivy keeps: it explains a score with them.
            explanation = json.loads(query.explain(searcher, hits[0][1]).to_json())
            values = dict(_leaves(cast("_Explanation", explanation)))
            return IndexStatistics(
                chunk_count=int(values["N"]),
                average_length=values["avgdl"],
                document_frequencies=frequencies,
            )
    return IndexStatistics(
        chunk_count=searcher.num_docs, average_length=0.0, document_frequencies=frequencies
    )


def _leaves(explanation: _Explanation) -> Iterator[tuple[str, float]]:
    """Symbol and value, from descriptions such as 'N, total number of docs'."""
    details = explanation.get("details", [])
    if not details:
        yield explanation["description"].partition(",")[0], explanation["value"]
    for detail in details:
        yield from _leaves(detail)


def _term(schema: Schema, term: str) -> Query:
    return Query.term_query(schema, "body", term, index_option="freq")


def _weighed(schema: Schema, term: str, count: int) -> Query:
    query = _term(schema, term)
    return query if count == 1 else Query.boost_query(query, count)


def _conditions(schema: Schema, chunk_filter: ChunkFilter) -> Iterator[tuple[Occur, Query]]:
    if chunk_filter.principals is not None:
        yield _only(schema, "principals", chunk_filter.principals)
    if chunk_filter.document_ids is not None:
        yield _only(schema, "document_id", map(str, chunk_filter.document_ids))
    if chunk_filter.excluded_document_ids:
        excluded = list(map(str, chunk_filter.excluded_document_ids))
        yield Occur.MustNot, Query.term_set_query(schema, "document_id", excluded)


def _only(schema: Schema, field: str, values: Iterable[str]) -> tuple[Occur, Query]:
    matching = Query.term_set_query(schema, field, list(values))
    return Occur.Must, Query.const_score_query(matching, 0.0)
