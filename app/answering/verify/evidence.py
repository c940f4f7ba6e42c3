"""What a claim rests on: the whole sentences that its quotes touch, and what stands around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.answering.claims import Reason
from app.answering.verify.cited import CitedSource, LocatedQuote
from app.answering.verify.quoted import is_lead_in, list_lead
from app.answering.verify.tables import cell_faults, tell_rows
from app.answering.verify.vetoes import find_vetoes
from language.lines import MARKER

HEADINGS_AROUND: Final = 2
"""Headings above a quote that say what it is about: of its section, and of the one around that."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Quotes that exist, as a claim is compared with them and as a reader is given them."""

    quotes: tuple[LocatedQuote, ...]

    @cached_property
    def text(self) -> str:
        """The sentences that are quoted, whole; rows in their fixed form.

        An item stands behind what leads to its own list, which may be "You must not bring:".
        """
        places = [(quote.source, index) for quote in self.quotes for index in quote.sentences]
        has_more = any(not is_lead_in(source, index) for source, index in places)
        told: list[str] = []
        for quote in self.quotes:
            told += (
                [tell_rows(quote.rows)]
                if quote.rows
                else [
                    _with_lead(quote.source, index)
                    for index in quote.sentences
                    if not (has_more and is_lead_in(quote.source, index))
                ]
            )
        return "\n".join(dict.fromkeys(told))

    @cached_property
    def background(self) -> str:
        """What a person sees around the quotes: titles, headings, columns, the sentence before."""
        return "\n".join(dict.fromkeys(line for quote in self.quotes for line in _around(quote)))

    def vetoes(self, claim: str) -> tuple[Reason, ...]:
        """What speaks against the claim, whatever a reader says; () when nothing is found."""
        rows = [row for quote in self.quotes for row in quote.rows]
        is_rows = bool(rows) and all(quote.rows for quote in self.quotes)
        vetoes = find_vetoes(claim, self.text, background=self.background, is_rows=is_rows)
        return (*cell_faults(claim, rows), *vetoes)


def _with_lead(source: CitedSource, index: int) -> str:
    leads = (source.words(source.sentences[each]) for each in list_lead(source, index))
    words = source.words(source.sentences[index])
    marker = MARKER.match(words) if source.is_item(index) else None
    return " ".join([*leads, words[marker.end() if marker else 0 :]])


def _around(quote: LocatedQuote) -> Iterator[str]:
    source = quote.source
    passage = source.source.passage
    if passage.title:
        yield passage.title
    if passage.location["section"]:
        yield " > ".join(passage.location["section"])
    yield from (" | ".join(row.columns) for row in quote.rows[:1])
    first = quote.sentences.start
    before = {*list_lead(source, first), *range(max(0, first - 1), first)}
    around = sorted({*before, *source.headings_above(first, HEADINGS_AROUND)})
    yield from (source.words(source.sentences[index]) for index in around)
