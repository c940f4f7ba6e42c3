"""One commit of an index: its chunks counted and scored by what the caller may read of them.

Tantivy scores by all chunks of the index, deleted ones included until their segment is merged; its
scores would tell a caller which words stand in chunks that they cannot see. So they only choose
candidates, and those are scored anew.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict, TypeVar, cast
from uuid import UUID

import numpy as np
from tantivy import DocAddress, Occur, Query, Schema, Searcher
from typing_extensions import override

from kb.index.lexical.bags import Bags
from kb.index.lexical.doubt import Doubt
from kb.index.lexical.records import LexicalHit, Statistics
from kb.index.lexical.scoring import Bm25, damping_of, inverse_document_frequency
from kb.index.reached import Reached
from language.snowball import language_of

MAX_REMEMBERED: Final = 20_000
"""Counts kept for each commit, 150 bytes each beside the names of readers; then it starts anew."""

FEW_PRINCIPALS: Final = 16
"""Up to which their lists of chunks are gone through beside a term's: a rare term is counted in
.01 ms so, in .27 ms by a set of all chunks that they may read (of 100,000)."""

SPARE: Final = 4
"""One candidate in so many more than wanted: those that tie with the last one are seldom more."""

MOST_EQUAL: Final = 8
"""Times the hits wanted, scored anew at most where all are as good as the last one."""

MOST_SCORED: Final = 20_000
"""Candidates scored anew at most, 8 microseconds each: a frequent word, whose best chunks tantivy
puts far down because the chunks that others read are much longer or shorter."""

ALIKE: Final = 1.01
"""When no score can rise by more, the spare ones are enough but for one search in twenty."""

ROUNDING: Final = 1e-4
"""Tantivy adds up in 32 bits: of a hundred terms, an error of up to 1e-5."""

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class ChunkFilter:
    """A choice of chunks. No principal: none of them; None: whoever may read them.

    `document_ids` None means all.
    """

    principals: tuple[str, ...] | None
    document_ids: Collection[UUID] | None = None
    excluded_document_ids: Collection[UUID] = ()


@dataclass(frozen=True, kw_only=True)
class _Extent:
    """The size of some chunks: their number, their terms, and the terms of the longest."""

    chunk_count: int
    total_length: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """The counts that tantivy scores with, of all chunks, deleted ones included."""

    chunk_count: int
    average_length: float


class _Explanation(TypedDict):
    """Tantivy's account of a score; a leaf lacks `details`, which `get` allows for."""

    description: str
    value: float
    details: list["_Explanation"]


class _Remembered(dict[object, Value]):
    """Starts anew when it is full; unlike cachetools' caches it needs no lock between threads."""

    @override
    def __setitem__(self, key: object, value: Value) -> None:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        super().__setitem__(key, value)


