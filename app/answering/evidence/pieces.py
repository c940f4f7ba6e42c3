"""A passage divided into what may be an answer: sentences, whole lists, procedures, table rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.answering.evidence.list_lines import ENDS_QUESTION, MAX_ITEM_SENTENCES, Line, lines_of
from app.answering.verify.rows import Row
from kb.passages import Passage
from language.lines import MARKER
from language.text import Span, word_set

MAX_WHOLE_CHARS: Final = 4_000
"""A list beyond this is no answer as a whole: its items are."""

MAX_LEAD_IN_CHARS: Final = 300
MIN_PARAGRAPHS: Final = 3
"""Paragraphs of one sentence that make a list: two may only follow each other."""
MAX_TITLE_WORDS: Final = 4
"""Of the title that an item may begin with: "Store and forward. When the network is down ..."."""

_ORDERED: Final = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]\s|(?:Step|Schritt|\u00c9tape)\s\d")
_AFTER_AN_ORDER: Final = word_set(
    "the a an your all each every any both no this that these those it them up on off out until "
    "down back sure if whether sie den die das einen eine le la les un une des votre"
)
"""Second words of a line that tells one to do something: "Tighten the", "Wait until"."""

Kind = Literal["sentence", "list", "steps", "row"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What may be an answer; `text` equals `passage.text[span.start:span.end]`.

    A list is given twice over: each item as a `sentence`, and the whole as a `list`, or as `steps`
    where its lines say in order what to do.

    Attributes:
        text: verbatim; of a whole list with the line that leads to it.
        lead_in: the line that says what the item is one of, verbatim; empty where `text` holds it.
        heading: the nearest one above; one in the passage stands there verbatim.
        row: of a table; its line is the piece.
        whole: the span of the list that the piece is an item of.
        items: the spans of a whole list's items, in order.
    """

    kind: Kind
    text: str
    span: Span
    lead_in: str = ""
    heading: str = ""
    row: Row | None = None
    whole: Span | None = None
    items: tuple[Span, ...] = ()


def pieces_of(passage: Passage) -> tuple[Piece, ...]:
    """The pieces in reading order; a whole list comes before its items.

    Headings, titles, questions, numbering, page lines and lead-ins alone are none. A question on
    its own line is the heading of its answer.
    """
    text = passage.text
    heading = (passage.location["section"] or [""])[-1]
    pieces: list[Piece] = []
    for run in _runs(lines_of(passage)):
        if run[0].is_heading:
            heading = run[0].text
            continue
        lead_in = _lead_in(run)
        items = run if lead_in is None else run[1:]
        if _is_list(items, has_lead_in=lead_in is not None):
            pieces += _prose_pieces(run[: len(run) - len(items)], heading, text)
            pieces += _list_pieces(items, lead_in, heading, text)
        else:
            pieces += _prose_pieces(run, heading, text)
    return tuple(pieces)


# --- Runs ----------------------------------------------------------------------------------------


def _runs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Headings and rows alone; lines that may be one list together, after what leads to it."""
    run: list[Line] = []
    for line in lines:
        if run and not _goes_on(run, line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _goes_on(run: Sequence[Line], line: Line) -> bool:
    last = run[-1]
    if line.is_heading or last.is_heading or line.row or last.row:
        return False
    if last.is_lead_in:
        # Two lead-ins in a row do not lead to each other.
        return len(run) == 1 and (line.is_marked or line.may_be_item)
    items = run[1:] if run[0].is_lead_in else run
    if items[0].is_marked:
        # Later items of a list may have lost their markers.
        return line.is_marked or (line.is_unfinished and line.gap == last.gap)
    if line.is_marked:
        return False
    is_alike = len(items) == 1 or items[1].gap == line.gap
    return last.may_be_item and line.may_be_item and is_alike


def _lead_in(run: Sequence[Line]) -> Span | None:
    """The sentence that leads to the rest of the run."""
    if len(run) == 1 or not run[0].is_lead_in:
        return None
    last = run[0].sentences[-1]
    return last if last.end - last.start <= MAX_LEAD_IN_CHARS else None


def _is_list(items: Sequence[Line], *, has_lead_in: bool) -> bool:
    if items[0].is_marked:
        return len(items) > 1 or has_lead_in
    if len(items) == 1 or not all(item.may_be_item for item in items):
        return False
    are_lines = items[1].gap == 1
    are_sentences = all(len(item.sentences) == 1 for item in items)
    return are_lines or has_lead_in or (are_sentences and len(items) >= MIN_PARAGRAPHS)


def _list_pieces(
    items: Sequence[Line], lead_in: Span | None, heading: str, text: str
) -> Iterator[Piece]:
    start = items[0].span.start if lead_in is None else lead_in.start
    whole = Span(start, items[-1].span.end)
    is_short = whole.end - whole.start <= MAX_WHOLE_CHARS
    if is_short:
        yield Piece(
            kind="steps" if _are_steps(items) else "list",
            text=text[whole.start : whole.end],
            span=whole,
            heading=heading,
            items=tuple(item.span for item in items),
        )
    for item in items:
        for span in _parts(item, text):
            yield Piece(
                kind="sentence",
                text=text[span.start : span.end],
                span=span,
                lead_in="" if lead_in is None else text[lead_in.start : lead_in.end],
                heading=heading,
                whole=whole if is_short else None,
            )


def _parts(item: Line, text: str) -> Sequence[Span]:
    """The item as one, or its sentences when it has many; a title stays with what it names."""
    first = item.sentences[0]
    is_title = len(text[first.start : first.end].split()) <= MAX_TITLE_WORDS
    is_one = len(item.sentences) == 1 or (
        len(item.sentences) <= MAX_ITEM_SENTENCES and (item.is_marked or is_title)
    )
    return [item.span] if is_one else item.sentences


def _prose_pieces(lines: Sequence[Line], heading: str, text: str) -> Iterator[Piece]:
    for line in lines:
        if line.row:
            yield Piece(kind="row", text=line.text, span=line.span, heading=heading, row=line.row)
            continue
        for span in line.sentences:
            said = text[span.start : span.end]
            if not said.endswith((":", "\uff1a")) and not ENDS_QUESTION.search(said):
                yield Piece(kind="sentence", text=said, span=span, heading=heading)


def _are_steps(items: Sequence[Line]) -> bool:
    """True when the items are in an order that counts, or most of them tell one to do something."""
    if all(_ORDERED.match(item.text) for item in items):
        return True
    orders = sum(_is_order(item.text) for item in items)
    return 2 * orders > len(items)


def _is_order(item: str) -> bool:
    marker = MARKER.match(item)
    words = item[marker.end() if marker else 0 :].split(maxsplit=2)
    return len(words) > 1 and words[0][0].isupper() and words[1].casefold() in _AFTER_AN_ORDER
