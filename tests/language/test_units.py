"""Units in headers and beside numbers."""

import pytest

from language.units import amounts_in, in_unit, split_header


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Price (EUR)", ("Price", "EUR")),
        ("Weight/kg", ("Weight", "kg")),
        ("Lead time weeks", ("Lead time", "weeks")),
        ("Number of weeks", ("Number of weeks", "")),
        ("Plan A", ("Plan A", "")),
        ("Price (net)", ("Price (net)", "")),
    ],
)
def test_a_header_gives_its_name_and_unit(header: str, expected: tuple[str, str]) -> None:
    assert split_header(header) == expected


def test_an_amount_says_the_same_number_in_the_same_unit() -> None:
    (metres,), (feet,), (bare,) = (amounts_in(text) for text in ("5 m", "5 ft", "5"))

    assert metres.says(metres)
    assert metres.says(bare)
    assert not metres.says(feet)
    assert not bare.says(metres)


@pytest.mark.parametrize(
    ("number", "unit", "written"),
    [("87.25", "EUR", "EUR 87.25"), ("2", "weeks", "2 weeks"), ("1", "weeks", "1 week")],
)
def test_a_currency_stands_before_its_number(number: str, unit: str, written: str) -> None:
    assert in_unit(number, unit) == written
