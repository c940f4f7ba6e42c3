from decimal import Decimal

import pytest

from language.dates import CalendarDate
from language.numbers import Measure, Quantity, find_measures, says


def measures(text: str) -> list[Measure]:
    return [found.measure for found in find_measures(text)]


def number(value: str, unit: str | None = None, *, is_year: bool = False) -> Quantity:
    return Quantity(Decimal(value), unit, is_year)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200", number("1200")),
        ("1 200", number("1200")),
        ("1\u202f200\u202f000", number("1200000")),
        ("1'200", number("1200")),
        ("1,200.50", number("1200.5")),
        ("1,5", number("1.5")),
        ("1.2 million", number("1200000")),
        ("3bn", number("3000000000")),
        ("10k", number("10000")),
        ("$5m", number("5000000", "USD")),
        ("5 %", number("5", "percent")),
        ("5 per cent", number("5", "percent")),
        ("five percent", number("5", "percent")),
        ("5 percentage points", number("5", "points")),
        ("€20", number("20", "EUR")),
        ("20 euros", number("20", "EUR")),
        ("20 EUR", number("20", "EUR")),
        ("EUR 20", number("20", "EUR")),
        ("3rd", number("3", "ordinal")),
        ("third", number("3", "ordinal")),
        ("twenty-five", number("25")),
        ("two hundred and five thousand", number("205000")),
        ("a million", number("1000000")),
        ("-5", number("-5")),
        ("−5", number("-5")),
        ("2019", number("2019", is_year=True)),
        ("the 1990s", number("1990", "decade")),
        ("3 March 2026", CalendarDate(2026, 3, 3)),
        ("3rd of March 2026", CalendarDate(2026, 3, 3)),
        ("March 3, 2026", CalendarDate(2026, 3, 3)),
        ("Mar 3, 2026", CalendarDate(2026, 3, 3)),
        ("2026-03-03", CalendarDate(2026, 3, 3)),
        ("31/12/2026", CalendarDate(2026, 12, 31)),
        ("12/31/2026", CalendarDate(2026, 12, 31)),
        ("03/04/2026", CalendarDate(2026, 4, 3, (3, 4))),
        ("March 2026", CalendarDate(2026, 3, None)),
        ("29 February", CalendarDate(None, 2, 29)),
    ],
)
def test_a_number_or_date_is_read(text: str, expected: Measure) -> None:
    assert measures(f"It is {text} now.") == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "ACME-42/b",
        "v1.2.3",
        "COVID-19",
        "42b",
        "10-K",
        "14:30",
        "24/7",
        "5½",
        "10²",
        "no one",
        "x1",
    ],
)
def test_an_identifier_is_no_number(text: str) -> None:
    assert measures(f"It is {text} now.") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 25-day leave", [number("25")]),
        ("an 18-year-old", [number("18")]),
        ("25km of road", [number("25")]),
        ("10-20 %", [number("10", "percent"), number("20", "percent")]),
        ("between five and ten percent", [number("5", "percent"), number("10", "percent")]),
        ("In 2019, 500 people", [number("2019", is_year=True), number("500")]),
        ("31 April 2026", [number("31"), number("2026", is_year=True)]),
    ],
)
def test_numbers_among_words(text: str, expected: list[Measure]) -> None:
    assert measures(text) == expected


@pytest.mark.parametrize(
    ("evidence", "claim", "expected"),
    [
        ("20 euros", "20", True),
        ("20", "20 euros", False),
        ("20 euros", "20 dollars", False),
        ("5 %", "5", False),
        ("5", "5 %", False),
        ("third", "3", False),
        ("the 1990s", "1990", False),
        ("1,200", "1.2 thousand", True),
        ("3 March 2026", "March 2026", True),
        ("3 March 2026", "2026", True),
        ("3 March 2026", "3 March", True),
        ("3 March", "3 March 2026", False),
        ("March 2026", "3 March 2026", False),
        ("2026", "March 2026", False),
        ("2026-03-04", "04/03/2026", True),
        ("2026-03-04", "03/04/2026", True),
        ("03/04/2026", "3 April 2026", True),
        ("03/04/2026", "4 March 2026", True),
        ("03/04/2026", "04/03/2026", False),
        ("03/04/2026", "03/04/2026", True),
        ("3 March 2026", "3 May 2026", False),
    ],
)
def test_what_a_number_or_date_says(evidence: str, claim: str, *, expected: bool) -> None:
    assert says(measures(evidence)[0], measures(claim)[0]) is expected


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        ("20 euros", "20"),
        ("1,200.50", "1200.5"),
        ("twenty-five", "25"),
        ("31 March 2024", "March 31"),
        ("5 %", "five percent"),
    ],
)
def test_measures_that_say_one_another_have_one_key(evidence: str, claim: str) -> None:
    (told,), (claimed,) = measures(evidence), measures(claim)

    assert says(told, claimed)
    assert told.key == claimed.key


def test_a_percentage_and_an_ordinal_have_keys_of_their_own() -> None:
    keys = {measures(text)[0].key for text in ("3", "3 %", "third")}

    assert len(keys) == 3
