"""What goes into the lexical index and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class IndexedChunk:
    """A chunk as the index sees it: `text` is title, section path and chunk text, joined.

    `language` is a code such as 'en' or 'pt-BR'; None and unknown codes are read as English.
    """

    chunk_id: int
    document_id: UUID
    principals: tuple[str, ...]
    text: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class LexicalHit:
    """A chunk and its BM25 score, which is above 0."""

    chunk_id: int
    score: float


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
