"""The lines of a passage: which of them are headings, lead-ins, items or rows."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from typing import Final

from app.answering.verify.rows import Row, rows_of
from kb.passages import Passage
from language.lines import BULLET, ENDS_SENTENCE, MARKER
from language.text import WRAPPED_LINE_CHARS, Span, sentences, word_set

MAX_HEADING_WORDS: Final = 12
MAX_HEADING_CHARS: Final = 200
MAX_ITEM_SENTENCES: Final = 2
"""Of a line that is an item though no marker says so: what is longer is prose."""

_NUMBERING: Final = re.compile(
    r"(?:#{1,6}\s|\u00a7\s?|(?:chapter|section|part|kapitel|abschnitt|chapitre|article)\s)?"
    r"(?:\(?\d{1,3}(?:\.\d{1,3}){0,4}[.):]?\s|[A-Z][.)]\s|[IVX]{1,5}[.)]\s)?",
    re.IGNORECASE,
)
_NUMBER_ALONE: Final = re.compile(
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[a-zA-Z]|[ivxIVX]{1,5})[.):]{1,2}|\u00a7\s?\d{1,3})"
)
_OPEN_WORDS: Final = word_set(
    "are is if when must may can cannot to for with by of from the include includes "
    "sind ist wenn darf d\u00fcrfen muss m\u00fcssen f\u00fcr mit von durch bei "
    "sont est si doit doivent peut peuvent pour avec par de"
)
"""A line that ends so goes on in the items below it."""
_UNDERLINE: Final = re.compile(r"\n[=\-~_*]{3,}+(?![^\n])")
ENDS_QUESTION: Final = re.compile(r"[?\uff1f][\"'\u201d\u2019)\]]*$")
_COLON_BEFORE_LINE: Final = re.compile(r"[:\uff1a]\n")
_PHYSICAL_LINE: Final = re.compile(r"[^\s][^\n]*+")
_PAGE_LINE: Final = re.compile(
    r"(?:^|\W)(?:page|seite|p\.)\s\d{1,4}(?:\s(?:of|von|de|/)\s\d{1,4})?$", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Sentences between which no line ends, or a table row; `gap` counts line ends before it."""

    span: Span
    text: str
    sentences: tuple[Span, ...]
    gap: int
    row: Row | None = None
    is_heading: bool = False
    is_named: bool = False
    """It is a heading whatever stands around it."""
    opens_list: bool = False
    """It is a sentence that marked items go on with: "You pay nothing if you are"."""

    @property
    def is_marked(self) -> bool:
        """True for an item of a list that says so: "- ", "1. ", "b) "."""
        return self.row is None and MARKER.match(self.text) is not None

    @property
    def is_lead_in(self) -> bool:
        """True for a line that only leads to what follows."""
        return self.row is None and (self.opens_list or self.text.endswith((":", "\uff1a")))

    @property
    def is_unfinished(self) -> bool:
        """True for a line on its own that ends as no sentence does."""
        return "\n" not in self.text and ENDS_SENTENCE.search(self.text) is None

    @property
    def may_be_item(self) -> bool:
        """True for a line that can be one of a list without a marker."""
        is_short = len(self.sentences) <= MAX_ITEM_SENTENCES and "\n" not in self.text
        if "|" in self.text or "\t" in self.text:
            # Of a table that is not known as one.
            return False
        return self.row is None and is_short and not self.is_lead_in


def lines_of(passage: Passage) -> list[Line]:
    """The lines in order, without underlines, numbering alone and the header line of a table."""
    text = passage.text
    names = {" ".join(name.split()) for name in (passage.title or "", *passage.location["section"])}
    rows = sorted(rows_of(passage), key=lambda row: row.span.start)
    lines: list[Line] = []
    end = 0
    for spans, row in _placed(text, rows):
        span = Span(spans[0].start, spans[-1].end)
        said = text[span.start : span.end]
        is_bare = _NUMBER_ALONE.fullmatch(said) or not any(map(str.isalnum, said))
        is_table_header = bool(rows) and ("|" in said or "\t" in said)
        if row is None and (is_bare or is_table_header):
            continue
        is_short = row is None and len(said) <= MAX_HEADING_CHARS
        is_named = is_short and (
            " ".join(said.split()) in names
            or _UNDERLINE.match(text, span.end) is not None
            or (len(spans) == 1 and ENDS_QUESTION.search(said) is not None)
        )
        lines.append(
            Line(
                span=span,
                text=said,
                sentences=tuple(spans),
                gap=min(text.count("\n", end, span.start), 2),
                row=row,
                is_heading=is_named or (is_short and has_shape_of_heading(said)),
                is_named=is_named,
            )
        )
        end = span.end
    is_below = bool(passage.location["section"])
    lines = [
        replace(line, opens_list=True, is_heading=False) if _opens_list(line, after) else line
        for line, after in zip_longest(lines, lines[1:])
    ]
    return list(_without_false_headings(lines, is_below=is_below))


