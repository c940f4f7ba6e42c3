"""A piece of a source as it is shown: whole sentences in the source's own characters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.answering.claims import VerifiedCitation
from app.answering.verify.cited import CitedSource
from app.answering.verify.tables import Row, tell_rows
from language.lines import BULLET
from language.text import Span

Place = tuple[str, int]
"""A source's id and the index of a sentence in it."""

MAX_SHOWN_CHARS: Final = 4_000
"""Of a claim made of a source's own words: a page. A longer quote is cut after a whole sentence."""

MAX_AROUND_CHARS: Final = 6_000
"""Of the passage around sentences: more than a few chunks that follow each other."""

_MORE_BY_LANGUAGE: Final = {
    "en": "and {count} more in {where}",
    "de": "und {count} weitere in {where}",
    "fr": "et {count} autres dans {where}",
}
_MORE: Final = re.compile(
    r"\n(?:and \d{1,5} more in|und \d{1,5} weitere in|et \d{1,5} autres dans) [^\n]{1,300}\Z"
)


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Sentences, or table rows, of one source in their order; `sentences` are their indices."""

    source: CitedSource
    sentences: tuple[int, ...] = ()
    rows: tuple[Row, ...] = ()
    leaning: int = 0
    """Of the sentences, those in front that the next one only leans on."""

    @property
    def text(self) -> str:
        """As it is shown: sentences of a paragraph on one line, items and rows one to a line."""
        if self.rows:
            return tell_rows(self.rows)
        lines = [self._line(index) for index in self.sentences]
        if len(lines) == 1:
            # A single item stands in no list.
            marker = BULLET.match(lines[0])
            return lines[0][marker.end() if marker else 0 :]
        told = lines[0]
        for index, line in zip(self.sentences[1:], lines[1:], strict=True):
            told += f"{self._joint(index)}{line}"
        return told

    def after(self, shown: Place | None) -> "Extract":
        """The extract without the sentences it leans on, where these were the last ones shown."""
        if shown is None or not self.leaning or shown[0] != self.source.source.id:
            return self
        is_known = shown[1] == self.sentences[self.leaning - 1]
        return replace(self, sentences=self.sentences[self.leaning :]) if is_known else self

    @property
    def last(self) -> Place | None:
        """The last sentence; None for rows."""
        return (self.source.source.id, self.sentences[-1]) if self.sentences else None

    @property
    def background(self) -> str:
        """What tells what it is about: title, headings, and columns or the text around it."""
        passage = self.source.source.passage
        names = [passage.title or "", *passage.location["section"]]
        if self.rows:
            names += [name for row in self.rows for name in row.columns]
            return "\n".join(dict.fromkeys(names))
        return "\n".join([*names, passage.text[:MAX_AROUND_CHARS]])

    @property
    def citations(self) -> list[VerifiedCitation]:
        """Each run of sentences that stand together, and each row, as a quote."""
        if self.rows:
            return [self.source.citation(row.span) for row in self.rows]
        return [self.source.citation(span) for span in self._runs()]

    def _line(self, index: int) -> str:
        return " ".join(self.source.words(self.source.sentences[index]).split())

    def _joint(self, index: int) -> str:
        """What stands between a sentence and the one shown before it."""
        is_after_heading = index > 0 and self.source.is_heading(index - 1)
        if is_after_heading and (index - 1) in self.sentences and not self.source.is_item(index):
            return ": "
        opens_line = self.source.is_item(index) or not self.source.is_next_line(index)
        return "\n" if opens_line or (index - 1) not in self.sentences else " "

    def _runs(self) -> Sequence[Span]:
        runs: list[Span] = []
        previous: int | None = None
        for index in self.sentences:
            span = self.source.sentences[index]
            if previous is not None and index == previous + 1:
                runs[-1] = Span(runs[-1].start, span.end)
            else:
                runs.append(span)
            previous = index
        return runs


def tell_more(count: int, where: str, language: str | None) -> str:
    """`and 7 more in Packing list`, in the document's language if it is one of three."""
    form = _MORE_BY_LANGUAGE.get((language or "en")[:2], _MORE_BY_LANGUAGE["en"])
    return form.format(count=count, where=" ".join(where.split()))


def without_more(claim: str) -> str:
    """The claim without that line."""
    return _MORE.sub("", claim)
