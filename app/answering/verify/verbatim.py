"""A claim that is the source's own: a run of its whole sentences, or a table row in a fixed form.

Compared after `normal_sentence`; of the claim, what is said around it is left out: citation
markers, emphasis, "Yes,", "No," and "According to the handbook,".
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.answering.verify.cited import (
    CitedSource,
    CitedSources,
    LocatedQuote,
    normal_sentence,
)
from app.answering.verify.extract import Extract, Place, tell_more, without_more
from app.answering.verify.quoted import items_after, understood
from app.answering.verify.tables import told_form
from language.lines import BULLET, NUMBERED
from language.sentences import bounded_sentences
from language.tokens import tokenize

MAX_SKIPPED_ITEMS: Final = 30
"""Items of a list that a claim may leave out between its lead-in and one that it names."""

MAX_STARTS: Final = 20
"""Places of a source at which a claim may begin; a sentence that stands there more often says too
little to be looked for."""

MAX_STEPS: Final = 500
"""Sentences that are compared with a claim in all; no claim has as many."""

_MARKER: Final = re.compile(
    r"(?<!\s)\s*+[\[\u3010](?:\^?\d{1,3}|[a-z][a-z0-9]{5})"
    r"(?:\s*+[,;]\s*+(?:\d{1,3}|[a-z][a-z0-9]{5}))*[\]\u3011]"
)
_EMPHASIS: Final = re.compile(r"\*\*|__|`")
_LEAD: Final = re.compile(
    r"\s*+(?:(?:yes|no|ja|nein|oui|non)\s?[,.:;!\u2014\u2013-]\s*+"
    r"|(?:according to|as stated in|per|laut|gem\u00e4\u00df|selon|d'apr\u00e8s)"
    r" [^,.:;\n]{1,120},\s*+)",
    re.IGNORECASE,
)


def bare_claim(text: str) -> str:
    """The claim without citation markers, emphasis and a bullet; perhaps nothing is left."""
    lines = _EMPHASIS.sub("", _MARKER.sub("", text)).splitlines()
    bare = "\n".join(" ".join(line.split()) for line in lines if line.strip())
    bullet = BULLET.match(bare)
    return bare[bullet.end() :] if bullet else bare


def without_lead(claim: str) -> str:
    """The claim without its number in a list, "Yes," or "According to the handbook," before it."""
    number = NUMBERED.match(claim)
    rest = claim[number.end() :] if number else claim
    lead = _LEAD.match(rest)
    return rest[lead.end() :] if lead else rest


def claims_something(text: str) -> bool:
    """False for what asserts nothing: a question, a lead-in, words of talk alone."""
    is_open = text.endswith(("?", ":", "\uff1f"))
    return not is_open and any(token.is_content for token in tokenize(text))


@dataclass(frozen=True, kw_only=True)
class Verbatim:
    """What a claim repeats: the source's words, and where they stand.

    `form` is how table rows are told; `more` ends a list of which a part is told.
    """

    extracts: tuple[Extract, ...]
    form: str = ""
    more: str = ""

    @property
    def last(self) -> Place | None:
        """The last sentence; None for rows."""
        return self.extracts[-1].last

    def text(self, shown: Place | None) -> str:
        """As it is shown after `shown`."""
        if self.form:
            return self.form
        return "\n".join(each.after(shown).text for each in self.extracts) + self.more


def find_verbatim(
    claim: str, quotes: Sequence[LocatedQuote], sources: CitedSources, *, is_computed: bool = False
) -> Verbatim | None:
    """The source's words that the claim repeats; None when it has words of its own.

    Args:
        claim: as `bare_claim` leaves it.
        quotes: those that were found; a row is told by the quotes that touch it.
        sources: those that the claim cites. Whole sentences are looked for in all of each, since
            what a source says in so many words is proved wherever the quote was taken from.
        is_computed: whether it may count or sum up rows, which only who has seen all of them may.
    """
    for told in dict.fromkeys((claim, without_lead(claim))):
        in_form = _told_rows(told, quotes, is_computed=is_computed)
        if in_form is not None:
            return in_form
        text = without_more(told)
        wanted = " ".join(filter(None, _normal_pieces(text)))
        for source in sources.values():
            run = _run_in(source, wanted)
            if run:
                return _repeated(source, run, has_more=text != told)
    return None


def _normal_pieces(text: str) -> list[str]:
    return [normal_sentence(text[start:end]) for start, end in bounded_sentences(text)]


def _repeated(source: CitedSource, run: Sequence[int], *, has_more: bool) -> Verbatim | None:
    rows = [row for index in run for row in source.rows_touched(source.sentences[index])]
    if len(rows) == len(run):
        extract = Extract(source=source, rows=tuple(rows))
        return Verbatim(extracts=(extract,), form=extract.text)
    extracts = understood(source, run)
    if not extracts:
        return None
    return Verbatim(extracts=tuple(extracts), more=_more(source, extracts[-1]) if has_more else "")


def _more(source: CitedSource, extract: Extract) -> str:
    """The line that says how many items of the list are not told, and where they are."""
    passage = source.source.passage
    last = extract.sentences[-1]
    following = range(last + 1, len(source.sentences))
    left = (
        items_after(source, last)
        if source.is_item(last)
        else list(itertools.takewhile(source.is_next_line, following))
    )
    headings = source.headings_above(last + 1, 1)
    above = source.words(source.sentences[headings[0]]) if headings else None
    where = above or (passage.location["section"] or [passage.title or ""])[-1]
    return f"\n{tell_more(len(left), where, passage.language)}" if left and where else ""


def _told_rows(text: str, quotes: Sequence[LocatedQuote], *, is_computed: bool) -> Verbatim | None:
    """The quoted rows that the text tells in a fixed form: all of them in order, or one."""
    every = [Extract(source=quote.source, rows=(row,)) for quote in quotes for row in quote.rows]
    distinct = list({(each.source.source.id, each.rows[0].span): each for each in every}.values())
    for extracts in [distinct, *([each] for each in distinct)] if distinct else []:
        rows = [row for each in extracts for row in each.rows]
        form = told_form(text, rows, is_computed=is_computed)
        if form is not None:
            return Verbatim(extracts=tuple(extracts), form=form)
    return None


# --- Runs of sentences ---------------------------------------------------------------------------


def _run_in(source: CitedSource, wanted: str) -> tuple[int, ...]:
    """The sentences of the source that the wanted text is made of, in their order; () if none."""
    if not wanted:
        return ()
    padded = f"{wanted} "
    starts = [
        index
        for index, sentence in enumerate(source.normal_sentences)
        if sentence and padded.startswith(sentence) and padded[len(sentence)] == " "
    ]
    steps = 0
    for first in starts[:MAX_STARTS]:
        run = [first]
        position = len(source.normal_sentences[first])
        while position < len(wanted) and steps < MAX_STEPS:
            steps += 1
            following = _following(source, run[-1], padded, position)
            if following is None:
                break
            run.append(following)
            position += 1 + len(source.normal_sentences[following])
        if position == len(wanted) and not all(map(source.is_heading, run)):
            return tuple(run)
    return ()


def _following(source: CitedSource, last: int, padded: str, position: int) -> int | None:
    """The sentence that the text goes on with: the next, or of a list any later item.

    An item goes with its lead-in alone.
    """
    opens_list = source.words(source.sentences[last]).endswith(":")
    may_skip = opens_list or source.is_item(last)
    for index in range(last + 1, min(last + 1 + MAX_SKIPPED_ITEMS, len(source.sentences))):
        sentence = source.normal_sentences[index]
        end = position + 1 + len(sentence)
        if sentence and padded.startswith(sentence, position + 1) and padded[end : end + 1] == " ":
            return index
        if not (may_skip and source.is_item(index)):
            return None
    return None
