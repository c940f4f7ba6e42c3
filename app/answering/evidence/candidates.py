"""The pieces of a context that may answer, each with the words that it is found by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.answering.context import Context
from app.answering.evidence.pieces import Piece, pieces_of
from kb.passages import Passage
from language.remembered import remembered
from language.stems import content_stems

MAX_AROUND_CHARS: Final = 6_000
"""Of the passage in a sentence's background; the same text for all of its sentences is read once.
"""

KEPT_PASSAGES: Final = 512
"""Whose pieces are kept, 20 kB each (300 paragraphs of 870 characters): some 50 answers."""


@dataclass(frozen=True, kw_only=True)
class ReadPiece:
    """A piece, and what it has of its passage alone; stems are of its language.

    Attributes:
        named_by: its titles, headings, columns and lead-in.
        background: `named_by` and, of a sentence, the text around it.
        stems: of its words, those of an item's lead-in, and of a list's heading.
        previous_stems: of the sentence before it under the same heading; a row or a list item does
            not continue the one before it.
        heading_stems: of the title and all headings above it.
    """

    piece: Piece
    named_by: str
    background: str
    stems: frozenset[str]
    previous_stems: frozenset[str]
    heading_stems: frozenset[str]
    title_stems: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Candidate(ReadPiece):
    """A piece of a source that may answer.

    Attributes:
        passage_score: of its passage over the best one's, 0 to 1.
        passage_rank: of its passage, from 0.
    """

    source_id: str
    language: str | None
    passage_score: float
    passage_rank: int


def candidates_of(context: Context) -> list[Candidate]:
    """The pieces of all sources in reading order, those of the best source first."""
    ranked = sorted(context.sources, key=lambda source: -source.passage.score)
    best_score = max((source.passage.score for source in ranked), default=0.0)
    found: list[Candidate] = []
    for rank, source in enumerate(ranked):
        passage = source.passage
        score = passage.score / best_score if best_score > 0 else 0.0
        found += [
            Candidate(
                source_id=source.id,
                language=passage.language,
                passage_score=score,
                passage_rank=rank,
                **vars(read),
            )
            for read in _read(passage)
        ]
    return found


def _read(passage: Passage) -> Sequence[ReadPiece]:
    """The pieces of the passage, read once for one question after the other if it has no rows."""
    if "tables" in passage.location:
        return _read_pieces(passage)
    names = (passage.title, *passage.location["section"])
    key = (passage.document_id, names, passage.language, passage.text)
    return _read_prose(_Prose(key=key, passage=passage))


@dataclass(frozen=True, kw_only=True)
class _Prose:
    """A passage without rows, by all that its pieces depend on, and by its document.

    Another document's text is read for itself: the time that it takes tells nothing of this one.
    """

    key: tuple[object, ...]
    passage: Passage = field(compare=False)


@remembered(KEPT_PASSAGES)
def _read_prose(prose: _Prose) -> Sequence[ReadPiece]:
    return _read_pieces(prose.passage)


def _read_pieces(passage: Passage) -> Sequence[ReadPiece]:
    language = passage.language
    title_stems = frozenset(content_stems(passage.title or "", language))
    sections = " ".join(passage.location["section"])
    above = title_stems.union(content_stems(sections, language))
    previous_stems = frozenset[str]()
    heading = ""
    heading_stems = above
    found: list[ReadPiece] = []
    background_by_itself: dict[str, str] = {}
    for piece in pieces_of(passage):
        if piece.heading != heading:
            heading, previous_stems = piece.heading, frozenset()
            heading_stems = above.union(content_stems(heading, language))
        stems = frozenset(content_stems(piece.text_with_lead_in, language))
        named_by, background = surroundings(passage, piece)
        is_prose = piece.kind == "sentence" and not piece.whole and "|" not in piece.text
        found.append(
            ReadPiece(
                piece=piece,
                named_by=named_by,
                # One string for all sentences, which caches then know again at once.
                background=background_by_itself.setdefault(background, background),
                stems=stems,
                previous_stems=previous_stems if is_prose else frozenset(),
                heading_stems=heading_stems,
                title_stems=title_stems,
            )
        )
        previous_stems = stems
    return found


def surroundings(passage: Passage, piece: Piece) -> tuple[str, str]:
    """`named_by` and `background` of the piece, as `Candidate` has them."""
    names = [passage.title or "", *passage.location["section"], piece.heading, piece.lead_in]
    if piece.row is not None:
        names += [f"{cell.column} {cell.unit}" for cell in piece.row.cells]
    named_by = "\n".join(dict.fromkeys(filter(None, names)))
    if piece.kind != "sentence" or piece.whole:
        return named_by, named_by
    return named_by, f"{named_by}\n{passage.text[:MAX_AROUND_CHARS]}"