def _opens_list(line: Line, after: Line | None) -> bool:
    """True for an unfinished line above a marked item that cannot be the heading of it."""
    if after is None or not after.is_marked or line.is_marked or line.row or line.is_named:
        return False
    last = line.text.rsplit(maxsplit=1)[-1].casefold()
    is_open = ENDS_SENTENCE.search(line.text) is None
    return is_open and (len(line.sentences) > 1 or last in _OPEN_WORDS)


def _placed(text: str, rows: Sequence[Row]) -> Iterator[tuple[list[Span], Row | None]]:
    """Sentences by line, and rows in place of the sentences of theirs."""
    waiting = deque(rows)
    row_end = 0
    line: list[Span] = []
    for sentence in _sentences(text):
        while waiting and waiting[0].span.start < sentence.end:
            if line:
                yield line, None
                line = []
            row = waiting.popleft()
            row_end = row.span.end
            yield [row.span], row
        if sentence.start < row_end:
            continue
        if line and "\n" in text[line[-1].end : sentence.start]:
            yield line, None
            line = []
        line.append(sentence)
    if line:
        yield line, None


def _sentences(text: str) -> Iterator[Span]:
    """Sentences; one that leads to unmarked items on lines of their own is cut into these."""
    follows_lead_in = False
    for sentence in sentences(text):
        colon = _COLON_BEFORE_LINE.search(text, sentence.start, sentence.end)
        start = colon.end() if colon else sentence.start
        lines = []
        if colon or follows_lead_in:
            lines = [
                Span(*line.span()) for line in _PHYSICAL_LINE.finditer(text, start, sentence.end)
            ]
        follows_lead_in = text[sentence.end - 1] in ":\uff1a"
        if len(lines) < 2 or not all(_is_whole_item(text, line) for line in lines[:-1]):  # noqa: PLR2004
            yield sentence
            continue
        if colon:
            yield Span(sentence.start, colon.start() + 1)
        yield from lines


def _is_whole_item(text: str, line: Span) -> bool:
    """True for a line that no margin has cut."""
    return line.end - line.start < WRAPPED_LINE_CHARS or text[line.end - 1] in ",;"


def _without_false_headings(lines: Sequence[Line], *, is_below: bool) -> Iterator[Line]:
    """The lines, those with the shape of a heading as items where the ones around them say so.

    `is_below`: a heading stands above the passage.
    """
    before: Line | None = None
    place = 0
    for is_doubtful, group in groupby(
        lines, key=lambda line: line.is_heading and not line.is_named
    ):
        run = list(group)
        place += len(run)
        after = lines[place] if place < len(lines) else None
        if is_doubtful:
            is_below = is_below or (before is not None and before.is_heading)
            first, last = _items_among(run, before, after, is_below=is_below)
            run = [
                replace(line, is_heading=not first <= index < last)
                for index, line in enumerate(run)
            ]
        yield from run
        before = run[-1]


def _items_among(
    run: Sequence[Line], before: Line | None, after: Line | None, *, is_below: bool
) -> tuple[int, int]:
    """From where to where lines with the shape of a heading are items of a list."""
    is_followed = after is not None
    if all(line.is_marked for line in run):
        has_company = len(run) > 1 or any(line and line.is_marked for line in (before, after))
        return (0, len(run)) if has_company else (0, 0)
    if before is not None and before.is_lead_in:
        # What stands apart between the items and a further text is that one's heading.
        return 0, len(run) - (is_followed and len(run) > 1 and run[-1].gap > 1)
    if after is not None and after.gap == 1:
        return 0, 0
    first = len(run) - 1
    while first > 0 and run[first].gap == 1 and not _end_of_numbering(run[first - 1].text):
        first -= 1
    is_list = len(run) - first > 1 and (first > 0 or is_below)
    return (first, len(run)) if is_list else (0, 0)


def has_shape_of_heading(text: str) -> bool:
    """True for a line short and unfinished enough to be the title of what follows."""
    if "\n" in text or _PAGE_LINE.search(text) or text.startswith("#"):
        return "\n" not in text
    if ENDS_SENTENCE.search(text) or any(mark in text for mark in "|\t:"):
        return False
    bare = text[_end_of_numbering(text) :]
    words = bare.split()
    is_unspaced = len(words) == 1 and not bare.isascii()
    is_data = any(map(str.isdigit, bare)) or BULLET.match(text) is not None
    return len(words) <= MAX_HEADING_WORDS and not is_data and not is_unspaced


def _end_of_numbering(text: str) -> int:
    match = _NUMBERING.match(text)
    return match.end() if match else 0
