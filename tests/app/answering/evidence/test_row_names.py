"""The rows and columns that a question names."""

import pytest

from app.answering.evidence.row_names import (
    excludes_row,
    holds_phrase,
    is_among,
    lacks_attribute,
    named_rows,
    read_table_question,
    row_named_by_key,
    text_of_row,
    wanted_columns,
)
from app.answering.evidence.row_tables import Table, tables_of
from tests.app.answering.evidence.test_tabular import VANS, context_of_table


def vans() -> Table:
    (table,) = tables_of(context_of_table(VANS))
    return table


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What does the van Birch cost?", ["Birch"]),
        ("What does the van Willow cost?", []),
        ("What does the Ceder cost?", ["Cedar"]),
        ("Which vans are at Kelder?", ["Cedar", "Hazel"]),
        ("Which van is in yard 2?", ["Birch"]),
        ("Which van is the cheapest?", []),
    ],
)
def test_a_row_is_named_by_what_distinguishes_it(question: str, names: list[str]) -> None:
    rows = named_rows(read_table_question(question), vans())

    assert [placed.row.key[0].value for placed in rows] == names


def test_rows_of_which_too_many_are_named_alike_are_not_meant() -> None:
    rows = [(f"Van {number}", "Kelder") for number in range(6)]
    (table,) = tables_of(context_of_table((("Van", "Site"), *rows)))

    assert named_rows(read_table_question("Which are at Kelder?"), table) == []


@pytest.mark.parametrize(
    ("question", "name"), [("The range of Cedar?", "Cedar"), ("Cedar or Hazel?", None)]
)
def test_one_row_is_named_by_its_key(question: str, name: str | None) -> None:
    placed = row_named_by_key(read_table_question(question), vans())

    assert (placed and placed.row.key[0].value) == name


@pytest.mark.parametrize(
    ("question", "is_excluded"),
    [
        ("Which vans except the Hazel have a tow bar?", True),
        ("Which vans other than Cedar have a tow bar?", False),
        ("Does the Hazel have a tow bar?", False),
    ],
)
def test_a_question_may_exclude_a_row(question: str, *, is_excluded: bool) -> None:
    hazel = vans().rows[3].row

    assert excludes_row(read_table_question(question), hazel) == is_excluded


@pytest.mark.parametrize(
    ("question", "columns"),
    [
        ("What is the payload of Cedar?", ["Payload"]),
        ("What is the daily rate of Cedar?", ["Daily rate"]),
        ("Where is the Cedar?", ["Site"]),
        ("How far does the Cedar go?", ["Range"]),
        ("What are the payload, range and site of Cedar?", ["Payload", "Range", "Site"]),
        ("What are the payload, range and colour of Cedar?", []),
        ("All details of the Cedar with its payload", []),
        ("Tell me about the Cedar", []),
    ],
)
def test_columns_are_wanted_by_name_or_type(question: str, columns: list[str]) -> None:
    assert wanted_columns(read_table_question(question), vans().rows[2].row) == columns


@pytest.mark.parametrize(
    ("question", "is_lacking"),
    [
        ("What colour is the Cedar?", True),
        ("What payload does the Cedar have?", False),
        ("Tell me about the Cedar", False),
    ],
)
def test_an_attribute_without_a_column_is_lacking(question: str, *, is_lacking: bool) -> None:
    row = vans().rows[2].row

    assert lacks_attribute(read_table_question(question), row, "Rental vans") == is_lacking


def test_the_text_of_a_row_leaves_out_bare_numbers_in_a_unit() -> None:
    assert text_of_row(vans().rows[2].row) == "Van: Cedar | Tow bar: yes | Site: Kelder"


def test_a_phrase_is_held_in_its_order() -> None:
    assert holds_phrase(["is", "port", "ansel", "far"], "Port Ansel")
    assert not holds_phrase(["ansel", "port"], "Port Ansel")
    assert not holds_phrase(["port"], "!")


def test_a_word_is_among_others_with_a_slip_but_a_number_is_not() -> None:
    assert is_among("kelder", {"keldar"})
    assert not is_among("sp4217", {"sp4218"})
