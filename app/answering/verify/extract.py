"""A piece of a source as it is shown: whole sentences in the source's own characters."""

import re
from dataclasses import dataclass, replace
from typing import Final

from app.answering.claims import VerifiedCitation
from app.answering.verify.cited import CitedSource
from app.answering.verify.rows import Row
from app.answering.verify.tables import row_sentence
from language.lines import BULLET
from language.text import Span

Place = tuple[str, int]
"""A source's id and the index of a sentence in it."""

MAX_SHOWN_CHARS: Final = 4_000
"""Characters of a claim in a source's own words: a page. A longer quote is cut after a sentence."""

MAX_AROUND_CHARS: Final = 6_000
"""Characters of the passage around sentences: more than a few consecutive chunks."""

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
    """Sentences, or table rows, of one source in their order.

    `sentences` are indices; the first `antecedent_count` are there since the next refers to them.
    """

    source: CitedSource
    sentences: tuple[int, ...] = ()
    rows: tuple[Row, ...] = ()
    antecedent_count: int = 0

    @property
    def text(self) -> str:
        """The text as shown: sentences of a paragraph on one line, items and rows one to a line."""
        if self.rows:
            return "\n".join(map(row_sentence, self.rows))
        sentences = self.source.sentences
        shown = ""
        for place, index in enumerate(self.sentences):
            sentence = sentences[index]
            is_joined = (index - 1) in self.sentences
            if place == 0:
                joint = ""
            elif is_joined and sentences[index - 1].is_heading and not sentence.is_item:
                joint = ": "
            elif sentence.is_item or not sentence.is_next_line or not is_joined:
                joint = "\n"
            else:
                joint = " "
            shown += joint + " ".join(sentence.words.split())
        # A single item stands in no list.
        marker = BULLET.match(shown) if len(self.sentences) == 1 else None
        return shown[marker.end() if marker else 0 :]

    def after(self, shown: Place | None) -> "Extract":
        """The extract without its antecedents, where these were the last sentences shown."""
        if shown is None or not self.antecedent_count or shown[0] != self.source.source.id:
            return self
        is_known = shown[1] == self.sentences[self.antecedent_count - 1]
        return (
            replace(self, sentences=self.sentences[self.antecedent_count :]) if is_known else self
        )

    @property
    def last(self) -> Place | None:
        """The last sentence; None for rows."""
        return (self.source.source.id, self.sentences[-1]) if self.sentences else None

    @property
    def background(self) -> str:
        """Title, headings, and the columns or the text around it: they say what it is about."""
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
        runs: list[Span] = []
        for place, index in enumerate(self.sentences):
            span = self.source.sentences[index].span
            if place and self.sentences[place - 1] == index - 1:
                runs[-1] = Span(runs[-1].start, span.end)
            else:
                runs.append(span)
        return [self.source.citation(run) for run in runs]


def omission_line(count: int, where: str, language: str | None) -> str:
    """A line such as `and 7 more in Packing list`, in English, German or French."""
    form = _MORE_BY_LANGUAGE.get((language or "en")[:2], _MORE_BY_LANGUAGE["en"])
    return form.format(count=count, where=" ".join(where.split()))


def without_more(claim: str) -> str:
    """The claim without the line of `omission_line`."""
    return _MORE.sub("", claim)
