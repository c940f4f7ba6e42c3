"""Gathers what a claim rests on: the whole sentences that it quotes, and the text around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.answering.claims import Reason
from app.answering.verify.cells import cell_faults
from app.answering.verify.cited import LocatedQuote
from app.answering.verify.quoted import is_lead_in, list_lead
from app.answering.verify.rows import Row
from app.answering.verify.tables import row_sentence
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
    """The evidence of the quotes, in their order, without repetitions.

    Each item stands behind the lines that lead to its list: they may say "You must not bring:". A
    lead-in alone counts only where nothing else is quoted.
    """
    quoted = [(quote.source, index) for quote in quotes for index in quote.sentences]
    has_more = any(not is_lead_in(source, index) for source, index in quoted)
    lines: list[str] = []
    around: list[str] = []
    for quote in quotes:
        source, sentences, first = quote.source, quote.source.sentences, quote.sentences.start
        if quote.rows:
            lines.append("\n".join(map(row_sentence, quote.rows)))
        else:
            for index in quote.sentences:
                if has_more and is_lead_in(source, index):
                    continue
                words = sentences[index].words
                leads = [sentences[each].words for each in list_lead(source, index)]
                marker = MARKER.match(words)
                lines.append(" ".join([*leads, words[marker.end() if marker else 0 :]]))

        passage = source.source.passage
        names = [passage.title or "", " > ".join(passage.location["section"])]
        names += [" | ".join(row.columns) for row in quote.rows[:1]]
        nearby = {
            *list_lead(source, first),
            *range(max(0, first - 1), first),
            *source.headings_above(first, HEADINGS_AROUND),
        }
        around += filter(None, names)
        around += [sentences[index].words for index in sorted(nearby)]
    rows = [row for quote in quotes for row in quote.rows]
    return Evidence(
        text="\n".join(dict.fromkeys(lines)),
        background="\n".join(dict.fromkeys(around)),
        rows=rows,
        is_rows=bool(rows) and all(quote.rows for quote in quotes),
    )