class IndexReader:
    """Safe to use from many threads; what it counts is remembered as long as the commit is used.

    All methods raise IndexNotReady when a file cannot be read; the next reload checks them all.
    """

    def __init__(self, searcher: Searcher, schema: Schema, reached: Reached, doubt: Doubt) -> None:
        """`reached` is what the commit holds."""
        self.reached = reached
        self._searcher = searcher
        self._schema = schema
        self._doubt = doubt
        self._extents: _Remembered[_Extent] = _Remembered()
        self._frequencies: _Remembered[int] = _Remembered()
        self._scale: _Scale | None = None

    @property
    def chunk_count(self) -> int:
        """Chunks of the commit, without deleted ones."""
        return self._searcher.num_docs

    def statistics(
        self,
        terms: Iterable[str],
        *,
        principals: Sequence[str],
        document_ids: Collection[UUID] | None = None,
    ) -> Statistics:
        """The counts of chunks that one of the principals may read, of these documents or all."""
        with self._doubt.raised_by_errors():
            limits = ChunkFilter(
                principals=self._narrowest(tuple(principals)),
                document_ids=None if document_ids is None else tuple(document_ids),
            )
            extent = self._extent(limits)
            return Statistics(
                chunk_count=extent.chunk_count,
                total_length=extent.total_length,
                frequency_by_term={
                    term: self._frequency(term, limits) if extent.chunk_count else 0
                    for term in terms
                },
            )

    def search(self, bm25: Bm25, chunk_filter: ChunkFilter, *, limit: int) -> list[LexicalHit]:
        """The chunks with the highest scores, best first, ties by chunk id.

        Exactly those, unless more than MOST_EQUAL times as many are as good as the last one, or
        more than MOST_SCORED would have to be looked at.
        """
        with self._doubt.raised_by_errors():
            scale = self._scale_of(bm25.weight_by_term)
            if scale is None or limit < 1:
                return []
            principals = self._narrowest(chunk_filter.principals)
            query = self._candidates(bm25, chunk_filter, principals, scale)
            # No chunk beyond the candidates is better than the worst of them by more than this.
            longest = self._extent(ChunkFilter(principals=principals)).longest
            slack = _most_risen(scale.average_length, bm25.statistics.average_length, longest)
            count = limit + limit // SPARE + 1 if slack < ALIKE else 2 * limit
            while True:
                found = self._searcher.search(query, count, count=False).hits
                hits = self._scored(bm25, [address for _, address in found], limit)
                if len(found) < count or count >= MOST_SCORED:
                    return hits
                last, bound = hits[limit - 1].score, found[-1][0] * slack
                is_equal = last * (1 + 2 * ROUNDING) >= bound
                if last > bound or (is_equal and count >= MOST_EQUAL * limit):
                    return hits
                count = min(2 * count, MOST_SCORED)

    def _candidates(
        self,
        bm25: Bm25,
        chunk_filter: ChunkFilter,
        principals: tuple[str, ...] | None,
        scale: _Scale,
    ) -> Query:
        """Each term weighs what it weighs for the caller, whatever tantivy takes it for."""
        weighed = []
        for term, weight in bm25.weight_by_term.items():
            frequency = self._searcher.doc_freq("body", term)
            idf = inverse_document_frequency(frequency, scale.chunk_count)
            weighed.append((Occur.Should, Query.boost_query(self._term(term), weight / idf)))
        terms = Query.boolean_query(weighed)
        limits = ChunkFilter(
            principals=principals,
            document_ids=chunk_filter.document_ids,
            excluded_document_ids=chunk_filter.excluded_document_ids,
        )
        conditions = list(self._conditions(limits))
        # Without a condition tantivy passes over chunks that cannot be among the best: at a million
        # chunks a query of five frequent words takes 8 ms instead of 23.
        return Query.boolean_query([(Occur.Must, terms), *conditions]) if conditions else terms

    def _scored(self, bm25: Bm25, addresses: list[DocAddress], limit: int) -> list[LexicalHit]:
        """The `limit` best of them, ties by chunk id."""
        # Only chunks with terms match, and each of those has all three.
        chunk_ids = cast("list[int]", self._searcher.fast_field_values("chunk_id", addresses))
        languages = cast("list[int]", self._searcher.fast_field_values("language", addresses))
        bags = [self._searcher.doc(address).get_first("bag") or b"" for address in addresses]
        scores = bm25.score(Bags(bags))
        order = np.lexsort((np.asarray(chunk_ids), -scores))[:limit]
        return [
            LexicalHit(
                chunk_id=chunk_ids[place],
                score=score,
                language=language_of(languages[place]),
            )
            for place, score in zip(order.tolist(), scores[order].tolist(), strict=True)
        ]

    def _narrowest(self, principals: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """None where the principals may read every chunk: then nothing has to be filtered."""
        if principals is None:
            return None
        seen = self._extent(ChunkFilter(principals=principals))
        return None if seen == self._extent(ChunkFilter(principals=None)) else principals

    def _extent(self, limits: ChunkFilter) -> _Extent:
        key = (limits.principals, limits.document_ids)
        extent = self._extents.get(key)
        if extent is None:
            lengths = self._aggregate(limits, [], "stats")
            extent = self._extents[key] = _Extent(
                chunk_count=int(lengths["count"]),
                total_length=int(lengths["sum"] or 0),
                longest=int(lengths["max"] or 0),
            )
        return extent

    def _frequency(self, term: str, limits: ChunkFilter) -> int:
        frequency = self._searcher.doc_freq("body", term)
        if not frequency:
            return frequency
        if limits == _ALL_CHUNKS:
            scale = self._scale_of([term])
            if scale is not None and scale.chunk_count == self._searcher.num_docs:
                # No chunk is deleted.
                return frequency

        key = (limits.principals, limits.document_ids, term)
        count = self._frequencies.get(key)
        if count is None:
            lengths = self._aggregate(limits, [self._term(term)], "value_count")
            count = self._frequencies[key] = int(lengths["value"])
        return count

    def _aggregate(
        self, limits: ChunkFilter, queries: Sequence[Query], kind: str
    ) -> dict[str, float]:
        """Over the lengths of the chunks, of which those without terms have none."""
        conditions = [(Occur.Must, query) for query in queries]
        conditions += self._conditions(limits)
        query = Query.boolean_query(conditions) if conditions else Query.all_query()
        found = self._searcher.aggregate(query, {"lengths": {kind: {"field": "length"}}})
        return cast("dict[str, dict[str, float]]", found)["lengths"]

    def _scale_of(self, terms: Iterable[str]) -> _Scale | None:
        """None when no chunk holds any of the terms."""
        for term in terms if self._scale is None else ():
            query = self._term(term)
            hits = self._searcher.search(query, 1, count=False).hits
            if hits:
                # Tantivy gives the sums that it keeps only when it explains a score: there in
                # leaves with descriptions such as 'N, total number of docs'.
                explanation = json.loads(query.explain(self._searcher, hits[0][1]).to_json())
                parts, values = [cast("_Explanation", explanation)], dict[str, float]()
                while parts:
                    part = parts.pop()
                    parts += part.get("details", [])
                    values[part["description"].partition(",")[0]] = part["value"]
                self._scale = _Scale(chunk_count=int(values["N"]), average_length=values["avgdl"])
                break
        return self._scale

    def _term(self, term: str) -> Query:
        return Query.term_query(self._schema, "body", term, index_option="freq")

    def _conditions(self, limits: ChunkFilter) -> Iterator[tuple[Occur, Query]]:
        if limits.principals is not None:
            known = [
                each for each in limits.principals if self._searcher.doc_freq("principals", each)
            ]
            if 0 < len(known) <= FEW_PRINCIPALS:
                readable = Query.boolean_query(
                    [
                        (
                            Occur.Should,
                            Query.term_query(
                                self._schema, "principals", each, index_option="basic"
                            ),
                        )
                        for each in known
                    ]
                )
            else:
                readable = Query.term_set_query(self._schema, "principals", known)
            yield Occur.Must, Query.const_score_query(readable, 0.0)
        if limits.document_ids is not None:
            asked = list(map(str, limits.document_ids))
            documents = Query.term_set_query(self._schema, "document_id", asked)
            yield Occur.Must, Query.const_score_query(documents, 0.0)
        if limits.excluded_document_ids:
            excluded = list(map(str, limits.excluded_document_ids))
            yield Occur.MustNot, Query.term_set_query(self._schema, "document_id", excluded)


_ALL_CHUNKS: Final = ChunkFilter(principals=None)


def _most_risen(from_average: float, to_average: float, longest: int) -> float:
    """The factor by which a score can rise when the mean length of chunks is another one.

    Longer chunks gain most when the mean grows, and rarer terms do: the longest with one occurrence
    bounds them all. When it falls all scores fall.
    """
    if not from_average or to_average <= from_average:
        return 1 + ROUNDING
    length = np.array([longest])
    risen = (1 + damping_of(length, from_average)) / (1 + damping_of(length, to_average))
    return float(risen[0]) * (1 + ROUNDING)
