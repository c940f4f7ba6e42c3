"""Results of the lexical index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class LexicalHit:
    """A chunk, its BM25 score, which is above 0, and its language without a region."""

    chunk_id: int
    score: float
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The counts that BM25 needs, of the chunks that one caller may read and no others.

    Attributes:
        chunk_count: N, chunks that hold any term.
        total_length: Their terms, repetitions included.
        frequency_by_term: Chunks that hold the term, for each term asked for.
    """

    chunk_count: int
    total_length: int
    frequency_by_term: Mapping[str, int]

    @property
    def average_length(self) -> float:
        """Mean terms of a chunk; 1.0 when there is no chunk, and so nothing to score."""
        return self.total_length / self.chunk_count if self.chunk_count else 1.0

    def plus(self, other: Self, *, sign: int = 1) -> "Statistics":
        """The statistics of the chunks of both; with the sign -1, without the other's chunks."""
        return Statistics(
            chunk_count=self.chunk_count + sign * other.chunk_count,
            total_length=self.total_length + sign * other.total_length,
            frequency_by_term={
                term: count + sign * other.frequency_by_term[term]
                for term, count in self.frequency_by_term.items()
            },
        )
