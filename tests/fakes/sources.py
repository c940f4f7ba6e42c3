"""Contexts made from plain texts, without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from uuid import UUID

from app.answering.context import Context, build_context
from app.answering.evidence.pieces import Piece
from kb.passages import Location, Passage
from language.text import Span


def passage_of(text: str, *, chunk_id: int = 1, title: str | None = "Handbook") -> Passage:
    """A passage that is the whole of its document."""
    return Passage(
        chunk_id=chunk_id,
        document_id=UUID(int=chunk_id),
        document_version=1,
        external_id=None,
        title=title,
        filename=None,
        source_uri=None,
        content_sha256=sha256(text.encode()).hexdigest(),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        text=text,
        location=Location(
            section=[],
            page=None,
            slide=None,
            sheet=None,
            row=None,
            char_start=0,
            char_end=len(text),
        ),
        score=1 / chunk_id,
        bm25=None,
        cosine=None,
    )


def context_of(texts: Sequence[str], *, title: str | None = "Handbook") -> Context:
    """A context that shows these texts in this order, each from a document of its own."""
    return build_context(
        [
            passage_of(text, chunk_id=number, title=title)
            for number, text in enumerate(texts, start=1)
        ],
        budget_tokens=1_000_000,
        count_tokens=_count_words,
        new_source_id=map("k{}q".format, count(27)).__next__,
    )


def sentence_piece(text: str) -> Piece:
    """A sentence that is the whole of its passage."""
    return Piece(kind="sentence", text=text, span=Span(0, len(text)))


def _count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]
