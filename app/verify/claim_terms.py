"""Text -> terms in which a claim meets the names, the headers and the cells of a table."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from app.verify.quantities import Reading, read_quantities
from kb.text import STOP_WORDS, UNSPACED, WORD_PATTERN, fold, stem, word_set

_TERM: Final = re.compile(
    rf"[{UNSPACED}]|{WORD_PATTERN}(?:['\u2019./:@#&+_-]++{WORD_PATTERN})*+|[,;:.!?()\n\u2013\u2014]"
)
_PART: Final = re.compile(rf"{WORD_PATTERN}(?:['\u2019]{WORD_PATTERN})?")
_DIVIDERS: Final = word_set(
    "and but while whereas and/or plus und aber sowie w\u00e4hrend et mais y pero"
)
NEGATIONS: Final = word_set(
    "no not none never without cannot nor nicht kein keine keinen keiner nein ohne nie non ne pas "
    "sans aucun aucune sin ning\u00fan ninguna"
)
_EMPTY: Final = word_set(
    "der die das des dem den ein eine im in von zu le la les l un une du de au"
)
_NO_NUMBERS: Final = word_set("one first second third")
"""Words that only sometimes count: "first name", "one finds"."""


class Term(NamedTuple):
    """A word by its stem, a code as a whole, a number or date, or what divides two statements."""

    key: str
    start: int
    end: int
    reading: Reading | None = None
    is_divider: bool = False
    is_negation: bool = False


@lru_cache(maxsize=4096)
def terms_of(text: str, kept: frozenset[str] = frozenset()) -> tuple[Term, ...]:
    """The terms of a text in order, without words that say nothing but for those `kept`."""
    found: list[Term] = []
    position = 0
    for reading in _readings(text):
        _append_words(found, text, (position, reading.start), kept)
        said = text[reading.start : reading.end]
        if reading.dimension == "date":
            key = f"#{reading.measure}"
        elif said.isalpha() and said.lower() in _NO_NUMBERS:
            key = stem(said.lower())
        else:
            key = f"#{+reading.number}"
        is_number = said.lower() != "one"
        found.append(Term(key, reading.start, reading.end, reading if is_number else None))
        position = max(position, reading.end)
    _append_words(found, text, (position, len(text)), kept)
    return tuple(found)


def content_keys(text: str, kept: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The keys of the terms that say something."""
    return tuple(term.key for term in terms_of(text, kept) if not term.is_divider)


def _readings(text: str) -> list[Reading]:
    """The numbers that are no part of a code such as INV-25-01."""
    readings = read_quantities(text)
    starts = {reading.start for reading in readings}
    codes = [
        match.span()
        for match in _TERM.finditer(text)
        if match[0][0].isalpha()
        and any(map(str.isdecimal, match[0]))
        # "EUR87.25" is an amount.
        and match.start() not in starts
    ]
    inside = {place for start, end in codes for place in range(start, end)}
    return [reading for reading in readings if reading.start not in inside]


def _append_words(
    found: list[Term], text: str, span: tuple[int, int], kept: frozenset[str]
) -> None:
    for match in _TERM.finditer(text, *span):
        word = match[0]
        if not word[0].isalnum():
            found.append(Term(word, match.start(), match.end(), is_divider=True))
        elif any(map(str.isdecimal, word)):
            found.append(Term(fold(word).text, match.start(), match.end()))
        else:
            for part in _PART.finditer(text, match.start(), match.end()):
                _append_word(found, part, kept)


def _append_word(found: list[Term], match: re.Match[str], kept: frozenset[str]) -> None:
    word = fold(match[0]).text
    start, end = match.span()
    if word in _DIVIDERS:
        found.append(Term(word, start, end, is_divider=True))
    elif word in NEGATIONS or word.endswith("n't"):
        found.append(Term(word, start, end, is_negation=True))
    elif word in kept or (word not in STOP_WORDS and word not in _EMPTY):
        found.append(Term(stem(word), start, end))
