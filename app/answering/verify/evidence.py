"""Gathers what a claim rests on: the whole sentences that it quotes, and the text around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.answering.claims import Reason
from app.answering.verify.cells import cell_faults
from app.answering.verify.cited import LocatedQuote
from app.answering.verify.quoted import is_lead_in, list_lead
from app.answering.verify.rows import Row
from app.answering.verify.tables import tell_rows
from app.answering.verify.vetoes import find_vetoes
from language.lines import MARKER

HEADINGS_AROUND: Final = 2
"""Headings above a quote that say what it is about: its section's, and the one around that."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Quotes as a claim is compared with them and as a reader is given them.

    Attributes:
        text: the sentences that are quoted, whole; rows in their fixed form.
        background: what a person sees around them: titles, headings, columns, the sentence before.
        rows: the table rows among them.
        is_rows: every quote is of table rows.
    """

    text: str
    background: str
    rows: Sequence[Row]
    is_rows: bool

    def vetoes(self, claim: str) -> tuple[Reason, ...]:
        """The edits and wrong cells that no reader can excuse; () when none is found."""
        found = find_vetoes(claim, self.text, background=self.background, is_rows=self.is_rows)
        return (*cell_faults(claim, self.rows), *found)


def gather_evidence(quotes: Sequence[LocatedQuote]) -> Evidence:
    """The evidence of the quotes, in their order, without repetitions."""
    rows = [row for quote in quotes for row in quote.rows]
    return Evidence(
        text="\n".join(dict.fromkeys(_quoted_lines(quotes))),
        background="\n".join(dict.fromkeys(line for each in quotes for line in _around(each))),
        rows=rows,
        is_rows=bool(rows) and all(quote.rows for quote in quotes),
    )


def _quoted_lines(quotes: Sequence[LocatedQuote]) -> list[str]:
    """The quoted sentences, each item behind the lines that lead to its list.

    The lead-in may say "You must not bring:". Alone it counts only where nothing else is quoted.
    """
    quoted = [(quote.source, index) for quote in quotes for index in quote.sentences]
    has_more = any(not is_lead_in(source, index) for source, index in quoted)
    lines: list[str] = []
    for quote in quotes:
        if quote.rows:
            lines.append(tell_rows(quote.rows))
            continue
        for index in quote.sentences:
            if has_more and is_lead_in(quote.source, index):
                continue
            sentence = quote.source.sentences[index]
            leads = [quote.source.sentences[each].words for each in list_lead(quote.source, index)]
            marker = MARKER.match(sentence.words)
            lines.append(" ".join([*leads, sentence.words[marker.end() if marker else 0 :]]))
    return lines


def _around(quote: LocatedQuote) -> list[str]:
    """Title, section and columns of a quote, its lead-ins and headings, and the sentence before."""
    source, first = quote.source, quote.sentences.start
    passage = source.source.passage
    names = [passage.title or "", " > ".join(passage.location["section"])]
    names += [" | ".join(row.columns) for row in quote.rows[:1]]
    around = {
        *list_lead(source, first),
        *range(max(0, first - 1), first),
        *source.headings_above(first, HEADINGS_AROUND),
    }
    return [name for name in names if name] + [
        source.sentences[index].words for index in sorted(around)
    ]
