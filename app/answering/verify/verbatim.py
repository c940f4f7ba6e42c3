"""Finds the source's words in a claim: a run of whole sentences, or a table row in a fixed form.

Sentences are compared in the form of `normal_sentence`. What a claim says around them does not
count: citation markers, emphasis, "Yes,", "No," and "According to the handbook,".
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
from app.answering.verify.extract import Extract, Place, omission_line, without_more
from app.answering.verify.quoted import complete_extracts, items_of_list
from app.answering.verify.tables import fixed_form
from language.lines import BULLET, COLONS, NUMBERED
from language.sentences import bounded_sentences
from language.tokens import tokenize

MAX_SKIPPED_ITEMS: Final = 30
"""Items of a list that a claim may leave out between its lead-in and one that it names."""

MAX_STARTS: Final = 20
"""Places of a source at which a claim may begin; a sentence that occurs more often says too little
to be looked for."""

MAX_STEPS: Final = 500
"""Sentences compared with one claim in all; no claim has as many."""

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
    is_open = text.endswith(("?", "\uff1f", *COLONS))
    return not is_open and any(token.is_content for token in tokenize(text))


@dataclass(frozen=True, kw_only=True)
class Verbatim:
    """The source's words that a claim repeats.

    `form` is the text of table rows; `more` is the last line where only part of a list is there.
    """

    extracts: tuple[Extract, ...]
    form: str = ""
    more: str = ""

    @property
    def last(self) -> Place | None:
        """The last sentence; None for rows."""
        return self.extracts[-1].last

    def text(self, shown: Place | None) -> str:
        """The text as it is shown after `shown`, the last sentence of the claim before."""
        if self.form:
            return self.form
        return "\n".join(each.after(shown).text for each in self.extracts) + self.more


def find_verbatim(
    claim: str, quotes: Sequence[LocatedQuote], sources: CitedSources, *, is_computed: bool = False
) -> Verbatim | None:
    """The source's words that the claim repeats; None when it has words of its own.

    Args:
        claim: as `bare_claim` leaves it.
        quotes: those that were found; a row may be stated where one touches it.
        sources: those that the claim cites. Whole sentences are looked for in all of each, since
            what a source says verbatim is proved wherever the quote was taken from.
        is_computed: whether it may count or sum up rows, which only who has seen all of them may.
    """
    for text in dict.fromkeys((claim, without_lead(claim))):
        in_form = _find_rows(text, quotes, is_computed=is_computed)
        if in_form is not None:
            return in_form
        listed = without_more(text)
        pieces = (normal_sentence(listed[start:end]) for start, end in bounded_sentences(listed))
        wanted = " ".join(filter(None, pieces))
        for source in sources.values():
            run = _find_run(source, wanted)
            if run:
                return _complete_run(source, run, has_more=listed != text)
    return None


def _find_rows(text: str, quotes: Sequence[LocatedQuote], *, is_computed: bool) -> Verbatim | None:
    """The quoted rows that the text states in a fixed form: all of them in order, or one."""
    every = [Extract(source=quote.source, rows=(row,)) for quote in quotes for row in quote.rows]
    distinct = list({(each.source.source.id, each.rows[0].span): each for each in every}.values())
    for extracts in [distinct, *([each] for each in distinct)] if distinct else []:
        rows = [row for each in extracts for row in each.rows]
        form = fixed_form(text, rows, is_computed=is_computed)
        if form is not None:
            return Verbatim(extracts=tuple(extracts), form=form)
    return None


# --- Runs of sentences ---------------------------------------------------------------------------


def _find_run(source: CitedSource, wanted: str) -> tuple[int, ...]:
    """The sentences of the source that make up the wanted text, in their order; () if none."""
    if not wanted:
        return ()
    padded, sentences = f"{wanted} ", source.sentences
    ends = (
        place for place, letter in enumerate(padded[: source.longest_sentence + 1]) if letter == " "
    )
    starts = sorted(
        index for end in ends for index in source.sentences_by_normal.get(padded[:end], ())
    )
    steps = 0
    for first in starts[:MAX_STARTS]:
        run = [first]
        position = len(sentences[first].normal)
        while position < len(wanted) and steps < MAX_STEPS:
            steps += 1
            following = _find_next(source, run[-1], padded, position + 1)
            if following is None:
                break
            run.append(following)
            position += 1 + len(sentences[following].normal)
        if position == len(wanted) and not all(sentences[index].is_heading for index in run):
            return tuple(run)
    return ()


def _find_next(source: CitedSource, last: int, padded: str, position: int) -> int | None:
    """The sentence with which the text goes on: the next one, or any later item of a list.

    An item goes with its lead-in alone.
    """
    opens_list = source.sentences[last].words.endswith(COLONS)
    may_skip = opens_list or source.sentences[last].is_item
    for index in range(last + 1, min(last + 1 + MAX_SKIPPED_ITEMS, len(source.sentences))):
        sentence = source.sentences[index]
        if sentence.normal and padded.startswith(f"{sentence.normal} ", position):
            return index
        if not (may_skip and sentence.is_item):
            return None
    return None


def _complete_run(source: CitedSource, run: Sequence[int], *, has_more: bool) -> Verbatim | None:
    """The run with what it takes to understand it, and how many items its claim leaves out."""
    rows = [row for index in run for row in source.rows_touched(source.sentences[index].span)]
    if len(rows) == len(run):
        extract = Extract(source=source, rows=tuple(rows))
        return Verbatim(extracts=(extract,), form=extract.text)
    extracts = complete_extracts(source, run)
    if not extracts or not has_more:
        return Verbatim(extracts=tuple(extracts)) if extracts else None

    passage, last = source.source.passage, extracts[-1].sentences[-1]
    if source.sentences[last].is_item:
        left = [index for index in items_of_list(source, last) if index > last]
    else:
        following = range(last + 1, len(source.sentences))
        left = list(
            itertools.takewhile(lambda index: source.sentences[index].is_next_line, following)
        )
    headings = source.headings_above(last + 1, 1)
    if headings:
        where = source.sentences[headings[0]].words
    else:
        where = (passage.location["section"] or [passage.title or ""])[-1]
    more = f"\n{omission_line(len(left), where, passage.language)}" if left and where else ""
    return Verbatim(extracts=tuple(extracts), more=more)
