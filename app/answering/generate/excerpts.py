"""A piece of a source as it is shown: with its lead-in, its heading or its neighbours."""

import re
from dataclasses import dataclass, replace
from typing import Final

from app.answering.claims import DraftCitation, DraftClaim
from app.answering.context import Source
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.verify.extract import omission_line
from app.answering.verify.rows import Row
from app.answering.verify.tables import row_sentence
from language.lines import refers_back
from language.text import sentences

MAX_LIST_ITEMS: Final = 30
MAX_LIST_CHARS: Final = 2_500
"""Of a list that is shown; further items are counted."""

MAX_BEFORE_CHARS: Final = 300
"""Of a sentence that is put before one that refers to it."""

_BELONGS: Final = re.compile(
    r"\W*+(?:however|unless|except|but|only|otherwise|afterwards|this (?:applies|holds|does not)"
    r"|in (?:that|this|these|such) cases?|in case|if|when|exceptions?"
    r"|jedoch|allerdings|ausgenommen|au\u00dfer|sonst|andernfalls|danach|dies gilt|nur|ausnahmen?"
    r"|wenn|falls|sofern|bei|im fall|toutefois|cependant|sauf|sinon|ensuite|cela ne|seuls?|si|s'il"
    r"|lorsque?|en cas|quand)\b",
    re.IGNORECASE,
)
"""The beginning of a sentence with a condition, exception or deadline of the one before it."""


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The text of a claim and its quotes; of a row also the columns shown, all when empty."""

    source_id: str
    text: str
    quotes: tuple[str, ...]
    row: Row | None = None
    columns: frozenset[str] = frozenset()

    def merged_with(self, other: "Excerpt") -> "Excerpt":
        """One of the same row with the columns of both."""
        if self.row is None:
            return self
        columns = self.columns | other.columns if self.columns and other.columns else frozenset()
        return replace(self, text=row_sentence(self.row, columns or None), columns=columns)

    @property
    def claim(self) -> DraftClaim:
        """The claim to verify, with a citation for each quote."""
        citations = [DraftCitation(source=self.source_id, quote=quote) for quote in self.quotes]
        return DraftClaim(text=self.text, citations=tuple(citations))


def excerpt_list(source: Source, whole: Piece) -> Excerpt:
    """The list with its lead-in; without one, with its heading. A long list is cut and counted."""
    text = source.passage.text
    start = whole.span.start
    if start == whole.items[0].start and whole.heading:
        above = text.rfind(whole.heading, 0, start)
        is_right_above = above >= 0 and not text[above + len(whole.heading) : start].strip("\n=- ")
        start = above if is_right_above else start
    shown = [each for each in whole.items if each.end - start <= MAX_LIST_CHARS][:MAX_LIST_ITEMS]
    quote = text[start : shown[-1].end if shown else whole.span.end]
    left_out = len(whole.items) - len(shown) if shown else 0
    where = whole.heading or source.passage.title
    if not left_out or not where:
        return Excerpt(source_id=source.id, text=quote, quotes=(quote,))
    more = omission_line(left_out, where, source.passage.language)
    return Excerpt(source_id=source.id, text=f"{quote}\n{more}", quotes=(quote,))


def excerpt_item(source: Source, item: Piece) -> Excerpt:
    """The item below its lead-in; both are quoted."""
    quotes = (item.text, item.lead_in) if item.lead_in else (item.text,)
    return Excerpt(source_id=source.id, text="\n".join(reversed(quotes)), quotes=quotes)


def excerpt_sentence(source: Source, piece: Piece) -> Excerpt:
    """The sentence, with the one before that it refers to, and the conditions that follow it."""
    text = source.passage.text
    around = [each for each in pieces_of(source.passage) if each.kind == "sentence"]
    first = last = next(place for place, each in enumerate(around) if each.span == piece.span)
    if refers_back(piece.text) and first > 0 and _are_adjacent(around[first - 1], piece, text):
        first -= len(around[first - 1].text) <= MAX_BEFORE_CHARS
    while (
        last + 1 < len(around)
        and _BELONGS.match(around[last + 1].text)
        and _are_adjacent(around[last], around[last + 1], text)
    ):
        last += 1
    start = around[first].span.start
    before = text[max(0, start - MAX_BEFORE_CHARS) : start]
    # The first words of a sentence may have been taken for a heading: it goes on in lower case.
    is_cut = text[start].islower() and bool(before.strip())
    if is_cut and not before.rstrip().endswith((".", "!", "?", ":")):
        start += sentences(before)[-1].start - len(before)
    quote = text[start : around[last].span.end]
    return Excerpt(source_id=source.id, text=quote, quotes=(quote,))


def _are_adjacent(piece: Piece, following: Piece, text: str) -> bool:
    """True for two sentences of one paragraph, one after the other."""
    gap = text[piece.span.end : following.span.start]
    return not gap.strip() and gap.count("\n") <= 1 and piece.heading == following.heading
