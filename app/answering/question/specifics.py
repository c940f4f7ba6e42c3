"""Identifiers, numbers, years, quarters, months and numbered things that a text names.

Two ways of writing one give the same value: Q1 and first quarter, 3rd and third, 5k and 5,000.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.answering.question.spelling import MAX_CHARS
from app.answering.question.vocabulary import (
    BEFORE_MONTH,
    BOUNDS,
    CARDINALS,
    EVERY_DAY,
    MONTHS,
    ORDINALS,
    ROMAN,
    SAME_NOUN,
    SCALES,
    VERBS_TOO,
    WEEKDAYS,
)
from language.remembered import remembered_texts
from language.stems import stem
from language.text import STOP_WORDS, word_set

MAX_RANGE: Final = 100
"""Values from one end to the other that a range such as 2019-2023 is taken to name."""

_FIRST_YEAR, _LAST_YEAR = 1000, 2199
_MONTHS_IN_YEAR, _DAYS_IN_MONTH = 12, 31
_WEEK: Final = range(1, 8)

_RUN: Final = re.compile(r"\d++(?:[.,]\d++)*+|[^\W\d_]++|[§°%$€£¥]")
_IDENTIFIER: Final = re.compile(r"(?<![^\W_])[^\W_]++(?:[-/._][^\W_]++)*+")
_PARTS: Final = re.compile(r"\d++|[^\W\d_]++")
_NO_IDENTIFIER: Final = re.compile(
    r"\d++(?:[.,]\d++)*+-?(?:st|nd|rd|th|er|e|ème|s|k|m|mn|bn|h|am|pm|km|cm|mm|kg|g|mg|l|ml|gb|mb"
    r"|tb|kb|hz|khz|mhz|ghz|v|w|kw|a|ma|min|mins|hrs|x)"
    r"|\d++-[^\W\d_]{3,}+(?:-[^\W\d_]++)*+|[^\W\d_]{3,}+-(?:1\d|20)\d\d|q[1-4]|[1-4]q|h[12]"
    r"|(?:fy|q[1-4])[-/]?\d{2,4}+|[^\W\d_]++-[^\W\d_]++",
    re.IGNORECASE,
)
"""Has letters and digits and is none: a measure, an ordinal, an age (3-year-old), a month with its
year (May-2025), a quarter or fiscal year, a word in two parts."""
_QUARTER: Final = re.compile(r"(?<![^\W_])(?:Q([1-4])|([1-4])Q)(?![^\W\d_])", re.IGNORECASE)
_HALF: Final = re.compile(r"(?<![^\W_])H([12])(?![^\W_])")
_FISCAL: Final = re.compile(r"(?<![^\W_])(?:FY ?|Q[1-4][/ ]|')(\d\d)(?!\d)", re.IGNORECASE)
_ISO_DATE: Final = re.compile(r"(?<!\d)(?:\d{4}-)?(\d\d)-(\d\d)(?![\d-])")
_ISO_MONTH: Final = re.compile(r"(?<!\d)\d{4}-(0[1-9]|1[0-2])(?!\d)")
_NUMERIC_DATE: Final = re.compile(r"(?<![\d./])(\d\d?)([./])(\d\d?)\2(?:\d{4}|\d\d)?(?![\d/])")
_LAST_CENTURY_YEAR: Final = re.compile(r"(?:19|20)\d\d")
"""Behind a noun a year rather than its number: "the budget 2025"."""
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:[.,]\d{3})++")
_ORDINAL_ENDINGS: Final = word_set("st nd rd th er ère ere e eme ème")
_NUMBERING: Final = word_set("no nr number nummer numéro num")
"""May stand between a noun and its number."""
_RANGE: Final = re.compile(r"\s?(?:-|\u2013|/|to|bis|through|until|à)\s?")
_PERIODS: Final = frozenset({"year", "month", "day", "weekday"})
"""The first year of something is none of the calendar's."""
_LABEL_GAP: Final = re.compile(r"[\s:.#(-]{0,3}(?:[Nn][or]\.\s?)?")


class Run(NamedTuple):
    """A number, a word or a sign; `folded` is in lower case, `gap` stands before the next run."""

    text: str
    folded: str
    gap: str
    is_number: bool


@dataclass(frozen=True, kw_only=True)
class Specifics:
    """The specific things that a text names.

    Attributes:
        values: by kind: year, quarter, half, month, day, weekday, `id sp`, or a noun's stem.
        numbers: every number in each way in which it can be read: 5.000 is five or thousands.
        runs: the numbers, words and signs in their order.
        joined: words and digits in lower case, parted by blanks and with a blank around them.
        has_bound: a range, a bound or a rate is among them, which decides on other values too.
    """

    values: Mapping[str, frozenset[str]]
    numbers: frozenset[float]
    runs: tuple[Run, ...]
    joined: str
    has_bound: bool


