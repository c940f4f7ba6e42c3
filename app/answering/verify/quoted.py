"""Completes sentences of a source with what it takes to understand them.

Added are the lead-in of a list with every list around it, all items where they only hold together,
the sentence that a pronoun refers to, and the heading of a line that is no sentence. Without them
what is shown would be another statement.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.answering.verify.cited import CitedSource, LocatedQuote
from app.answering.verify.extract import MAX_SHOWN_CHARS, Extract
from language.lines import COLONS, refers_back

MAX_LIST_ITEMS: Final = 60
"""Sentences looked through, from an item to the beginning or the end of its list."""

MAX_LISTS_AROUND: Final = 4
"""Lists that a list stands in."""

MAX_ANTECEDENTS: Final = 2
"""Sentences that are put before one that refers back to them."""

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
            rows = Extract(source=quote.source, rows=tuple(quote.rows))
            while rows.rows and len(rows.text) > most_chars:
                rows = replace(rows, rows=rows.rows[: len(rows.rows) * 7 // 8])
            found = [rows] if rows.rows else []
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
    """The sentences, parted at the headings between them, each part with what completes it.

    As many of the first ones as fit; empty when none does.
    """
    while indices:
        parts: list[list[int]] = [[]]
        for index in indices:
            if source.sentences[index].is_heading:
                parts.append([])
            else:
                parts[-1].append(index)
        filled = [part for part in parts if part]
        completed = [_complete(source, part, needs_heading=len(filled) > 1) for part in filled]
        extracts = [extract for extract in completed if extract is not None]
        if sum(len(extract.text) for extract in extracts) <= most_chars:
            return extracts
        indices = indices[: len(indices) * 7 // 8]
    return []


def _complete(source: CitedSource, part: Sequence[int], *, needs_heading: bool) -> Extract | None:
    """The part with the sentences before it that it refers to, its heading, and whole lists.

    None for an item of a list without its lead-in: nobody knows what it is an item of. An item such
    as "Depot: 5 EUR" says so itself.
    """
    sentences, first = source.sentences, part[0]
    sentence = sentences[first]
    ends = sentence.words.endswith((".", "!", "?", "\u3002"))
    is_fragment = not ends or len(sentence.words.split()) <= MAX_FRAGMENT_WORDS
    if (
        sentence.is_bullet
        and is_fragment
        and ": " not in sentence.words
        and not list_lead(source, first)
    ):
        return None

    start = first
    while (
        first - start < MAX_ANTECEDENTS
        and start > 0
        and not sentences[start].is_item
        and refers_back(sentences[start].words)
        and not sentences[start - 1].is_heading
    ):
        start -= 1
    is_below_heading = first > 0 and sentences[first - 1].is_heading
    is_named = is_below_heading and not sentence.is_item and is_fragment
    heading = source.headings_above(first, 1) if needs_heading or is_named else ()
    shown = {*heading, *range(start, first), *part}
    for index in part:
        if sentences[index].is_item:
            shown.update(list_lead(source, index))
            shown.update(items_of_list(source, index) if _hold_together(source, index) else ())
    return Extract(
        source=source,
        sentences=tuple(sorted(shown)),
        antecedent_count=0 if heading else first - start,
    )


# --- Lists ---------------------------------------------------------------------------------------


def is_lead_in(source: CitedSource, index: int) -> bool:
    """True for a line that only leads to what follows."""
    return source.sentences[index].words.endswith(COLONS)


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
        if sentence.level[0] < indent or sentence.words.endswith(COLONS):
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
    is_steps = not source.sentences[index].is_bullet and words.endswith(COLONS)
    return is_steps or _TOGETHER.search(words) is not None
