"""A claim that is the source's own: a run of its whole sentences, or a table row in a fixed form.

Compared after `normal_sentence`; of the claim, what is said around it is left out: citation
markers, emphasis, "Yes,", "No," and "According to the handbook,".
"""

import re
from collections.abc import Sequence
from typing import Final

from app.verify.cited import BULLET, CitedSource, CitedSources, LocatedQuote, normal_sentence
from app.verify.extract import Extract
from app.verify.pieces import pieces
from app.verify.quoted import lead_in
from app.verify.tables import Row, is_told_by

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


def find_verbatim(
    claim: str, quotes: Sequence[LocatedQuote], sources: CitedSources
) -> list[Extract]:
    """The source's words that the claim repeats; empty when it has words of its own.

    Args:
        claim: as `bare_claim` leaves it.
        quotes: those that were found; a row is told by the quotes that touch it.
        sources: those that the claim cites. Whole sentences are looked for in all of each, since
            what a source says in so many words is proved wherever the quote was taken from.
    """
    lead = _LEAD.match(claim)
    told = [claim, *([claim[lead.end() :]] if lead else [])]
    for text in told:
        rows = _told_rows(text, quotes)
        if rows:
            return rows
        wanted = " ".join(filter(None, _normal_pieces(text)))
        for source in sources.values():
            run = _run_in(source, wanted)
            if run:
                return [Extract(source=source, sentences=run)]
    return []


def _normal_pieces(text: str) -> list[str]:
    return [normal_sentence(text[start:end]) for start, end in pieces(text)]


def _told_rows(text: str, quotes: Sequence[LocatedQuote]) -> list[Extract]:
    """The quoted rows that the text tells in a fixed form: all of them, or one."""
    rows_by_source: dict[str, tuple[CitedSource, list[Row]]] = {}
    for quote in quotes:
        source_id = quote.source.source.id
        known = rows_by_source.setdefault(source_id, (quote.source, []))[1]
        known += [row for row in quote.rows if row not in known]
    every = [row for _, rows in rows_by_source.values() for row in rows]
    if every and is_told_by(text, every):
        return [Extract(source=s, rows=tuple(rows)) for s, rows in rows_by_source.values() if rows]
    for source, rows in rows_by_source.values():
        for row in rows:
            if is_told_by(text, [row]):
                return [Extract(source=source, rows=(row,))]
    return []


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
                return tuple(dict.fromkeys((*lead_in(source, told[0]), *told)))
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
