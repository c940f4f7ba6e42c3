"""Rows of tables: what they know, how they are written, and what a claim may say of them."""

from dataclasses import replace

import pytest

from app.answering.verify.rows import rows_of
from app.answering.verify.tables import count_sentence, fixed_form, row_sentence, sum_sentence
from kb.passages import Passage, TableRows
from language.units import split_header
from tests.fakes.sources import passage_of

PRICES = (
    "Part number: SP-4217 | Description: Antenna cover | Price (EUR): 87.25 | Stock: 112\n"
    "Part number: SP-3307 | Description: Door seal | Price (EUR): 12.35"
)


def price_list() -> Passage:
    passage = passage_of(PRICES)
    columns = ["Part number", "Description", "Price (EUR)", "Stock"]
    first = [1, 0, 83, 0, 13, 20, 1, 36, 49, 2, 65, 70, 3, 80, 83]
    second = [2, 84, 150, 0, 97, 104, 1, 120, 129, 2, 145, 150]
    rows = TableRows(table=3, row_count=9, columns=columns, key=[0, 1], rows=[first, second])
    return replace(passage, location={**passage.location, "tables": [rows]})


def test_a_row_knows_its_table_its_columns_and_its_key() -> None:
    row, other = rows_of(price_list())

    assert (row.table, row.number, row.row_count) == (3, 1, 9)
    assert [(cell.column, cell.value, cell.unit) for cell in row.cells] == [
        ("Part number", "SP-4217", ""),
        ("Description", "Antenna cover", ""),
        ("Price", "87.25", "EUR"),
        ("Stock", "112", ""),
    ]
    assert [cell.value for cell in row.key] == ["SP-4217", "Antenna cover"]
    assert PRICES[slice(*other.span)].startswith("Part number: SP-3307")
    assert all(PRICES[slice(*cell.span)] == cell.value for cell in (*row.cells, *other.cells))


def test_a_passage_that_knows_no_table_has_no_rows() -> None:
    assert not rows_of(passage_of(PRICES))


def test_a_row_is_written_in_its_own_words() -> None:
    row, other = rows_of(price_list())

    assert row_sentence(row) == "Antenna cover (SP-4217): price EUR 87.25; stock 112"
    assert row_sentence(row, ["Price"]) == "Antenna cover (SP-4217): price EUR 87.25"
    assert row_sentence(row, ["price (EUR)"]) == "Antenna cover (SP-4217): price EUR 87.25"
    assert row_sentence(other, ["Stock"]) == "Door seal (SP-3307)"
    assert row_sentence(other) == "Door seal (SP-3307): price EUR 12.35"


def test_a_total_is_no_row_like_the_others() -> None:
    row = rows_of(price_list())[0]
    total = replace(row, cells=(replace(row.cells[0], value="Total:"), *row.cells[2:]))

    assert (row.is_total, total.is_total) == (False, True)


def test_a_count_and_a_sum_name_their_rows() -> None:
    rows = rows_of(price_list())

    assert count_sentence(rows) == "2: Antenna cover (SP-4217); Door seal (SP-3307)"
    # 87.25 + 12.35 = 99.60
    assert sum_sentence(rows, "Price") == (
        "Sum of price: EUR 99.60 (Antenna cover (SP-4217): EUR 87.25; Door seal (SP-3307): "
        "EUR 12.35)"
    )
    assert sum_sentence(rows, "Stock") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Antenna cover (SP-4217): price EUR 87.25; stock 112",
        "antenna cover (SP-4217): Price EUR 87.25 [1].",
        "Antenna cover (SP-4217): stock 112",
        "Antenna cover (SP-4217)",
    ],
)
def test_what_states_a_row(text: str) -> None:
    assert fixed_form(text, rows_of(price_list())[:1]) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Antenna cover (SP-4217): price EUR 112",
        "Antenna cover (SP-4217): stock 112; price EUR 87.25",
        "Door seal (SP-3307): price EUR 87.25",
        "Antenna cover (SP-4217): price EUR 87.25 only",
        "Antenna cover (SP-4217):",
        "price EUR 87.25",
    ],
)
def test_what_does_not_state_a_row(text: str) -> None:
    assert fixed_form(text, rows_of(price_list())[:1]) is None


