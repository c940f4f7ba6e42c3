"""A passage divided into pieces that may answer: sentences, whole lists, procedures, table rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.answering.evidence.list_lines import ENDS_QUESTION, MAX_ITEM_SENTENCES, Line, lines_of
from app.answering.verify.rows import Row
from kb.passages import Passage
from language.lines import COLONS, ENDS_SENTENCE, MARKER
from language.text import Span, word_set

MAX_WHOLE_CHARS: Final = 4_000
"""A longer list is no answer as a whole; its items are."""

MAX_LEAD_IN_CHARS: Final = 300
MIN_PARAGRAPHS: Final = 3
"""Paragraphs of one sentence that make a list; two may just be consecutive paragraphs."""
MAX_TITLE_WORDS: Final = 4
"""Of a title at the start of an item: "Store and forward. When the network is down ..."."""

_ORDERED: Final = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]\s|(?:Step|Schritt|\u00c9tape)\s\d")
_AFTER_AN_IMPERATIVE: Final = word_set(
    "the a an your all each every any both no this that these those it them up on off out until "
    "down back sure if whether sie den die das einen eine le la les un une des votre"
)
"""Second words of an instruction: "Tighten the", "Wait until"."""

Kind = Literal["sentence", "list", "steps", "row"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a passage that may answer; `text` equals `passage.text[span.start:span.end]`.

    A list comes twice: each item as a `sentence`, and the whole as a `list`, or as `steps` where
    its lines are the steps of a procedure.

    Attributes:
        text: verbatim; of a whole list with its lead-in.
        lead_in: the line that introduces the list of an item, verbatim; empty where `text` has it.
        heading: the nearest one above; verbatim when it is in the passage.
        row: the table row whose line the piece is.
        whole: the span of the list that an item belongs to.
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

    @property
    def text_with_lead_in(self) -> str:
        """The text below its lead-in; of a whole list below its heading."""
        above = self.heading if self.items else self.lead_in
        return f"{above}\n{self.text}" if above else self.text


def pieces_of(passage: Passage) -> tuple[Piece, ...]:
    """The pieces in reading order; a whole list comes before its items.

    Headings, titles, questions, bare numbering, page lines and bare lead-ins are left out. A
    question on its own line is the heading of its answer.
    """
    text = passage.text
    heading = (passage.location["section"] or [""])[-1]
    pieces: list[Piece] = []
    for run in _runs(lines_of(passage)):
        if run[0].is_heading:
            heading = run[0].text
            continue
        lead_in = run[0].sentences[-1] if len(run) > 1 and run[0].is_lead_in else None
        if lead_in is not None and lead_in.end - lead_in.start > MAX_LEAD_IN_CHARS:
            lead_in = None
        items = run if lead_in is None else run[1:]
        if items[0].is_marked:
            is_list = len(items) > 1 or lead_in is not None
        else:
            are_sentences = all(len(item.sentences) == 1 for item in items)
            is_list = (
                len(items) > 1
                and all(item.may_be_item for item in items)
                and (
                    items[1].gap == 1
                    or lead_in is not None
                    or (are_sentences and len(items) >= MIN_PARAGRAPHS)
                )
            )
        if is_list:
            pieces += _prose_pieces(run[: len(run) - len(items)], heading, text)
            pieces += _list_pieces(items, lead_in, heading, text)
        else:
            pieces += _prose_pieces(run, heading, text)
    return tuple(pieces)


# --- Runs ----------------------------------------------------------------------------------------


def _runs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines that may be one list, below their lead-in, together; headings and rows alone."""
    run: list[Line] = []
    for line in lines:
        if run and not _continues(run, line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _continues(run: Sequence[Line], line: Line) -> bool:
    """True when the line may be an item of the same list as the run."""
    last = run[-1]
    if line.is_heading or last.is_heading or line.row or last.row:
        return False
    if last.is_lead_in:
        # Two lead-ins in a row do not lead to each other.
        return len(run) == 1 and (line.is_marked or line.may_be_item)
    items = run[1:] if run[0].is_lead_in else run
    if items[0].is_marked:
        # Later items of a list may have lost their markers.
        is_unfinished = "\n" not in line.text and ENDS_SENTENCE.search(line.text) is None
        return line.is_marked or (is_unfinished and line.gap == last.gap)
    if line.is_marked:
        return False
    is_evenly_spaced = len(items) == 1 or items[1].gap == line.gap
    return last.may_be_item and line.may_be_item and is_evenly_spaced


# --- Pieces of a run -----------------------------------------------------------------------------


def _list_pieces(
    items: Sequence[Line], lead_in: Span | None, heading: str, text: str
) -> Iterator[Piece]:
    """The list as one unless it is too long, then each of its items.

    An item of many sentences is given as these; a title at its start stays with what it names.
    """
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
        first = item.sentences[0]
        has_title = len(text[first.start : first.end].split()) <= MAX_TITLE_WORDS
        is_one = len(item.sentences) == 1 or (
            len(item.sentences) <= MAX_ITEM_SENTENCES and (item.is_marked or has_title)
        )
        for span in [item.span] if is_one else item.sentences:
            yield Piece(
                kind="sentence",
                text=text[span.start : span.end],
                span=span,
                lead_in="" if lead_in is None else text[lead_in.start : lead_in.end],
                heading=heading,
                whole=whole if is_short else None,
            )


def _are_steps(items: Sequence[Line]) -> bool:
    """True when all items have a number or letter, or most are imperatives: "Tighten the"."""
    if all(_ORDERED.match(item.text) for item in items):
        return True
    imperatives = 0
    for item in items:
        marker = MARKER.match(item.text)
        words = item.text[marker.end() if marker else 0 :].split(maxsplit=2)
        imperatives += (
            len(words) > 1 and words[0][0].isupper() and words[1].casefold() in _AFTER_AN_IMPERATIVE
        )
    return 2 * imperatives > len(items)


def _prose_pieces(lines: Sequence[Line], heading: str, text: str) -> Iterator[Piece]:
    """Each row and each sentence, without questions and lead-ins."""
    for line in lines:
        if line.row:
            yield Piece(kind="row", text=line.text, span=line.span, heading=heading, row=line.row)
            continue
        for span in line.sentences:
            sentence = text[span.start : span.end]
            if not sentence.endswith(COLONS) and not ENDS_QUESTION.search(sentence):
                yield Piece(kind="sentence", text=sentence, span=span, heading=heading)