@remembered_texts(1024)
def read_specifics(text: str) -> Specifics:
    """All that the first MAX_CHARS of the text name."""
    text = text[:MAX_CHARS]
    matches = list(_RUN.finditer(text))
    starts = [*(match.start() for match in matches), len(text)]
    runs = tuple(
        Run(
            text=match[0],
            folded=match[0].casefold(),
            gap=text[match.end() : starts[place + 1]],
            is_number=match[0][0].isdigit(),
        )
        for place, match in enumerate(matches)
    )
    values: dict[str, set[str]] = defaultdict(set)
    for kind, value in (*_times_in(text, runs), *labels(runs)):
        values[kind].add(value)
    for identifier in identifiers(text):
        values[identifier_kind(identifier)].add(identifier)
    return Specifics(
        values={kind: frozenset(named) for kind, named in values.items()},
        numbers=frozenset(_numbers(runs)),
        runs=runs,
        joined=f" {' '.join(_PARTS.findall(text.casefold()))} ",
        has_bound=any(run.folded in BOUNDS for run in runs) or "-" in text or "\u2013" in text,
    )


# --- Identifiers ---------------------------------------------------------------------------------


def identifiers(text: str) -> Iterator[str]:
    """Part numbers and the like, letters and digits parted by spaces: TQ-42/b is `tq 42 b`."""
    for match in _IDENTIFIER.finditer(text):
        if _is_identifier(match.group()):
            yield " ".join(_PARTS.findall(match.group().casefold()))


def without_identifiers(text: str) -> str:
    """The text with a line break for each character of an identifier."""
    return _IDENTIFIER.sub(
        lambda match: "\n" * len(match[0]) if _is_identifier(match[0]) else match[0], text
    )


def _is_identifier(written: str) -> bool:
    if written.isdecimal():
        return len(written) > 4 or (written[0] == "0" and len(written) > 1)  # noqa: PLR2004  # years have four
    has_both = any(map(str.isdecimal, written)) and any(map(str.isalpha, written))
    return has_both and not _NO_IDENTIFIER.fullmatch(written)


def identifier_kind(identifier: str) -> str:
    """Two with the same letters in front can be mistaken for each other."""
    first = identifier.split(maxsplit=1)[0]
    return f"id {'' if first.isdigit() else first}"


# --- Times ---------------------------------------------------------------------------------------


