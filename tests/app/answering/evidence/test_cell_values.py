"""Values of cells, as they are compared."""

from decimal import Decimal

import pytest

from app.answering.evidence.cell_values import comparable, number_of, yes_or_no
from app.answering.verify.rows import Cell
from language.text import Span


def value_of(text: str, unit: str = "") -> tuple[float, str] | None:
    value = comparable(Cell(column="", value=text, unit=unit, span=Span(0, len(text))))
    return None if value is None else (float(value.amount), value.unit)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("510", "km", (510, "km")),
        ("510 km", "", (510, "km")),
        ("EUR 12.50", "", (12.5, "eur")),
        ("1970-01-02", "", (719_164, "date")),
        ("daily", "", (24, "period")),
        ("every day", "", (24, "period")),
        ("every 6 hours", "", (6, "period")),
        ("alle 2 Tage", "", (48, "period")),
        ("35 days", "", (840, "hours")),
        ("2 weeks", "", (336, "hours")),
    ],
)
def test_a_value_has_an_amount_and_a_unit(
    text: str, unit: str, value: tuple[float, str] | None
) -> None:
    assert value_of(text, unit) == value


@pytest.mark.parametrize("text", ["", "yes", "day", "3 to 5 days", "2026-02-30", "9" * 31])
def test_what_is_no_single_number_is_not_compared(text: str) -> None:
    assert value_of(text) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1,200", "1200"),
        ("1.200,50", "1200.50"),
        ("0.4", "0.4"),
        ("\u221212", "-12"),
        ("+7", "7"),
        ("12.", "12"),
    ],
)
def test_a_number_is_read_as_it_is_written(written: str, number: str) -> None:
    assert number_of(written) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Yes", True), ("\u2713", True), ("no ", False), ("\u2013", False), ("maybe", None)],
)
def test_a_cell_says_yes_or_no(text: str, *, expected: bool | None) -> None:
    assert yes_or_no(text) is expected
