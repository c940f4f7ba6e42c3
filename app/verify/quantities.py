"""Numbers with their units, in the form in which a claim and a cell of a table can be compared."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from app.verify.numbers import Measure, Quantity, find_measures, says
from app.verify.units import UNIT_AFTER, UNIT_BEFORE, read_unit

_RANGE: Final = re.compile(r"\s?(?:-|\u2013|to|and|or|bis|und|\u00e0|et)\s?[-+]?")
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2100
"""In a table a bare number outside of these is likelier a number of something."""
_MAX_UNIT_CHARS: Final = 6
_NUMBER: Final = re.compile(r"\d[\d.,' \u00a0\u202f]*")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a number says: `value` in the base unit of `dimension`, `number` as it is written.

    `dimension` is "" for a bare number, a currency, "date" or "year", else what is measured.
    """

    start: int
    end: int
    measure: Measure
    value: Decimal
    number: Decimal
    dimension: str


@lru_cache(maxsize=4096)
def read_quantities(text: str, unit: str = "") -> tuple[Reading, ...]:
    """The numbers and dates of `text` in order; a bare number is in `unit`."""
    found = [_reading(text, start, end, measure) for start, end, measure in find_measures(text)]
    if unit:
        dimension, factor = read_unit(unit)
        return tuple(
            replace(one, value=one.value * factor, dimension=dimension)
            if one.dimension in {"", "year"}
            else one
            for one in found
        )
    return _sharing_units(text, found)


def agree(claim: Reading, cell: Reading) -> bool:
    """True when both say the same; a claim may leave out a unit that is no percentage."""
    if "date" in (claim.dimension, cell.dimension):
        return says(cell.measure, claim.measure) or says(claim.measure, cell.measure)
    if claim.dimension == cell.dimension:
        return claim.value == cell.value
    if claim.dimension in {"", "year"} and cell.dimension != "percent":
        return claim.number == cell.number
    return not cell.dimension and claim.value == cell.value


def _reading(text: str, start: int, end: int, measure: Measure) -> Reading:
    if not isinstance(measure, Quantity):
        return Reading(
            start=start, end=end, measure=measure, value=Decimal(0), number=Decimal(0),
            dimension="date",
        )  # fmt: skip
    value, dimension = measure.value, measure.unit or ""
    if measure.unit == "ordinal":
        dimension = ""
    elif measure.unit is None:
        before = UNIT_BEFORE.search(text, max(0, start - _MAX_UNIT_CHARS), start)
        after = UNIT_AFTER.match(text, end)
        if unit := before or after:
            dimension, factor = read_unit(unit["unit"])
            value, start, end = value * factor, min(start, unit.start()), max(end, unit.end())
        elif measure.is_year and _FIRST_YEAR <= value <= _LAST_YEAR:
            dimension = "year"
    return Reading(
        start=start,
        end=end,
        measure=measure,
        value=value,
        number=_as_written(text[start:end], measure),
        dimension=dimension,
    )


def _as_written(text: str, measure: Quantity) -> Decimal:
    """The number without its scale: 6.84 of "EUR 6.84 million"."""
    digits = _NUMBER.search(text)
    bare = find_measures(digits[0].strip(" .,'")) if digits else []
    number = bare[0].measure if bare else measure
    written = abs(number.value) if isinstance(number, Quantity) else abs(measure.value)
    return written.copy_sign(measure.value)


def _sharing_units(text: str, found: Sequence[Reading]) -> tuple[Reading, ...]:
    """In "9 to 30 V" the unit belongs to both numbers."""
    shared = list(found)
    for index in range(len(found) - 2, -1, -1):
        here, after = shared[index], shared[index + 1]
        if here.dimension or not after.dimension or after.dimension in {"date", "year"}:
            continue
        if after.number and _RANGE.fullmatch(text, here.end, after.start):
            factor = after.value / after.number
            shared[index] = replace(here, dimension=after.dimension, value=here.value * factor)
    return tuple(shared)
