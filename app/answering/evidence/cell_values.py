"""The values of table cells in a form that can be compared: numbers, dates, times, yes and no."""

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
    """An amount in a unit; `period` is the hours between two events, `hours` a duration."""

    amount: Decimal
    unit: str


def comparable(cell: Cell) -> Value | None:
    """The cell's one number with its unit, its date or its time; None for none or several.

    "every day" is a period without a number.
    """
    text = cell.value.strip().casefold()
    dated = _ISO_DATE.fullmatch(text)
    if dated:
        try:
            day = date(*map(int, dated.groups()))
        except ValueError:
            return None
        return Value(amount=Decimal(day.toordinal()), unit="date")
    if text in _PERIODS:
        return Value(amount=Decimal(_PERIODS[text]), unit="period")
    numbers = _NUMBER.findall(text)
    amount = number_of(numbers[0]) if numbers else Decimal(1)
    if amount is None or len(numbers) > 1:
        return None
    unit = " ".join(f"{_NUMBER.sub(' ', text)} {cell.unit.casefold()}".split()) if numbers else text
    is_period = _EVERY.search(unit) is not None
    hours = _hours_of(_EVERY.sub("", unit).strip())
    if hours is not None and (numbers or is_period):
        return Value(amount=amount * hours, unit="period" if is_period else "hours")
    return Value(amount=amount, unit=unit) if numbers else None


def _hours_of(noun: str) -> Decimal | None:
    """The hours in a unit of time, in the singular or the plural."""
    for ending in ("", "s", "n", "en", "e"):
        hours = _HOURS.get(noun.removesuffix(ending) if ending else noun)
        if hours is not None:
            return hours
    return None


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


def yes_or_no(value: str) -> bool | None:
    """True for a cell that affirms its column's name, False for one that denies it, else None."""
    folded = value.strip().casefold()
    if folded in _YES:
        return True
    return False if folded in _NO else None
