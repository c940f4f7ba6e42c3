"""The conditions that a question sets for rows."""

import pytest

from app.answering.evidence.row_conditions import Condition, conditions_of, without_bounds
from app.answering.evidence.row_names import read_table_question
from app.answering.evidence.row_tables import Table, tables_of
from tests.app.answering.evidence.test_tabular import VANS, context_of_table

ROOMS = (("Room", "Floor", "Seats"), ("Sedge", "1", "8"), ("Reed", "2", "12"), ("Rush", "2", "4"))
PARTS = (("Part", "Stock"), ("TQ-60", "4"), ("TQ-60/p", "9"))


def table_of(*rows: tuple[str, ...]) -> Table:
    (table,) = tables_of(context_of_table(rows, title="List"))
    return table


def met(question: str, table: Table) -> list[str] | None:
    """The keys of the rows that meet the question's conditions; None when these are unsure."""
    conditions = conditions_of(read_table_question(question), table, read=())
    if conditions is None:
        return None
    return [each.row.key[0].value for each in table.rows if conditions.are_met_by(each)]


@pytest.mark.parametrize(
    ("question", "rows", "keys"),
    [
        ("vans with a range of more than 380 km", VANS, ["Birch", "Hazel"]),
        ("vans with a range of at least 380 km", VANS, ["Birch", "Cedar", "Hazel"]),
        ("vans with a payload under 980 kg", VANS, ["Alder"]),
        ("vans with a tow bar", VANS, ["Alder", "Cedar", "Hazel"]),
        ("vans that don't have a tow bar", VANS, ["Birch"]),
        ("vans at Kelder", VANS, ["Cedar", "Hazel"]),
        ("rooms on the second floor", ROOMS, ["Reed", "Rush"]),
        ("rooms on floor two", ROOMS, ["Reed", "Rush"]),
        ("the stock of TQ-60", PARTS, ["TQ-60"]),
        ("the vans", VANS, ["Alder", "Birch", "Cedar", "Hazel"]),
    ],
)
def test_rows_meet_what_the_question_says_of_them(
    question: str, rows: tuple[tuple[str, ...], ...], keys: list[str]
) -> None:
    assert met(question, table_of(*rows)) == keys


@pytest.mark.parametrize(
    "question",
    [
        "vans with more than 3 hooks or a tow bar",
        "vans that are not at Kelder",
        "vans with a tow bar or in Kelder",
        "vans over 1,000",
        "vans with 7 doors",
    ],
)
def test_conditions_that_are_not_certain_are_none(question: str) -> None:
    assert met(question, table_of(*VANS)) is None


def test_words_of_one_column_are_one_condition() -> None:
    conditions = conditions_of(read_table_question("vans at Port Ansel"), table_of(*VANS), read=())

    assert conditions is not None
    assert conditions.all_of == (
        Condition(column="Site", relation="holds", stems=frozenset({"port", "ansel"})),
    )
    assert conditions.columns == {"Site"}


def test_a_question_loses_its_bounds() -> None:
    text = "Which vans go more than 300 km and cost at most EUR 90 a day?"

    assert without_bounds(text) == "Which vans go  km and cost  a day?"
