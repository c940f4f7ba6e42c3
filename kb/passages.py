"""Passages as retrieval hands them on, and their place in a document."""

from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID


class TableRows(TypedDict):
    """The rows of one table in a chunk, so that a value is known by its row and its column.

    `table` counts the tables of the document version from 1, `row_count` the rows below its
    header. `columns` are the names in the header, "" for a column without one; `key` the columns
    that name a row. Each of `rows` is [number of the row below the header, from 1; start and end
    of its line; then column, start and end of each value in order]; columns count from 0, offsets
    are code points from the start of the chunk. Values without text are left out, and so are
    those that a cut through the line divides.
    """

    table: int
    row_count: int
    columns: list[str]
    key: list[int]
    rows: list[list[int]]


class Location(TypedDict):
    """The place of a piece of text; offsets are code points into the version's normalised text.

    `tables` is left out where there is none, and by chunks stored before it was known.
    """

    section: list[str]
    page: int | None
    slide: int | None
    sheet: str | None
    row: int | None
    char_start: int
    char_end: int
    tables: NotRequired[list[TableRows]]


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A retrieved chunk; `text` equals `content[char_start:char_end]` of its document version."""

    chunk_id: int
    document_id: UUID
    document_version: int
    external_id: str | None
    title: str | None
    filename: str | None
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
    document_revision: int | None = None
    """Grows with every change of the document; None where nobody has to know."""
