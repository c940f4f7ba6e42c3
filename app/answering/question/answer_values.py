"""Values of each kind in a text: a count, a measure, a date, a name, a place, a cause.

Each test reads the text itself: a value that only stands near it is that of another thing.
"""

import re
from typing import Final

from app.answering.question.specifics import (
    identifiers,
    is_noun,
    month_of,
    read_specifics,
    without_identifiers,
)
from app.answering.question.spelling import words_of
from app.answering.question.vocabulary import (
    AMOUNTS,
    CARDINALS,
    CAUSES,
    CLOCK_WORDS,
    COLOURS,
    FREE_OF_CHARGE,
    MEASURED,
    MONTHS,
    PLACES,
    ROLE_ENDINGS,
    ROLES,
    SCALES,
    TIME_WORDS,
    UNITS,
    VERBS_TOO,
    WEEKDAYS,
)
from language.text import STOP_WORDS, word_set

MIN_YEAR_DIGITS: Final = 3
"""Digits of a number that may be a year."""

_SHORT: Final = 2
"""Letters of a unit that is one only after a number: m, kg, h."""

_MAX_ENDING: Final = 2
"""Letters of an inflection: rouges, blauer."""

_WORD: Final = re.compile(r"[^\W_]++(?:['\u2019][^\W_]++)?")
_CLOCK: Final = re.compile(
    r"\b\d{1,2}(?::\d\d| ?(?:am|pm|a\.m|p\.m|uhr|h\b(?: ?\d{2})?|h\d{2}|o'clock))"
    r"|\b(?:noon|midnight|mittags?|mitternacht|midi|minuit)\b"
    r"|\b(?:at|by|from|until|till|before|after|um|ab|bis|\u00e0)"
    r" (?:half past |quarter (?:past|to) |halb )?"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eins|zwei|drei|vier|f\u00fcnf"
    r"|sechs|sieben|acht|neun|zehn|elf|zw\u00f6lf)\b",
    re.IGNORECASE,
)
_SPANS: Final = re.compile(
    r"\b(?:from|to|until|till|since|through|between|by|bis|ab|von|seit|zwischen|de|du|depuis|entre"
    r"|jusqu\w*+)\b|\d\s?[-\u2013]\s?\d",
    re.IGNORECASE,
)
_WHOLE_PRICE: Final = re.compile(r"\d[.,][-\u2013\u2014](?!\w)")
"""Written as 52.- in German and 12,- in Dutch."""
_YEAR: Final = re.compile(r"(?:1\d|20)\d\d")
_RECENT_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_CALENDAR: Final = WEEKDAYS.keys() | {"century", "decade", "today"}
_NO_UNIT_AFTER: Final = word_set("in a an to s t b")
"""Short units that are more often another word: 12 in stock, 3 a week."""
_ALL_UNITS: Final = frozenset().union(*UNITS.values()) - _NO_UNIT_AFTER
_BEFORE_UNIT: Final = word_set("of du de working full more other")
"""May stand between a number and its unit."""
_ORDINAL_ENDINGS: Final = word_set("st nd rd th")
_SHAPES: Final = {
    "fax": re.compile(r"\bfax\b", re.IGNORECASE),
    "phone": re.compile(r"\+?\d(?:[ ()/.-]{0,2}\d){5,}|\bext(?:ension|\.)? ?\d{2,}|\b\d{3,5}\b"),
    "email": re.compile(r"[^\s@]@[^\s@]"),
    "web": re.compile(
        r"\bhttps?://|\bwww\.|\w\.(?:com|org|net|eu|de|fr|io|example|co)\b", re.IGNORECASE
    ),
    "address": re.compile(
        r"\b(?:street|road|avenue|lane|drive|square|boulevard|rue|place|chemin|quai|route|all\u00e9e"
        r"|box|postfach|bp)\b|(?:stra(?:\u00df|ss)e|gasse|platz|weg|allee|ring|ufer)\b|\bp\.? ?o\."
        r"|\b\d{4,5} [^\W\d_]|[^\s@]@[^\s@]|\bhttps?://|\bwww\.",
        re.IGNORECASE,
    ),
}
SHAPED: Final = frozenset({*_SHAPES, "colour"})
"""Kinds of values that look like nothing else."""


