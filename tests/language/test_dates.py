"""Dates in text."""

import pytest

from language.dates import CalendarDate, find_dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on 5 May 2024", CalendarDate(2024, 5, 5)),
        ("am 5. März", CalendarDate(None, 3, 5)),
        ("May 2024", CalendarDate(2024, 5, None)),
        ("2024-05-31", CalendarDate(2024, 5, 31)),
        ("03/04/2026", CalendarDate(2026, 4, 3, swapped=(3, 4))),
        ("13/04/2026", CalendarDate(2026, 4, 13)),
    ],
)
def test_a_date_is_read_from_its_form(text: str, expected: CalendarDate) -> None:
    assert [found for _, _, found in find_dates(text)] == [expected]


@pytest.mark.parametrize("text", ["31 June 2024", "may 5 people", "1.2.3", "2024-13-01"])
def test_what_no_calendar_has_is_no_date(text: str) -> None:
    assert list(find_dates(text)) == []


def test_a_date_says_its_parts_and_no_other_year() -> None:
    date = CalendarDate(2024, 5, 5)

    assert date.says(CalendarDate(None, 5, 5))
    assert date.says(CalendarDate(2024, 5, None))
    assert not date.says(CalendarDate(2023, 5, 5))
