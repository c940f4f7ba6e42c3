"""Calendar dates in text, in the form in which two ways of writing one are equal.

Why no library: dateutil and dateparser guess (a missing year becomes this year), and here a guess
would let a changed date pass. Only forms that can be read in one way are read, and `03/04/2026`,
which can be read in two, keeps both.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

_MONTHS: Final = """
January januar janvier enero
February februar février febrero
March märz mars marzo
April avril abril
May mai mayo
June juni juin junio
July juli juillet julio
August août agosto
September septembre septiembre
October oktober octobre octubre
November novembre noviembre
December dezember décembre diciembre
"""
_NUMBER_BY_MONTH: Final = {
    name.casefold(): number
    for number, names in enumerate(_MONTHS.split("\n")[1:-1], start=1)
    for name in names.split()
}
_NUMBER_BY_SHORT_MONTH: Final = {
    line.split()[0][:3].casefold(): number
    for number, line in enumerate(_MONTHS.split("\n")[1:-1], start=1)
}
_NAMES: Final = "|".join(
    rf"{name.capitalize()}" if english else rf"[{name[0]}{name[0].upper()}]{name[1:]}"
    for line in _MONTHS.split("\n")
    for english, name in ((place == 0, name) for place, name in enumerate(line.split()))
)
# A short `may` or `mar` in small letters is another word: months of English have a capital.
_MONTH: Final = rf"(?:(?:{_NAMES})\b|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_DAY: Final = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th|er|\.)?"
_DATE: Final = re.compile(
    rf"""
    (?<![\w./-])(?:
      (?P<year1>\d{{4}})-(?P<month1>\d\d)-(?P<day1>\d\d)(?!\d)
    | (?P<day2>{_DAY})(?:\s+(?:of|de))?\s+(?P<month2>{_MONTH})
        (?:\s?,?(?:\s+de)?\s+(?P<year2>\d{{4}})\b)?
    | (?P<month3>{_MONTH})\s+(?P<day3>{_DAY})(?![\w:%])(?:\s?,?\s+(?P<year3>\d{{4}})\b)?
    | (?P<month4>{_MONTH})\s?,?(?:\s+of)?\s+(?P<year4>\d{{4}})\b
    | (?P<first>\d\d?)(?P<mark>[./])(?P<second>\d\d?)(?P=mark)(?P<year5>\d{{4}})(?![\w/])
    )""",
    re.VERBOSE,
)


class CalendarDate(NamedTuple):
    """A date or a part of one; `swapped` is (month, day) when it can be read so too."""

    year: int | None
    month: int
    day: int | None
    swapped: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        """Measures of one kind can be mistaken for each other."""
        return "date"

    @property
    def key(self) -> str:
        """A key that dates share when either may stand for the other: it leaves out the year."""
        return f"#{self.month}/{self.day}"

    def says(self, claim: "CalendarDate") -> bool:
        """True when this date says at least what the claim's says."""
        if claim.year not in {None, self.year}:
            return False
        if claim.day is None:
            return claim.month == self.month
        if self.swapped and claim.swapped:
            # Two ambiguous dates are taken to follow one custom, or 03/04 would equal 04/03.
            return (self.month, self.day) == (claim.month, claim.day)
        # Month and day in each order in which they can be read.
        mine, theirs = (
            {(each.month, each.day), each.swapped or (each.month, each.day)}
            for each in (self, claim)
        )
        return not mine.isdisjoint(theirs)


def find_dates(text: str) -> Iterator[tuple[int, int, CalendarDate]]:
    """Start, end and meaning of each date; a day that no calendar has is not a date."""
    for match in _DATE.finditer(text):
        parts = {name.rstrip("12345"): part for name, part in match.groupdict().items() if part}
        year = int(parts["year"]) if "year" in parts else None
        if "first" in parts:
            # `03/04/2026` has both readings where both are dates.
            first, second = int(parts["first"]), int(parts["second"])
            day_first, month_first = _real(year, second, first), _real(year, first, second)
            found = day_first or month_first
            if day_first and month_first and first != second:
                found = day_first._replace(swapped=(first, second))
        else:
            month, day = parts["month"].casefold(), re.match(r"\d+", parts.get("day", ""))
            if month.isdigit():
                number = int(month)
            else:
                number = _NUMBER_BY_MONTH.get(month) or _NUMBER_BY_SHORT_MONTH[month[:3]]
            found = _real(year, number, int(day[0]) if day else None)
        if found:
            yield match.start(), match.end(), found


def _real(year: int | None, month: int, day: int | None) -> CalendarDate | None:
    try:
        # 2000 was a leap year: 29 February without a year is a date.
        date(year or 2000, month, day or 1)
    except ValueError:
        return None
    return CalendarDate(year, month, day)
