"""What retrieval hands on: a passage and where in its document it stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID


class Location(TypedDict):
    """Where a piece of text stands; offsets are code points into the version's normalised text."""

    section: list[str]
    page: int | None
    slide: int | None
    sheet: str | None
    row: int | None
    char_start: int
    char_end: int


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A retrieved chunk; `text` equals `content[char_start:char_end]` of its document version."""

    chunk_id: int
    document_id: UUID
    document_version: int
    external_id: str | None
    title: str | None
    source_uri: str | None
    content_sha256: str
    updated_at: datetime
    text: str
    location: Location
    score: float
    bm25: float | None
    cosine: float | None
    rerank: float | None = None
    lexical_rank: int | None = None
    vector_rank: int | None = None
    effective_at: datetime | None = None
    language: str | None = None
    """Of the document, as its index terms are made; None is read as English."""