def test_a_value_may_end_with_a_full_stop() -> None:
    row = rows_of(price_list())[0]
    price = replace(row.cells[2], value="on request.", unit="")
    on_request = replace(row, cells=(*row.cells[:2], price, row.cells[3]))

    assert row_sentence(on_request) == "Antenna cover (SP-4217): price on request.; stock 112"
    assert fixed_form(row_sentence(on_request), [on_request]) is not None


def test_what_states_several_rows() -> None:
    rows = rows_of(price_list())

    assert fixed_form("Antenna cover (SP-4217): stock 112\nDoor seal (SP-3307)", rows) is not None
    assert fixed_form(count_sentence(rows), rows, is_computed=True) is not None
    assert fixed_form(sum_sentence(rows, "Price"), rows, is_computed=True) is not None
    assert fixed_form(count_sentence(rows), rows) is None
    assert fixed_form(row_sentence(rows[0]), rows) is None
    assert fixed_form("3: Antenna cover (SP-4217); Door seal (SP-3307)", rows) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Price (EUR)", ("Price", "EUR")),
        ("Amount in EUR thousand", ("Amount", "EUR thousand")),
        ("Budget 2025 kEUR", ("Budget 2025", "kEUR")),
        ("Lead time weeks", ("Lead time", "weeks")),
        ("Minimum EUR per year", ("Minimum", "EUR per year")),
        ("Revenue (in thousands of EUR)", ("Revenue", "thousands of EUR")),
        ("Umsatz (Mio. EUR)", ("Umsatz", "Mio. EUR")),
        ("Weight/kg", ("Weight", "kg")),
        ("Speed, km/h", ("Speed", "km/h")),
        ("%", ("", "%")),
        ("Number of weeks", ("Number of weeks", "")),
        ("Working hours", ("Working hours", "")),
        ("Headcount (plan)", ("Headcount (plan)", "")),
        ("Plan A", ("Plan A", "")),
        ("Years", ("Years", "")),
    ],
)
def test_the_unit_of_a_column_stands_in_its_header(header: str, expected: tuple[str, str]) -> None:
    assert split_header(header) == expected


@pytest.mark.parametrize(
    ("language", "values", "shown"),
    [
        ("de", ("1.200,50", "50,25"), "EUR 1.250,75"),
        ("en", ("1,200.50", "50.25"), "EUR 1,250.75"),
        ("de", ("1.200", "50"), "EUR 1.250"),
        (None, ("1,200", "50"), "EUR 1,250"),
        ("de", ("87.25", "12.35"), "EUR 99.60"),
        ("fr", ("1 200,50", "50,25"), "EUR 1 250,75"),
        ("de", ("-0,500", "1,250"), "EUR 0,750"),
        ("de", ("1.200,50", "50.25"), None),
        ("en", ("1.2.3", "50.25"), None),
        ("en", ("5-10", "50.25"), None),
        ("en", ("12,34,56", "50.25"), None),
    ],
)
def test_a_column_is_summed_as_its_numbers_are_written(
    language: str | None, values: tuple[str, str], shown: str | None
) -> None:
    rows = [
        replace(
            row,
            language=language,
            cells=tuple(
                replace(cell, value=value) if cell.column == "Price" else cell for cell in row.cells
            ),
        )
        for row, value in zip(rows_of(price_list()), values, strict=True)
    ]

    assert sum_sentence(rows, "Price").partition(" (")[0] == (
        "" if shown is None else f"Sum of {'Price' if language == 'de' else 'price'}: {shown}"
    )
