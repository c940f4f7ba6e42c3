"""Sentences of a source with what it takes to understand them.

The lead-in of a list with every list around it, all items where they hold together only, the
sentence that a pronoun leans on, the heading of a line that is no sentence. Whatever is left out
would make another statement of what is shown.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from app.answering.verify.cited import CitedSource, LocatedQuote
from app.answering.verify.extract import MAX_SHOWN_CHARS, Extract
from language.lines import leans

_Part = TypeVar("_Part")

MAX_LIST_ITEMS: Final = 60
"""Sentences looked through, from an item to the beginning or the end of its list."""

MAX_LISTS_AROUND: Final = 4
"""Lists that a list stands in."""

MAX_LEANING: Final = 2
"""Sentences that are put before one that leans on them."""

MAX_FRAGMENT_WORDS: Final = 4
"""A line so short says too little by itself, whatever it ends with."""

_TOGETHER: Final = re.compile(
    r"\b(?:all|both|each|every|steps?|following|conditions?|requirements?|these|together"
    r"|alle[nrs]?|beide[nrs]?|jede[nrs]?|schritte?|folgende[nrs]?|bedingung(?:en)?|voraussetzungen"
    r"|tou(?:s|tes)|deux|chaque|\u00e9tapes?|suivante?s?|conditions)\b",
    re.IGNORECASE,
)
"""In a lead-in: its items hold together, and one of them alone is half of what is said."""


def quoted_extracts(quotes: Sequence[LocatedQuote]) -> list[Extract]:
    """The quotes as they may be shown, in the order of the claim.

    None for headings alone, nor for a lead-in without what it leads to.
    """
    extracts: list[Extract] = []
    for quote in quotes:
        left = MAX_SHOWN_CHARS - sum(len(extract.text) for extract in extracts)
        for extract in _whole(quote, left):
            is_told = any(_is_within(extract, other) for other in extracts)
            if not is_told and not _leads_only(extract):
                extracts.append(extract)
    return extracts


def _leads_only(extract: Extract) -> bool:
    return bool(extract.sentences) and all(
        is_lead_in(extract.source, index) for index in extract.sentences
    )


def _is_within(extract: Extract, other: Extract) -> bool:
    return (
        extract.source is other.source
        and set(extract.sentences) <= set(other.sentences)
        and set(extract.rows) <= set(other.rows)
    )


def _whole(quote: LocatedQuote, most_chars: int) -> list[Extract]:
    if quote.rows:
        return _that_fit(
            quote.rows, most_chars, lambda rows: [Extract(source=quote.source, rows=tuple(rows))]
        )
    return understood(quote.source, list(quote.sentences), most_chars)


def understood(
    source: CitedSource, indices: Sequence[int], most_chars: int = MAX_SHOWN_CHARS
) -> list[Extract]:
    """The sentences, parted at the headings between them, each part with what it leans on.

    As many of the first ones as fit; () when none does.
    """
    return _that_fit(indices, most_chars, lambda some: list(_understood(source, some)))


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


def _understood(source: CitedSource, indices: Sequence[int]) -> Iterator[Extract]:
    parts: list[list[int]] = [[]]
    for index in indices:
        if source.is_heading(index):
            parts.append([])
        else:
            parts[-1].append(index)
    filled = [part for part in parts if part]
    for part in filled:
        extract = _understood_part(source, part, needs_heading=len(filled) > 1)
        if extract is not None:
            yield extract


def _understood_part(
    source: CitedSource, part: Sequence[int], *, needs_heading: bool
) -> Extract | None:
    """None for an item of a list whose lead-in is not there: nobody knows what it is an item of.

    "Depot: 5 EUR" says it itself.
    """
    first = part[0]
    lead, leaning = list_lead(source, first), _leaning(source, first)
    if (
        source.is_item(first)
        and not lead
        and source.is_bullet(first)
        and _is_fragment(source, first)
        and ": " not in source.words(source.sentences[first])
    ):
        return None
    is_named = needs_heading or _is_named_line(source, first)
    heading = source.headings_above(first, 1) if is_named else ()
    told = {*heading, *lead, *leaning, *part}
    for index in part:
        if source.is_item(index):
            told.update(list_lead(source, index))
            told.update(_items_of_list(source, index) if _hold_together(source, index) else ())
    return Extract(
        source=source, sentences=tuple(sorted(told)), leaning=len(leaning) if not heading else 0
    )


def _leaning(source: CitedSource, index: int) -> tuple[int, ...]:
    before: list[int] = []
    while (
        len(before) < MAX_LEANING
        and index > 0
        and not source.is_item(index)
        and leans(source.words(source.sentences[index]))
        and not source.is_heading(index - 1)
    ):
        index -= 1
        before.insert(0, index)
    return tuple(before)


# --- Lists ---------------------------------------------------------------------------------------


def is_lead_in(source: CitedSource, index: int) -> bool:
    """True for a line that only leads to what follows."""
    return source.words(source.sentences[index]).endswith((":", "\uff1a"))


def list_lead(source: CitedSource, index: int) -> tuple[int, ...]:
    """The lines that lead to an item, of the list around its list first; () when there is none.

    An item that stands further out, or ends with a colon, leads to those behind it.
    """
    leads: list[int] = []
    while source.is_item(index) and len(leads) < MAX_LISTS_AROUND:
        lead = _line_above(source, index)
        if lead is None:
            break
        leads.insert(0, lead)
        index = lead
    return tuple(leads)


def _line_above(source: CitedSource, index: int) -> int | None:
    """What leads to the item's list: the line right above its first item."""
    level = source.level(index)
    for earlier in range(index - 1, max(-1, index - 1 - MAX_LIST_ITEMS), -1):
        if not source.is_item(earlier):
            # A table may end right above a list; its last row leads to nothing.
            return None if source.rows_touched(source.sentences[earlier]) else earlier
        is_outer = source.level(earlier)[0] < level[0]
        if is_outer or source.words(source.sentences[earlier]).endswith(":"):
            return earlier
        is_other_list = source.level(earlier) != level and source.level(earlier)[0] == level[0]
        if is_other_list:
            return None
    return None


def _items_of_list(source: CitedSource, index: int) -> list[int]:
    """The items of the list that the item belongs to, those of lists inside of it too."""
    level = source.level(index)
    lead = _line_above(source, index)
    first = index if lead is None else lead + 1
    found: list[int] = []
    for following in range(first, min(len(source.sentences), first + MAX_LIST_ITEMS)):
        if not source.is_item(following) or source.level(following)[0] < level[0]:
            break
        found.append(following)
    return found


def items_after(source: CitedSource, index: int) -> list[int]:
    """The items of the same list that come after the item."""
    return [each for each in _items_of_list(source, index) if each > index]


def _hold_together(source: CitedSource, index: int) -> bool:
    """True for steps, and for items of which the lead-in says that all of them count."""
    lead = _line_above(source, index)
    if lead is None:
        return False
    words = source.words(source.sentences[lead])
    is_steps = not source.is_bullet(index) and words.endswith(":")
    return is_steps or _TOGETHER.search(words) is not None


# --- Lines that are no sentences -----------------------------------------------------------------


def _is_named_line(source: CitedSource, index: int) -> bool:
    """True for a line that says too little without the heading right above it."""
    is_below = index > 0 and source.is_heading(index - 1) and not source.is_item(index)
    return is_below and _is_fragment(source, index)


def _is_fragment(source: CitedSource, index: int) -> bool:
    words = source.words(source.sentences[index])
    return not words.endswith((".", "!", "?", "\u3002")) or len(words.split()) <= MAX_FRAGMENT_WORDS