def has_shape(text: str, shape: str) -> bool:
    """True for a text with an address of that kind, a number to call, or a colour."""
    if shape != "colour":
        return _SHAPES[shape].search(text) is not None
    return any(
        (word.startswith(stem) and len(word) - len(stem) <= _MAX_ENDING)
        or (len(stem) > _MAX_ENDING + 1 and word.endswith(stem))
        for word in _words(text)
        for stem in COLOURS
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(map(str.casefold, _WORD.findall(text)))


# --- Numbers -------------------------------------------------------------------------------------


def holds_amount(text: str, asked: frozenset[str]) -> bool:
    """True for any number that the question has not, and for a word for an amount."""
    return any(
        (any(map(str.isdigit, word)) and word.casefold() not in asked) or word.casefold() in AMOUNTS
        for word in _WORD.findall(text)
    )


def holds_measure(text: str, named_by: str, dimension: str, asked: frozenset[str]) -> bool:
    """True for a number in a unit of the dimension; columns and headings may name the unit."""
    if dimension == "count":
        return _has_bare_number(text, asked) or not _words(text).isdisjoint(_UNCOUNTED)
    if _has_unit(text, dimension) and holds_amount(text, asked):
        return True
    if dimension == "duration" and _SPANS.search(text):
        times = read_specifics(text).values.keys() & {"day", "month", "year", "weekday"}
        if times or _CLOCK.search(text):
            return True
    is_free = not _words(text).isdisjoint(FREE_OF_CHARGE)
    if dimension == "money" and (is_free or _WHOLE_PRICE.search(text)):
        return True
    named = f"{text} {named_by}"
    is_named = any(MEASURED.get(word) == dimension for word in _words(named))
    return (is_named or _has_unit(named_by, dimension)) and _has_bare_number(text, asked)


def holds_code(text: str, asked: frozenset[str]) -> bool:
    """True for an identifier, or a number behind its noun, that the question has not.

    "Extension 4400" and 20-45-45 are; "9,400 bridges", "EUR 12" and "in 1974" are not.
    """
    if any(not asked.issuperset(each.split()) for each in identifiers(text)):
        return True
    if _GROUPS_OF_DIGITS.search(text):
        return True
    runs = read_specifics(text).runs
    for place, run in enumerate(runs[1:], start=1):
        is_year = _RECENT_YEAR.fullmatch(run.text)
        if not run.is_number or is_year or run.folded in asked or not is_noun(runs[place - 1]):
            continue
        after = runs[place + 1] if place + 1 < len(runs) and run.gap == " " else None
        is_counted = after is not None and (after.folded in _ALL_UNITS or is_noun(after))
        if runs[place - 1].folded not in _ALL_UNITS and not is_counted:
            return True
    return False


_GROUPS_OF_DIGITS: Final = re.compile(r"\b(?!\d{4}-\d\d-\d\d\b)\d{1,6}(?:[- ]\d{1,6}){2}")
_UNCOUNTED: Final = word_set(
    "no none both single double pair dozen dozens half several unlimited keine kein aucun aucune "
    "once twice einmal zweimal hundreds thousands millions"
)
"""Words that tell a count."""


def _has_unit(text: str, dimension: str) -> bool:
    runs = read_specifics(text).runs
    return any(
        run.folded in UNITS[dimension]
        and (
            len(run.text) > _SHORT
            or not run.text.isalpha()
            or (place > 0 and runs[place - 1].is_number)
        )
        for place, run in enumerate(runs)
    )


def _has_bare_number(text: str, asked: frozenset[str]) -> bool:
    """True for a number that is no date, time or price, is in no unit, and is no part of a name."""
    runs = read_specifics(without_identifiers(_CLOCK.sub("\n", text))).runs
    for place, run in enumerate(runs):
        is_number = run.is_number or run.folded in CARDINALS or run.folded in SCALES
        if not is_number or run.folded in asked or _RECENT_YEAR.fullmatch(run.text):
            continue
        before = runs[place - 1] if place else None
        if before and (before.folded in UNITS["money"] or month_of(runs, place - 1)):
            continue
        after = runs[place + 1] if place + 1 < len(runs) else None
        if after is not None and after.folded in _BEFORE_UNIT:
            after = runs[place + 2] if place + 2 < len(runs) else None
        is_claimed = after is not None and (
            after.folded in _ALL_UNITS
            or after.folded in _ORDINAL_ENDINGS
            or month_of(runs, place + 1)
        )
        if not is_claimed:
            return True
    return False


# --- Times, names, causes ------------------------------------------------------------------------


def holds_time(text: str, asked: frozenset[str], *, by_clock: bool) -> bool:
    """True for a date, a period or a word that says when, `by_clock` only for a time of day."""
    if _CLOCK.search(text):
        return True
    specifics = read_specifics(text)
    if by_clock:
        return any(run.folded in CLOCK_WORDS for run in specifics.runs)
    return "day" in specifics.values or any(
        run.folded not in asked
        and (
            run.folded in _WHEN
            or (len(run.text) >= MIN_YEAR_DIGITS and run.text.isdecimal())
            or month_of(specifics.runs, place)
        )
        for place, run in enumerate(specifics.runs)
    )


_WHEN: Final = WEEKDAYS.keys() | TIME_WORDS | UNITS["duration"]


def holds_new_time(text: str, asked: frozenset[str]) -> bool:
    """True for a month, a day of the week and a year that the question has not."""
    return any(
        folded in _CALENDAR
        or (folded in MONTHS and (folded not in VERBS_TOO or word[0].isupper()))
        or _YEAR.fullmatch(word)
        for word in _WORD.findall(text)
        if (folded := word.casefold()) not in asked
    )


def holds_new_number(text: str, asked: frozenset[str]) -> bool:
    """True for digits and for a number word that the question has not."""
    return any(
        any(map(str.isdigit, word)) or word.casefold() in CARDINALS
        for word in _WORD.findall(text)
        if word.casefold() not in asked
    )


def holds_new_name(text: str, asked: frozenset[str]) -> bool:
    """True for a word with a capital letter that the question has not.

    The first word has one anyway.
    """
    return any(
        word[0].isupper() and word.casefold() not in asked and word.casefold() not in _NO_NAMES
        for word in _WORD.findall(text)[1:]
    )


_NO_NAMES: Final = STOP_WORDS | MONTHS.keys() | WEEKDAYS.keys()


def holds_role(text: str, asked: frozenset[str]) -> bool:
    """True for a word for a person or a group that the question has not."""
    return any(
        (word in ROLES or word.endswith(ROLE_ENDINGS)) and word not in asked
        for word in words_of(text)
    )


def holds_place(text: str) -> bool:
    """True for a word that says where."""
    return not PLACES.isdisjoint(words_of(text))


def holds_cause(text: str) -> bool:
    """True for a word that joins a cause, a purpose or a result."""
    return any(word in CAUSES or word.startswith(("caus", "reason")) for word in _words(text))
