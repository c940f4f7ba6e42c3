"""Completes sentences of a source with what it takes to understand them.

Added are the lead-in of a list with every list around it, all items where they only hold together,
the sentence that a pronoun leans on, and the heading of a line that is no sentence. Without them
what is shown would be another statement.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from app.answering.verify.cited import CitedSource, LocatedQuote
from app.answering.verify.extract import MAX_SHOWN_CHARS, Extract
from app.answering.verify.rows import Row
from language.lines import leans

_Part = TypeVar("_Part")

MAX_LIST_ITEMS: Final = 60
"""Sentences looked through, from an item to the beginning or the end of its list."""

MAX_LISTS_AROUND: Final = 4
"""Lists that a list stands in."""

MAX_LEANING: Final = 2
"""Sentences that are put before one that leans on them."""

MAX_FRAGMENT_WORDS: Final = 4
"""A line this short says too little by itself, whatever it ends with."""

_TOGETHER: Final = re.compile(
    r"\b(?:all|both|each|every|steps?|following|conditions?|requirements?|these|together"
    r"|alle[nrs]?|beide[nrs]?|jede[nrs]?|schritte?|folgende[nrs]?|bedingung(?:en)?|voraussetzungen"
    r"|tou(?:s|tes)|deux|chaque|\u00e9tapes?|suivante?s?|conditions)\b",
    re.IGNORECASE,
)
"""In a lead-in these words say that its items hold together: one alone is half of what is said."""


def quoted_extracts(quotes: Sequence[LocatedQuote]) -> list[Extract]:
    """The quotes as they may be shown, in the order of the claim, completed and each once.

    Headings alone are left out, and so is a lead-in without what it leads to.
    """
    extracts: list[Extract] = []
    for quote in quotes:
        most_chars = MAX_SHOWN_CHARS - sum(len(extract.text) for extract in extracts)
        if quote.rows:
            found = _that_fit(quote.rows, most_chars, partial(_extract_rows, quote.source))
        else:
            found = complete_extracts(quote.source, quote.sentences, most_chars)
        for extract in found:
            is_shown = any(
                extract.source is other.source
                and set(extract.sentences) <= set(other.sentences)
                and set(extract.rows) <= set(other.rows)
                for other in extracts
            )
            leads_only = extract.sentences and all(
                is_lead_in(extract.source, index) for index in extract.sentences
            )
            if not is_shown and not leads_only:
                extracts.append(extract)
    return extracts


def complete_extracts(
    source: CitedSource, indices: Sequence[int], most_chars: int = MAX_SHOWN_CHARS
) -> list[Extract]:
    """The sentences, parted at the headings between them, each part with what it leans on.

    As many of the first ones as fit; empty when none does.
    """
    return _that_fit(indices, most_chars, partial(_extract_parts, source))


def _extract_rows(source: CitedSource, rows: Sequence[Row]) -> list[Extract]:
    return [Extract(source=source, rows=tuple(rows))]


def _extract_parts(source: CitedSource, indices: Sequence[int]) -> list[Extract]:
    """The sentences parted at headings, each part completed."""
    parts: list[list[int]] = [[]]
    for index in indices:
        if source.sentences[index].is_heading:
            parts.append([])
        else:
            parts[-1].append(index)
    filled = [part for part in parts if part]
    extracts = [_complete(source, part, needs_heading=len(filled) > 1) for part in filled]
    return [extract for extract in extracts if extract is not None]


def _that_fit(
    parts: Sequence[_Part], most_chars: int, extracts_of: Callable[[Sequence[_Part]], list[Extract]]
) -> list[Extract]:
    """The extracts of the first parts; fewer parts until their text is short enough."""
    while parts:
        extracts = extracts_of(parts)
        if sum(len(extract.text) for extract in extracts) <= most_chars:
            return extracts
        parts = parts[: len(parts) * 7 // 8]
    return []


def _complete(source: CitedSource, part: Sequence[int], *, needs_heading: bool) -> Extract | None:
    """The part with what it leans on.

    None for an item of a list without its lead-in: nobody knows what it is an item of. An item such
    as "Depot: 5 EUR" says so itself.
    """
    first = part[0]
    sentence = source.sentences[first]
    ends = sentence.words.endswith((".", "!", "?", "\u3002"))
    is_fragment = not ends or len(sentence.words.split()) <= MAX_FRAGMENT_WORDS
    lead, leaning = list_lead(source, first), _leaning(source, first)
    if sentence.is_bullet and not lead and is_fragment and ": " not in sentence.words:
        return None

    is_below_heading = first > 0 and source.sentences[first - 1].is_heading
    is_named = is_below_heading and not sentence.is_item and is_fragment
    heading = source.headings_above(first, 1) if needs_heading or is_named else ()
    shown = {*heading, *lead, *leaning, *part}
    for index in part:
        if source.sentences[index].is_item:
            shown.update(list_lead(source, index))
            shown.update(items_of_list(source, index) if _hold_together(source, index) else ())
    return Extract(
        source=source, sentences=tuple(sorted(shown)), leaning=0 if heading else len(leaning)
    )


def _leaning(source: CitedSource, index: int) -> Sequence[int]:
    """The sentences before this one that it leans on, in order."""
    first = index
    while (
        index - first < MAX_LEANING
        and first > 0
        and not source.sentences[first].is_item
        and leans(source.sentences[first].words)
        and not source.sentences[first - 1].is_heading
    ):
        first -= 1
    return range(first, index)


# --- Lists ---------------------------------------------------------------------------------------


def is_lead_in(source: CitedSource, index: int) -> bool:
    """True for a line that only leads to what follows."""
    return source.sentences[index].words.endswith((":", "\uff1a"))


def list_lead(source: CitedSource, index: int) -> Sequence[int]:
    """The lines that lead to an item, the outermost list's first; empty when there is none.

    An item that stands further out, or ends with a colon, leads to those behind it.
    """
    leads: list[int] = []
    while source.sentences[index].is_item and len(leads) < MAX_LISTS_AROUND:
        lead = _line_above(source, index)
        if lead is None:
            break
        leads.insert(0, lead)
        index = lead
    return leads


def _line_above(source: CitedSource, index: int) -> int | None:
    """The line right above the first item of the item's list, which leads to it."""
    indent, kind = source.sentences[index].level
    for earlier in range(index - 1, max(-1, index - 1 - MAX_LIST_ITEMS), -1):
        sentence = source.sentences[earlier]
        if not sentence.is_item:
            # A table may end right above a list; its last row leads to nothing.
            return None if source.rows_touched(sentence.span) else earlier
        if sentence.level[0] < indent or sentence.words.endswith(":"):
            return earlier
        is_of_other_list = sentence.level[0] == indent and sentence.level[1] != kind
        if is_of_other_list:
            return None
    return None


def items_of_list(source: CitedSource, index: int) -> list[int]:
    """The items of the list that the item belongs to, with those of lists inside of it."""
    indent = source.sentences[index].level[0]
    lead = _line_above(source, index)
    first = index if lead is None else lead + 1
    found: list[int] = []
    for following in range(first, min(len(source.sentences), first + MAX_LIST_ITEMS)):
        sentence = source.sentences[following]
        if not sentence.is_item or sentence.level[0] < indent:
            break
        found.append(following)
    return found


def _hold_together(source: CitedSource, index: int) -> bool:
    """True for steps, and for items of which the lead-in says that all of them count."""
    lead = _line_above(source, index)
    if lead is None:
        return False
    words = source.sentences[lead].words
    is_steps = not source.sentences[index].is_bullet and words.endswith(":")
    return is_steps or _TOGETHER.search(words) is not None
