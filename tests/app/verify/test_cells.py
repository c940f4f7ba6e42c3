"""A claim in other words about a table: right row, right column, right unit, or a fault."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.verify.tables import Row, cell_faults, rows_of
from ingest.chunk import split
from ingest.parse import parse
from kb.media_types import MARKDOWN
from tests.fakes.sources import passage_of


class WordCounter:
    """A model with a large window that reads words."""

    max_tokens = 100_000

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def rows_in(page: str) -> Sequence[Row]:
    parsed = parse(page.encode(), MARKDOWN)
    chunks = split(parsed, title=None, media_type=MARKDOWN, embedder=WordCounter())
    return [
        row
        for chunk in chunks
        for row in rows_of(replace(passage_of(chunk.text), location=chunk.location))
    ]


PARTS = rows_in("""\
| Part number | Description | Price (EUR) | Lead time weeks | Stock |
|---|---|---|---|---|
| SP-4211 | Housing with lid | 212.75 | 4 | 31 |
| SP-4217 | Antenna cover | 87.25 | 2 | 112 |
| SP-4218 | Antenna cover, heated | 164.35 | 6 | 18 |
""")
STAFF = rows_in("""\
| Team | Headcount January 2025 | Planned hires 2025 | Planned headcount December 2025 | Head |
|---|---|---|---|---|
| Production | 84 | 7 | 87 | Ingrid Solvang |
| Software | 21 | 5 | 24 | Marek Havlin |
| Finance | 6 | 1 | 6 | Ingrid Solvang |
""")
LIMITS = rows_in("""\
| Cost | Limit | Receipt |
|---|---|---|
| Hotel night | EUR 140 | yes |
| Private car, per kilometre | EUR 0.38 | no |
""")
BUDGET = rows_in("""\
| Centre | Budget 2025 kEUR | Actual 2024 kEUR |
|---|---|---|
| Electronics | 2385 | 2290 |
| Laboratory | 2960 | 2905 |
""")
BANDS = rows_in("""\
| Band | Minimum EUR per year | Maximum EUR per year |
|---|---|---|
| K1 | 31200 | 36400 |
| K2 | 35800 | 43100 |
""")


@pytest.mark.parametrize(
    ("rows", "claim"),
    [
        (PARTS, "The antenna cover costs EUR 87.25."),
        (PARTS, "The antenna cover, heated, costs 164.35 euros."),
        (PARTS, "Part SP-4217 has a lead time of two weeks and 112 in stock."),
        (PARTS, "SP-4217 can be had with a lead time of 14 days."),
        (PARTS, "The price and stock of SP-4217 are 87.25 and 112."),
        (PARTS, "SP-4217 and SP-4218 cost EUR 87.25 and EUR 164.35."),
        (STAFF, "In Production, the headcount was 84 in January 2025 and is to be 87 in December."),
        (STAFF, "Seven hires are planned for Production in 2025."),
        (STAFF, "The head of Software is Marek Havlin."),
        (LIMITS, "The limit for a hotel night is EUR 140."),
        (LIMITS, "No receipt is needed for a private car."),
        (BUDGET, "The 2025 budget of Electronics is EUR 2.385 million."),
        (BUDGET, "Electronics has a budget of 2,385 kEUR for 2025."),
        (BANDS, "Band K1 pays between EUR 31,200 and EUR 36,400 a year."),
    ],
)
def test_right_cells_pass(rows: Sequence[Row], claim: str) -> None:
    assert cell_faults(claim, rows) == ()


@pytest.mark.parametrize(
    ("rows", "claim", "detail"),
    [
        # Another column of the row.
        (PARTS, "The antenna cover costs EUR 112.", "EUR 112"),
        (PARTS, "The price of SP-4217 is 112.", "112"),
        (PARTS, "The lead time of the antenna cover is 112 weeks.", "112 weeks"),
        (STAFF, "Production had a headcount of 87 in January 2025.", "87"),
        (STAFF, "Production counted 87 people.", "87"),
        (BANDS, "The minimum of K1 is EUR 36,400.", "EUR 36,400"),
        # Another row of the column.
        (PARTS, "The antenna cover costs EUR 164.35.", "EUR 164.35"),
        (STAFF, "The head of Software is Ingrid Solvang.", "Ingrid Solvang"),
        (LIMITS, "The limit for a hotel night is EUR 0.38.", "EUR 0.38"),
        # Another unit or scale.
        (PARTS, "SP-4217 has a lead time of two days.", "two days"),
        (PARTS, "The antenna cover costs 87.25 dollars.", "87.25 dollars"),
        (BUDGET, "The 2025 budget of Electronics is EUR 2,385.", "EUR 2,385"),
        # Another answer.
        (LIMITS, "A receipt is needed for a private car.", "receipt"),
        (LIMITS, "A hotel night needs no receipt.", "receipt"),
        # No value of the table at all, told as one.
        (PARTS, "The price of the antenna cover is EUR 99.", "EUR 99"),
    ],
)
def test_wrong_cells_are_faults(rows: Sequence[Row], claim: str, detail: str) -> None:
    assert [reason.detail for reason in cell_faults(claim, rows)] == [detail]


def test_two_values_that_changed_places_are_two_faults() -> None:
    claims = [
        "SP-4217 and SP-4218 cost EUR 164.35 and EUR 87.25.",
        "The price of SP-4217 is 112, the stock 87.25.",
        "SP-4217 costs EUR 164.35, SP-4218 costs EUR 87.25.",
    ]

    assert [len(cell_faults(claim, PARTS)) for claim in claims] == [2, 2, 2]


@pytest.mark.parametrize(
    ("rows", "claim"),
    [
        (PARTS, "The antenna cover costs EUR 87.25 plus shipping of EUR 9.50."),
        (PARTS, "The price of SP-4217 rose by 5 % in 2024."),
        (PARTS, "The antenna cover was redesigned in 2019 by two engineers."),
        (PARTS, "Orders go to extension 4520."),
        (STAFF, "Production moved to Fenbridge in March 2023."),
        (LIMITS, "A hotel night has to be approved by the head of the department."),
    ],
)
def test_what_is_not_of_the_table_is_no_fault(rows: Sequence[Row], claim: str) -> None:
    assert cell_faults(claim, rows) == ()


def test_a_claim_without_a_row_has_no_fault() -> None:
    assert cell_faults("Prices hold until the next list appears.", PARTS) == ()
    assert cell_faults("The price is EUR 112.", ()) == ()


def test_the_only_row_is_the_one_that_is_meant() -> None:
    assert cell_faults("It costs EUR 87.25.", PARTS[1:2]) == ()
    assert [reason.code for reason in cell_faults("It costs EUR 112.", PARTS[1:2])] == [
        "number_moved"
    ]


def test_a_hostile_table_and_claim_take_little_time() -> None:
    cells = " | ".join(["a 1"] * 20)
    rows = rows_in(f"| {' | '.join(['a'] * 20)} |\n|{'---|' * 20}\n" + f"| {cells} |\n" * 400)
    claim = "a 1 " * 5_000
    start = time.process_time()

    cell_faults(claim, rows)

    # A tenth of that on a machine with nothing else to do.
    assert time.process_time() - start < 5
