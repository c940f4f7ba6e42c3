"""A claim that is the source's own: a run of its whole sentences, or a table row in a fixed form.

Compared after `normal_sentence`; of the claim, what is said around it is left out: citation
markers, emphasis, "Yes,", "No," and "According to the handbook,".
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.verify.cited import (
    BULLET,
    CitedSource,
    CitedSources,
    LocatedQuote,
    normal_sentence,
)
from app.verify.extract import Extract
from app.verify.more import split_more
from app.verify.pieces import pieces
from app.verify.quoted import line_lead
from app.verify.tables import told_form

MAX_SKIPPED_ITEMS: Final = 30
"""Items of a list that a claim may leave out between its lead-in and one that it names."""

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


@dataclass(frozen=True, kw_only=True)
class Verbatim:
    """What a claim repeats: the source's words as they are shown, and where they stand."""

    text: str
    extracts: tuple[Extract, ...]


def find_verbatim(
    claim: str, quotes: Sequence[LocatedQuote], sources: CitedSources
) -> Verbatim | None:
    """The source's words that the claim repeats; None when it has words of its own.

    Args:
        claim: as `bare_claim` leaves it.
        quotes: those that were found; a row is told by the quotes that touch it.
        sources: those that the claim cites. Whole sentences are looked for in all of each, since
            what a source says in so many words is proved wherever the quote was taken from.
    """
    lead = _LEAD.match(claim)
    for told in [claim, *([claim[lead.end() :]] if lead else [])]:
        in_form = _told_rows(told, quotes)
        if in_form is not None:
            return in_form
        text, left, where = split_more(told)
        wanted = " ".join(filter(None, _normal_pieces(text)))
        for source in sources.values():
            run = _run_in(source, wanted)
            if run:
                spans = [source.sentences[index] for index in run]
                rows = [row for span in spans for row in source.rows_touched(span)]
                extract = (
                    Extract(source=source, rows=tuple(rows))
                    if len(rows) == len(run)
                    else Extract(source=source, sentences=run)
                )
                is_counted = left == _items_left(source, run[-1]) and _is_named(source, where)
                more = told[len(text) :] if left and is_counted else ""
                return Verbatim(text=extract.text + more, extracts=(extract,))
    return None


def _normal_pieces(text: str) -> list[str]:
    return [normal_sentence(text[start:end]) for start, end in pieces(text)]


def _items_left(source: CitedSource, last: int) -> int:
    """The lines of a list that come after the last one told."""
    following = range(last + 1, len(source.sentences))
    return len(list(itertools.takewhile(source.is_next_line, following)))


def _is_named(source: CitedSource, where: str) -> bool:
    name = normal_sentence(where)
    headings = (
        normal for index, normal in enumerate(source.normal_sentences) if source.is_heading(index)
    )
    return name in source.names or name in headings


def _told_rows(text: str, quotes: Sequence[LocatedQuote]) -> Verbatim | None:
    """The quoted rows that the text tells in a fixed form: all of them in order, or one."""
    every = [Extract(source=quote.source, rows=(row,)) for quote in quotes for row in quote.rows]
    distinct = list({(each.source.source.id, each.rows[0].span): each for each in every}.values())
    for extracts in [distinct, *([each] for each in distinct)] if distinct else []:
        form = told_form(text, [row for each in extracts for row in each.rows])
        if form is not None:
            return Verbatim(text=form, extracts=tuple(extracts))
    return None


def _run_in(source: CitedSource, wanted: str) -> tuple[int, ...]:
    """The sentences of the source that the wanted text is made of, in their order; () if none.

    Shown with what it takes to understand the first, and without headings that it does not take.
    """
    if not wanted:
        return ()
    for first, sentence in enumerate(source.normal_sentences):
        if sentence and f"{wanted} ".startswith(f"{sentence} "):
            run = _run_from(source, first, wanted)
            told = [index for index in run if not source.is_heading(index)]
            if told:
                return tuple(dict.fromkeys((*line_lead(source, told[0]), *told)))
    return ()


def _run_from(source: CitedSource, first: int, wanted: str) -> tuple[int, ...]:
    run = [first]
    position = len(source.normal_sentences[first])
    while position < len(wanted):
        following = next(
            (
                index
                for index in _may_follow(source, run)
                if _goes_on(wanted, position, source.normal_sentences[index])
            ),
            None,
        )
        if following is None:
            return ()
        run.append(following)
        position += 1 + len(source.normal_sentences[following])
    return tuple(run)


def _goes_on(wanted: str, position: int, sentence: str) -> bool:
    end = position + 1 + len(sentence)
    is_whole = end == len(wanted) or wanted[end : end + 1] == " "
    return bool(sentence) and is_whole and wanted.startswith(f" {sentence}", position)


def _may_follow(source: CitedSource, run: Sequence[int]) -> range:
    """The next sentence; of a list, any later item, because each goes with the lead-in alone."""
    after = run[-1] + 1
    count = len(source.sentences)
    opens_list = source.words(source.sentences[run[-1]]).endswith(":")
    if not (opens_list or source.is_item(run[-1])):
        return range(after, min(after + 1, count))
    end = after
    while end < min(count, after + MAX_SKIPPED_ITEMS) and source.is_item(end):
        end += 1
    return range(after, max(end, min(after + 1, count)))
