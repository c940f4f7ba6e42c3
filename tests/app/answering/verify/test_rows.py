"""Rows of tables as a passage keeps them."""

from dataclasses import replace

import pytest

from app.answering.verify.rows import is_bare_number, rows_of, with_unit
from tests.app.answering.verify.test_tables import price_list


def test_a_cell_has_the_unit_of_its_header_when_it_is_a_bare_number() -> None:
    row, _ = rows_of(price_list())
    price, stock = row.cells[2], row.cells[3]

    assert (price.column, with_unit(price)) == ("Price", "EUR 87.25")
    assert (stock.column, with_unit(stock)) == ("Stock", "112")


def test_a_row_that_is_cut_off_is_left_out() -> None:
    whole = price_list()
    cut = replace(whole, text=whole.text[:100])

    assert [row.number for row in rows_of(cut)] == [1]


@pytest.mark.parametrize("value", ["87.25", "5 to 10", "5-10", "-3", "1 234"])
def test_numbers_and_ranges_are_bare(value: str) -> None:
    assert is_bare_number(value)


@pytest.mark.parametrize("value", ["EUR 5", "SP-4217", "none", "5 weeks", ""])
def test_what_says_of_what_it_is_a_number_is_not(value: str) -> None:
    assert not is_bare_number(value)
