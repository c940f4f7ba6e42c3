"""A claim in other words about a table: right row, right column, right unit, or a fault."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.answering.verify.cells import cell_faults
from app.answering.verify.rows import Row, rows_of
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
        (PARTS, "The price and stock of SP-4217 are 87.25 and 112."),
        (PARTS, "SP-4217 is the part number of the antenna cover."),
        (STAFF, "In Production, the headcount in January 2025 was 84."),
        (STAFF, "Seven hires are planned for Production in 2025."),
        (STAFF, "The head of Software is Marek Havlin."),
        (LIMITS, "The limit for a hotel night is EUR 140."),
        (LIMITS, "No receipt is needed for a private car, per kilometre."),
        (BUDGET, "The 2025 budget of Electronics is EUR 2.385 million."),
        (BUDGET, "Electronics has a budget of 2,385 kEUR for 2025."),
        (BANDS, "The minimum of K1 is EUR 31,200 per year, the maximum EUR 36,400."),
    ],
)
def test_right_cells_pass(rows: Sequence[Row], claim: str) -> None:
    assert cell_faults(claim, rows) == ()


@pytest.mark.parametrize(
    ("rows", "claim"),
    [
        # Another column of the row.
        (PARTS, "The antenna cover costs EUR 112."),
        (PARTS, "The price of SP-4217 is 112."),
        (PARTS, "The lead time of the antenna cover is 112 weeks."),
        (PARTS, "The price of SP-4217 is 112, the stock 87.25."),
        (STAFF, "Production had a headcount of 87 in January 2025."),
        (STAFF, "Production counted 87 people."),
        (BANDS, "The minimum of K1 is EUR 36,400."),
        (LIMITS, "The receipt of a hotel night is EUR 140."),
        # Another row of the column, or no row at all.
        (PARTS, "The antenna cover costs EUR 164.35."),
        (PARTS, "SP-4217 costs EUR 164.35, SP-4218 costs EUR 87.25."),
        (PARTS, "The door seal costs EUR 87.25."),
        (PARTS[1:2], "SP-4211 costs EUR 87.25."),
        (STAFF, "The head of Software is Ingrid Solvang."),
        (STAFF[1:2], "The head of Software is Ingrid Solvang."),
        (LIMITS, "The limit for a hotel night is EUR 0.38."),
        # Another unit, scale or bound.
        (PARTS, "SP-4217 has a lead time of two days."),
        (PARTS, "The antenna cover costs 87.25 dollars."),
        (PARTS, "More than 112 of SP-4217 are in stock."),
        (BUDGET, "The 2025 budget of Electronics is EUR 2,385."),
        # Another answer.
        (LIMITS, "A receipt is needed for a private car, per kilometre."),
        (LIMITS, "A hotel night needs no receipt."),
        # No value of the table at all, told as one, or none.
        (PARTS, "The price of the antenna cover is EUR 99."),
        (PARTS, "The antenna cover fits every station."),
        # Right, but no rule can see it: the row is shown instead.
        (PARTS, "SP-4217 can be had with a lead time of 14 days."),
        (BANDS, "Band K1 pays between EUR 31,200 and EUR 36,400 a year."),
        (PARTS, "SP-4217 and SP-4218 cost EUR 87.25 and EUR 164.35."),
    ],
)
def test_what_is_not_plainly_of_one_row_is_a_fault(rows: Sequence[Row], claim: str) -> None:
    assert cell_faults(claim, rows) != ()


def test_a_fault_names_the_column_that_is_told_otherwise() -> None:
    faults = cell_faults("The head of Software is Ingrid Solvang.", STAFF)

    assert ("name_moved", "Head") in {(fault.code, fault.detail) for fault in faults}


def test_without_rows_there_is_no_fault() -> None:
    assert cell_faults("The price is EUR 112.", ()) == ()


def test_a_claim_of_every_cell_of_a_large_table_is_of_no_row() -> None:
    cells = " | ".join(["a 1"] * 20)
    rows = rows_in(f"| {' | '.join(['a'] * 20)} |\n|{'---|' * 20}\n" + f"| {cells} |\n" * 400)

    faults = cell_faults("a 1 " * 5_000, rows)

    assert [fault.code for fault in faults] == ["name_moved"]
