"""Texts that come with a request -> a context like one that was retrieved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from app.context import Context, Source
from kb.passages import Location, Passage

_NEVER_STORED: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class GivenSource:
    """A text under the caller's own name for it."""

    id: str
    text: str
    title: str | None = None


def context_of_given(sources: Sequence[GivenSource]) -> Context:
    """The texts as sources, whole and in order; offsets of citations are offsets into them."""
    return Context(
        sources=tuple(_source(source, number) for number, source in enumerate(sources, start=1)),
        budget=0,
        used=0,
        dropped=(),
    )


def _source(given: GivenSource, number: int) -> Source:
    passage = Passage(
        chunk_id=number,
        document_id=UUID(int=number),
        document_version=1,
        external_id=given.id,
        title=given.title,
        source_uri=None,
        content_sha256=sha256(given.text.encode()).hexdigest(),
        updated_at=_NEVER_STORED,
        text=given.text,
        location=Location(
            section=[],
            page=None,
            slide=None,
            sheet=None,
            row=None,
            char_start=0,
            char_end=len(given.text),
        ),
        score=1.0,
        bm25=None,
        cosine=None,
    )
    return Source(id=given.id, passage=passage, parts=(passage,))
