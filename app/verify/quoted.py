"""What is shown of a true quote whose claim is not proved: the quote itself, made whole.

A quote is widened to whole sentences, with what it takes to understand them: the lead-in of a
list, the sentence that a pronoun leans on, the heading of a line that is no sentence.
"""

import re
from collections.abc import Sequence
from typing import Final

from app.verify.cited import CitedSource, LocatedQuote
from app.verify.extract import Extract

MAX_LEAD_ITEMS: Final = 30
"""Items between an item and the lead-in of its list."""

MAX_LEANING: Final = 2
"""Sentences that are put before one that leans on them."""

MAX_FRAGMENT_WORDS: Final = 4
"""A line so short says too little by itself, whatever it ends with."""

_LEANS: Final = re.compile(
    r"\W*+(?:it|its|they|their|them|he|she|his|her|this|that|these|those|such|both|otherwise"
    r"|in (?:that|this|these|those|such) cases?|if (?:so|not)|however|also|then|here|there"
    r"|er|sie|es|dies(?:e[rsmn]?)?|jene[rsmn]?|sonst|andernfalls|dabei|dann|dort|hierf\u00fcr|daf\u00fcr"
    r"|il|elle|ils|elles|ce|cet|cette|ces|cela|sinon|dans ce cas)\b",
    re.IGNORECASE,
)
"""How a sentence begins that is understood only after the one before it."""


def quoted_extracts(quotes: Sequence[LocatedQuote]) -> list[Extract]:
    """The quotes as they may be shown, in the order of the claim; none for headings alone."""
    extracts: list[Extract] = []
    for quote in quotes:
        extract = _whole(quote)
        if extract is not None and not any(_is_within(extract, other) for other in extracts):
            extracts.append(extract)
    return extracts


def _is_within(extract: Extract, other: Extract) -> bool:
    return (
        extract.source is other.source
        and set(extract.sentences) <= set(other.sentences)
        and set(extract.rows) <= set(other.rows)
    )


def _whole(quote: LocatedQuote) -> Extract | None:
    source = quote.source
    if quote.rows:
        return Extract(source=source, rows=tuple(quote.rows))
    touched = [index for index in quote.sentences if not source.is_heading(index)]
    if not touched:
        return None
    return Extract(source=source, sentences=(*lead_in(source, touched[0]), *touched))


def lead_in(source: CitedSource, index: int) -> tuple[int, ...]:
    """The sentences before one that it takes to understand it; () when it stands by itself."""
    before: list[int] = []
    while (
        len(before) < MAX_LEANING
        and index > 0
        and not source.is_item(index)
        and _LEANS.match(source.words(source.sentences[index]))
        and not source.is_heading(index - 1)
    ):
        index -= 1
        before.insert(0, index)
    return (*line_lead(source, index), *before)


def line_lead(source: CitedSource, index: int) -> tuple[int, ...]:
    """The lead-in of a list for its item, the heading of a line that is no sentence; else ()."""
    if source.is_item(index):
        return _list_lead(source, index)
    is_named = index > 0 and _is_fragment(source, index) and source.is_heading(index - 1)
    return (index - 1,) if is_named else ()


def _list_lead(source: CitedSource, index: int) -> tuple[int, ...]:
    for earlier in range(index - 1, max(-1, index - 1 - MAX_LEAD_ITEMS), -1):
        if source.is_item(earlier):
            continue
        words = source.words(source.sentences[earlier])
        is_lead = words.endswith(":") or source.is_heading(earlier)
        return (earlier,) if is_lead else ()
    return ()


def _is_fragment(source: CitedSource, index: int) -> bool:
    """True for a line that says too little without its heading."""
    words = source.words(source.sentences[index])
    return not words.endswith((".", "!", "?", "\u3002")) or len(words.split()) <= MAX_FRAGMENT_WORDS
