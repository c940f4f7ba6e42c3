"""A piece told so that it can be read alone: with its lead-in, its heading or its neighbours."""

import re
from dataclasses import dataclass, replace
from typing import Final

from app.answering.claims import DraftCitation, DraftClaim
from app.answering.context import Source
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.verify.extract import tell_more
from app.answering.verify.rows import Row
from app.answering.verify.tables import tell_row
from language.lines import leans
from language.text import Span, sentences

MAX_LIST_ITEMS: Final = 30
MAX_LIST_CHARS: Final = 2_500
"""Of a list that is told; what is beyond is counted."""

MAX_BEFORE_CHARS: Final = 300
"""Of a sentence that is put before one that leans on it."""

_BELONGS: Final = re.compile(
    r"\W*+(?:however|unless|except|but|only|otherwise|afterwards|this (?:applies|holds|does not)"
    r"|in (?:that|this|these|such) cases?|in case|if|when|exceptions?"
    r"|jedoch|allerdings|ausgenommen|au\u00dfer|sonst|andernfalls|danach|dies gilt|nur|ausnahmen?"
    r"|wenn|falls|sofern|bei|im fall|toutefois|cependant|sauf|sinon|ensuite|cela ne|seuls?|si|s'il"
    r"|lorsque?|en cas|quand)\b",
    re.IGNORECASE,
)
"""How a sentence begins that is the condition, exception or deadline of the one before it."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A claim and what it is quoted from."""

    source_id: str
    text: str
    quotes: tuple[str, ...]
    row: Row | None = None
    columns: frozenset[str] = frozenset()

    def merged_with(self, other: "Told") -> "Told":
        """One claim of the same row with the columns of both; without any, all are told."""
        if self.row is None:
            return self
        columns = self.columns | other.columns if self.columns and other.columns else frozenset()
        return replace(self, text=tell_row(self.row, columns or None), columns=columns)

    @property
    def claim(self) -> DraftClaim:
        """As it goes to verification, each quote a citation."""
        return DraftClaim(
            text=self.text,
            citations=tuple(
                DraftCitation(source=self.source_id, quote=quote) for quote in self.quotes
            ),
        )


def tell_list(source: Source, whole: Piece) -> Told:
    """A list with its lead-in; one without, under its heading."""
    text = source.passage.text
    start = whole.span.start
    if whole.span.start == whole.items[0].start and whole.heading:
        above = text.rfind(whole.heading, 0, start)
        is_right_above = above >= 0 and not text[above + len(whole.heading) : start].strip("\n=- ")
        start = above if is_right_above else start
    told = [each for each in whole.items if each.end - start <= MAX_LIST_CHARS][:MAX_LIST_ITEMS]
    end = told[-1].end if told else whole.span.end
    quote = text[start:end]
    left = len(whole.items) - len(told) if told else 0
    where = whole.heading or source.passage.title or ""
    more = f"\n{tell_more(left, where, source.passage.language)}" if left and where else ""
    return Told(source_id=source.id, text=f"{quote}{more}", quotes=(quote,))


def tell_item(source: Source, piece: Piece) -> Told:
    """An item says little without the line that leads to it: both are quoted."""
    quotes = (piece.text, piece.lead_in) if piece.lead_in else (piece.text,)
    return Told(source_id=source.id, text="\n".join(reversed(quotes)), quotes=quotes)


def tell_sentence(source: Source, piece: Piece) -> Told:
    """The sentence; with the one before it that it leans on, and the ones that belong to it."""
    said = [each for each in pieces_of(source.passage) if each.kind == "sentence"]
    place = next(index for index, each in enumerate(said) if each.span == piece.span)
    first = last = place
    text = source.passage.text
    if leans(piece.text) and place > 0 and _is_next(said[place - 1], piece, text):
        before = said[place - 1]
        first -= len(before.text) <= MAX_BEFORE_CHARS
    while (
        last + 1 < len(said)
        and _BELONGS.match(said[last + 1].text)
        and _is_next(said[last], said[last + 1], text)
    ):
        last += 1
    start = _start_of_sentence(text, said[first].span)
    told = text[start : said[last].span.end]
    return Told(source_id=source.id, text=told, quotes=(told,))


def _start_of_sentence(text: str, span: Span) -> int:
    """Where a sentence begins whose first words were taken for a heading: a lower case tells."""
    before = text[max(0, span.start - MAX_BEFORE_CHARS) : span.start]
    is_cut = text[span.start].islower() and bool(before.strip())
    if not is_cut or before.rstrip().endswith((".", "!", "?", ":")):
        return span.start
    return span.start - len(before) + sentences(before)[-1].start


def _is_next(piece: Piece, following: Piece, text: str) -> bool:
    """True for two sentences of one paragraph."""
    gap = text[piece.span.end : following.span.start]
    return not gap.strip() and gap.count("\n") <= 1 and piece.heading == following.heading
