"""The lexical index as one search may use it: for one caller, at the tenant's generation.

What changed since the index's commit is left out of the index, of its statistics too, and taken
from what row security showed of it: a search finds and weighs what it would after a commit.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from kb.index.lexical.analysis import analyse
from kb.index.lexical.bags import Bags, bag_of
from kb.index.lexical.reader import ChunkFilter, IndexReader
from kb.index.lexical.records import LexicalHit, Statistics
from kb.index.lexical.scoring import Bm25, statistics_of
from kb.store.chunks import IndexedChunk
from language.snowball import language_of, number_of

INLINE_CHUNKS: Final = 20_000
"""Searched in half a millisecond; handing it to a thread would cost a third as much."""


@dataclass(frozen=True, kw_only=True)
class LexicalQuery:
    """Analysed terms, and what limits the search besides permissions; `document_ids` None: all."""

    terms: Sequence[str]
    limit: int
    document_ids: Collection[UUID] | None
    excluded_document_ids: Collection[UUID]


@dataclass(frozen=True, kw_only=True)
class LexicalResult:
    """Hits, best first, and the idf of each term that a visible chunk holds."""

    hits: Sequence[LexicalHit]
    idf_by_term: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class LexicalView:
    """The part of the index that a caller may read, and of the chunks that it lacks.

    `fresh` are the visible chunks of the documents that changed since the commit.
    """

    reader: IndexReader
    principals: tuple[str, ...]
    changed: tuple[UUID, ...]
    fresh: Sequence[IndexedChunk]

    async def search(self, query: LexicalQuery) -> LexicalResult:
        """The chunks with the highest BM25 that the caller may read.

        The filters add nothing to a score. A term that the query repeats counts as often as it
        stands there, as in rank_bm25. Each of `document_ids` costs about 5 microseconds.

        Raises:
            IndexNotReady: A file cannot be read.
        """
        if self._is_small:
            return self._search(query)
        return await asyncio.to_thread(self._search, query)

    async def known(self, terms: Collection[str]) -> set[str]:
        """The terms, of these, that a visible chunk holds."""
        if self._is_small:
            statistics = self._statistics(terms)
        else:
            statistics = await asyncio.to_thread(self._statistics, terms)
        return {term for term, count in statistics.frequency_by_term.items() if count}

    @property
    def _is_small(self) -> bool:
        return self.reader.chunk_count + len(self.fresh) <= INLINE_CHUNKS

    def _search(self, query: LexicalQuery) -> LexicalResult:
        bm25 = Bm25(query.terms, self._statistics(query.terms))
        chunk_filter = ChunkFilter(
            principals=self.principals,
            document_ids=query.document_ids,
            excluded_document_ids={*query.excluded_document_ids, *self.changed},
        )
        hits = self.reader.search(bm25, chunk_filter, limit=query.limit)
        if self.fresh:
            allowed = set(self.changed).difference(query.excluded_document_ids)
            if query.document_ids is not None:
                allowed.intersection_update(query.document_ids)
            scores = bm25.score(Bags(list(map(bag_of, self._fresh_terms)))).tolist()
            hits += [
                LexicalHit(
                    chunk_id=chunk.chunk_id,
                    score=score,
                    language=language_of(number_of(chunk.language)),
                )
                for chunk, score in zip(self.fresh, scores, strict=True)
                if score and chunk.document_id in allowed
            ]
            hits.sort(key=lambda hit: (-hit.score, hit.chunk_id))
        return LexicalResult(hits=hits[: query.limit], idf_by_term=bm25.idf_by_term)

    def _statistics(self, terms: Iterable[str]) -> Statistics:
        wanted = dict.fromkeys(terms)
        committed = self.reader.statistics(wanted, principals=self.principals)
        if not self.changed:
            return committed
        outdated = self.reader.statistics(
            wanted, principals=self.principals, document_ids=self.changed
        )
        return committed.plus(outdated, sign=-1).plus(statistics_of(self._fresh_terms, wanted))

    @cached_property
    def _fresh_terms(self) -> list[list[str]]:
        return [analyse(chunk.text, chunk.language) for chunk in self.fresh]
