"""What comes out of the lexical index."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LexicalHit:
    """A chunk, its BM25 score, which is above 0, and its language without a region."""

    chunk_id: int
    score: float
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class IndexStatistics:
    """What the index puts into BM25; deleted chunks count until their segment is merged.

    Attributes:
        chunk_count: N, plus one while the index's last change was one without chunks.
        average_length: Mean terms per chunk, or 0.0 when no chunk in the index holds any of the
            terms asked for, so that there are no scores to be on a scale with.
        document_frequencies: Chunks that hold the term, for each term asked for.
    """

    chunk_count: int
    average_length: float
    document_frequencies: Mapping[str, int]
