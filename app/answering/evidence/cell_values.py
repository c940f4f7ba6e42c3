"""Values of a table's cells, so that they can be compared."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from app.answering.verify.rows import Cell
from language.text import word_set

_NUMBER: Final = re.compile(r"[-+\u2212]?\d[\d,.'\u00a0\u202f]*")
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_GROUPED: Final = re.compile(r"\d{1,3}(?:[,.'\u00a0\u202f]\d{3})+")
_YES: Final = word_set("yes y ja oui x true \u2713 \u2714 included inklusive")
_NO: Final = word_set("no n nein non false - \u2013 \u2717 none")
_EVERY: Final = re.compile(r"\b(?:every|each|alle|tous les|toutes les)\b", re.IGNORECASE)
_PERIODS: Final = {
    "hourly": 1,
    "daily": 24,
    "weekly": 168,
    "monthly": 730,
    "quarterly": 2190,
    "yearly": 8760,
    "annually": 8760,
    "st\u00fcndlich": 1,
    "t\u00e4glich": 24,
    "w\u00f6chentlich": 168,
    "monatlich": 730,
    "j\u00e4hrlich": 8760,
}
_HOURS: Final = {
    "second": Decimal(1) / 3600,
    "minute": Decimal(1) / 60,
    "min": Decimal(1) / 60,
    "hour": Decimal(1),
    "stunde": Decimal(1),
    "heure": Decimal(1),
    "day": Decimal(24),
    "tag": Decimal(24),
    "jour": Decimal(24),
    "week": Decimal(168),
    "woche": Decimal(168),
    "semaine": Decimal(168),
    "month": Decimal(730),
    "monat": Decimal(730),
    "mois": Decimal(730),
    "quarter": Decimal(2190),
    "year": Decimal(8760),
    "jahr": Decimal(8760),
    "an": Decimal(8760),
}
_MAX_DIGITS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Value:
    """An amount in a unit; `period` is the hours between two times, `hours` a length of time."""

    amount: Decimal
    unit: str


def comparable(cell: Cell) -> Value | None:
    """The cell's one number with its unit, date or time; None when it holds none, or several."""
    text = cell.value.strip().casefold()
    dated = _ISO_DATE.fullmatch(text)
    if dated:
        return _date(*map(int, dated.groups()))
    if text in _PERIODS:
        return Value(amount=Decimal(_PERIODS[text]), unit="period")
    numbers = _NUMBER.findall(text)
    if len(numbers) != 1:
        return _one_period(text) if not numbers else None
    amount = number_of(numbers[0])
    if amount is None:
        return None
    rest = " ".join(f"{_NUMBER.sub(' ', text)} {cell.unit.casefold()}".split())
    bare = _EVERY.sub("", rest).strip()
    hours = _hours_of(bare)
    if hours is not None:
        return Value(amount=amount * hours, unit="period" if _EVERY.search(rest) else "hours")
    return Value(amount=amount, unit=rest)


def number_of(written: str) -> Decimal | None:
    """The number as it is written: 1,200 is 1200, 1.200,50 is 1200.5 and 0.4 is 0.4."""
    bare = written.strip(",.'").replace("\u2212", "-")
    if len(bare) > _MAX_DIGITS:
        return None
    sign, digits = (bare[0], bare[1:]) if bare[:1] in "+-" else ("", bare)
    if _GROUPED.fullmatch(digits) and not ("." in digits and "," not in digits):
        plain = re.sub(r"\D", "", digits)
    else:
        last = max(digits.rfind("."), digits.rfind(","))
        whole = re.sub(r"\D", "", digits[:last] if last >= 0 else digits)
        plain = f"{whole}.{digits[last + 1 :]}" if last >= 0 else whole
    try:
        return Decimal(f"{sign if sign == '-' else ''}{plain}")
    except InvalidOperation:
        return None


def is_yes(value: str) -> bool:
    """True for a cell that says that the row has what the column names."""
    return value.strip().casefold() in _YES


def is_no(value: str) -> bool:
    """True for a cell that says that the row has it not."""
    return value.strip().casefold() in _NO


def _date(year: int, month: int, day: int) -> Value | None:
    try:
        return Value(amount=Decimal(date(year, month, day).toordinal()), unit="date")
    except ValueError:
        return None


def _one_period(text: str) -> Value | None:
    """The time between two times that is said without a number: "every day"."""
    if not _EVERY.search(text):
        return None
    hours = _hours_of(_EVERY.sub("", text).strip())
    return None if hours is None else Value(amount=hours, unit="period")


def _hours_of(word: str) -> Decimal | None:
    for ending in ("", "s", "n", "en", "e"):
        known = _HOURS.get(word.removesuffix(ending) if ending else word)
        if known is not None:
            return known
    return None