def _times_in(text: str, runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Years, quarters, halves, months, days of a month and days of the week.

    Also of Q1, H2, FY25, 2025-03, 2025-03-04 and 3/4/2025, which is in March or in April.
    """
    yield from (("quarter", match[1] or match[2]) for match in _QUARTER.finditer(text))
    yield from (("half", match[1]) for match in _HALF.finditer(text))
    yield from (("month", str(int(match[1]))) for match in _ISO_MONTH.finditer(text))
    years = [2000 + int(match[1]) for match in _FISCAL.finditer(text)]
    days: list[tuple[int, int]] = []
    for match in (*_ISO_DATE.finditer(text), *_NUMERIC_DATE.finditer(text)):
        first, second = int(match[1]), int(match[match.lastindex or 2])
        days += [(first, second), (second, first)]

    for place, run in enumerate(runs):
        has_four_digits = len(run.text) == 4 and run.text.isdecimal()  # noqa: PLR2004
        if has_four_digits and _FIRST_YEAR <= int(run.text) <= _LAST_YEAR:
            years += _years_from(runs, place)
        month = month_of(runs, place)
        if month:
            yield "month", str(month)
            near = (*runs[max(0, place - 2) : place], *runs[place + 1 : place + 2])
            days += [(month, int(each.text[:9])) for each in near if each.text.isdecimal()]
        if run.folded in WEEKDAYS:
            yield "weekday", str(WEEKDAYS[run.folded])
        elif run.folded in EVERY_DAY:
            yield from (("weekday", str(day)) for day in _WEEK)

    for year in years:
        yield "year", str(year)
        yield stem("century"), str((year - 1) // 100 + 1)
    for month, day in days:
        if 1 <= month <= _MONTHS_IN_YEAR and 1 <= day <= _DAYS_IN_MONTH:
            yield "month", str(month)
            yield "day", f"{month}-{day}"


def _years_from(runs: Sequence[Run], place: int) -> Iterable[int]:
    """The year at the place, or all years of 1990s, 2024/25 and 2019-2023."""
    run, year = runs[place], int(runs[place].text)
    if place + 1 == len(runs):
        return (year,)
    following = runs[place + 1]
    if following.folded == "s" and run.gap in {"", "'", "\u2019"}:
        return range(year, year + (10 if year % 100 else 100 if year % 1000 else 10))
    if run.gap == "/" and len(following.text) == 2 and following.is_number:  # noqa: PLR2004
        return (year, year - year % 100 + int(following.text))
    last = _end_of_range(runs, place) or 0
    return range(year, last + 1) if 0 < last - year <= MAX_RANGE else (year,)


def month_of(runs: Sequence[Run], place: int) -> int | None:
    """1 to 12 for the name of a month; May and March need a capital letter and company."""
    run = runs[place]
    month = MONTHS.get(run.folded)
    if month is None or run.folded not in VERBS_TOO:
        return month
    before = runs[place - 1] if place else None
    after = runs[place + 1] if place + 1 < len(runs) else None
    has_company = (after is not None and after.is_number) or (
        before is not None and (before.is_number or before.folded in BEFORE_MONTH)
    )
    return month if run.text[0].isupper() and has_company else None


# --- Numbered things -----------------------------------------------------------------------------


def labels(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """The noun's stem and the number: room 12, section 4.2, second floor, World War II."""
    for place, run in enumerate(runs):
        following = runs[place + 1] if place + 1 < len(runs) else None
        # An ordinal numbers the noun that follows it: second floor, 3rd floor, 1. Quartal.
        number, noun_place = run.text, place + 1
        is_ordinal = run.folded in ORDINALS
        if is_ordinal:
            number = str(ORDINALS[run.folded])
        elif run.is_number and following is not None:
            has_ending = not run.gap and following.folded in _ORDINAL_ENDINGS
            is_ordinal = has_ending or run.gap == ". "
            noun_place += has_ending
        if is_ordinal and noun_place < len(runs) and is_noun(runs[noun_place]):
            yield noun_of(runs[noun_place].folded), number

        if run.is_number:
            yield from _labels_before(runs, place)
        elif run.text in ROMAN and place and runs[place - 1].text[0].isupper():
            yield noun_of(runs[place - 1].folded), str(ROMAN[run.text])


def _labels_before(runs: Sequence[Run], place: int) -> Iterator[tuple[str, str]]:
    """The noun before the digits at the place: room 12, grades 5 to 8."""
    run = runs[place]
    # "Room no. 12" is room 12.
    noun_place = place - 2 if place and runs[place - 1].folded in _NUMBERING else place - 1
    before = runs[noun_place] if noun_place >= 0 else None
    if before is None or not _LABEL_GAP.fullmatch(before.gap):
        return
    if before.text != "§" and not is_noun(before):
        return
    noun = noun_of(before.folded)
    if not _LAST_CENTURY_YEAR.fullmatch(run.text):
        yield noun, run.text
    last = _end_of_range(runs, place)
    if last and run.text.isdecimal() and 0 < last - int(run.text[:9]) <= MAX_RANGE:
        yield from ((noun, str(number)) for number in range(int(run.text[:9]), last + 1))


def _end_of_range(runs: Sequence[Run], place: int) -> int | None:
    """8 of "5-8" and of "5 to 8"."""
    between = runs[place].gap
    for following in runs[place + 1 : place + 3]:
        if following.text.isdecimal():
            return int(following.text[:9]) if _RANGE.fullmatch(between) else None
        between += following.text + following.gap
    return None


def is_noun(run: Run) -> bool:
    """True for a word that may be numbered."""
    return run.text[0].isalpha() and run.folded not in STOP_WORDS and run.folded not in MONTHS


def noun_of(word: str) -> str:
    """One name for a noun in three languages, else its stem."""
    same = SAME_NOUN.get(word) or SAME_NOUN.get(word.removesuffix("s")) or stem(word)
    return f"nth {same}" if same in _PERIODS else same


# --- Numbers -------------------------------------------------------------------------------------


def _numbers(runs: Sequence[Run]) -> Iterator[float]:
    """The values that each number or number word may have, also times the scale behind it."""
    for place, run in enumerate(runs):
        digits = run.text[:20]
        readings: list[float] = []
        if not run.is_number:
            named = CARDINALS.get(run.folded) or ORDINALS.get(run.folded)
            readings += [] if named is None else [float(named)]
        elif _THOUSANDS.fullmatch(digits):
            readings.append(float(digits.replace(",", "").replace(".", "")))
            if digits.count(",") + digits.count(".") == 1:
                readings.append(float(digits.replace(",", ".")))
        else:
            head, mark, tail = digits.rpartition("." if "." in digits else ",")
            whole = "".join(filter(str.isdecimal, head if mark else tail)) or "0"
            has_fraction = mark and tail.isdecimal()
            readings.append(float(f"{whole}.{tail}" if has_fraction else whole))
        yield from readings
        following = runs[place + 1].folded if place + 1 < len(runs) else ""
        if following in SCALES:
            yield from (reading * SCALES[following] for reading in readings)
