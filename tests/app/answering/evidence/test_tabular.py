"""Questions about all rows of a table: computed from all of them, or not answered."""

from dataclasses import replace

import pytest

from app.answering.context import Context, Source
from app.answering.evidence.row_names import read_table_question
from app.answering.evidence.row_tables import tables_of
from app.answering.evidence.tabular import answer_from_rows
from kb.passages import TableRows
from tests.fakes.sources import passage_of

VANS = (
    ("Van", "Payload kg", "Range km", "Daily rate EUR", "Tow bar", "Site"),
    ("Alder", "640", "310", "79", "yes", "Port Ansel, yard 1"),
    ("Birch", "980", "420", "94", "no", "Port Ansel, yard 2"),
    ("Cedar", "1250", "380", "118", "yes", "Kelder"),
    ("Hazel", "1100", "510", "109", "yes", "Kelder"),
)
BACKUPS = (
    ("System", "How often", "Kept for"),
    ("File server", "every 6 hours", "35 days"),
    ("Mail", "daily", "90 days"),
    ("Order system", "every 15 minutes", "1 year"),
)


def context_of_table(
    *tables: tuple[tuple[str, ...], ...], title: str = "Rental vans", missing: int = 0
) -> Context:
    """Each table in a source of its own, without the last `missing` rows."""
    sources = []
    for ordinal, (header, *body) in enumerate(tables, start=1):
        lines, rows, start = [], [], 0
        for number, cells in enumerate(body[: len(body) - missing], start=1):
            parts = [f"{name}: {cell}" for name, cell in zip(header, cells, strict=True)]
            places, position = [], start
            for column, (part, cell) in enumerate(zip(parts, cells, strict=True)):
                places += [column, position + len(part) - len(cell), position + len(part)]
                position += len(part) + len(" | ")
            line = " | ".join(parts)
            lines.append(line)
            rows.append([number, start, start + len(line), *places])
            start += len(line) + 1
        table = TableRows(
            table=ordinal, row_count=len(body), columns=list(header), key=[0], rows=rows
        )
        bare = passage_of("\n".join(lines), chunk_id=ordinal, title=title)
        passage = replace(bare, location={**bare.location, "tables": [table]})
        sources.append(Source(id=f"s{ordinal}abcd", passage=passage, parts=(passage,)))
    return Context(sources=tuple(sources), budget=0, used=0, dropped=())


def told(question: str, context: Context) -> list[str] | None:
    """The claims; None when the question is not about all rows, [] when it is unsupported."""
    draft = answer_from_rows(read_table_question(question), tables_of(context))
    return None if draft is None else [claim.text for claim in draft.claims]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which rental van has the longest range?", ["Hazel: range 510 km"]),
        ("Which van has the lowest payload?", ["Alder: payload 640 kg"]),
        ("What is the cheapest rental van?", ["Alder: daily rate EUR 79"]),
        ("Which is the most expensive van in Port Ansel?", ["Birch: daily rate EUR 94"]),
        (
            "Which vans have a tow bar?",
            [f"{van}: tow bar yes" for van in ("Alder", "Cedar", "Hazel")],
        ),
        ("Which vans have no tow bar?", ["Birch: tow bar no"]),
        (
            "Which vans have a range of more than 400 km?",
            ["Birch: range 420 km", "Hazel: range 510 km"],
        ),
        (
            "Which vans have a range of at most 380 km?",
            ["Alder: range 310 km", "Cedar: range 380 km"],
        ),
        ("How many vans are in Kelder?", ["2: Cedar; Hazel"]),
        ("Which vans are in Port Ansel, yard 2?", ["Birch, site: Port Ansel, yard 2"]),
    ],
)
def test_all_rows_answer(question: str, expected: list[str]) -> None:
    assert told(question, context_of_table(VANS)) == expected


def test_what_is_most_often_has_the_shortest_time_between() -> None:
    context = context_of_table(BACKUPS, title="Backups")

    assert told("Which system is backed up most often?", context) == [
        "Order system: how often every 15 minutes"
    ]
    assert told("Which system is backed up least often?", context) == ["Mail: how often daily"]


def test_a_sum_names_its_rows() -> None:
    (text,) = told("What is the total payload of all vans?", context_of_table(VANS)) or [""]

    # 640 + 980 + 1250 + 1100 = 3970
    assert text.startswith("Sum of payload: 3970 kg (Alder: 640 kg; ")


@pytest.mark.parametrize(
    "question",
    [
        "Which van in Fenbridge has the longest range?",
        "Which van has the longest range in 2024?",
        "Which van has the most seats and the largest boot lid?",
        "What is the average range of the vans?",
        "Which vans have a range of more than 900 km?",
        "How many vans are not in Kelder?",
        "How many vans are in Kelder or have a tow bar?",
        "How many vans have a range of exactly 310 km?",
        "Which vans with a tow bar are not in Kelder?",
        "Which vans have a range of no more than 380 km?",
        "Welche Vans sind nicht in Kelder?",
        "Which vans aren't in Kelder?",
    ],
)
def test_what_the_rows_do_not_tell_is_not_computed(question: str) -> None:
    assert told(question, context_of_table(VANS)) == []


def test_a_row_that_sums_up_the_others_is_none_of_them() -> None:
    context = context_of_table(
        (("Team", "Budget EUR"), ("Ash", "100"), ("Beech", "70"), ("Total", "170")), title="Teams"
    )

    assert told("How many teams are there?", context) == ["2: Ash; Beech"]
    assert told("Which team has the highest budget?", context) == ["Ash: budget EUR 100"]
    assert told("Which teams have a budget above 150 EUR?", context) == []
    assert told("What is the sum of the budget of the teams?", context) == [
        "Sum of budget: EUR 170 (Ash: EUR 100; Beech: EUR 70)"
    ]


def test_a_table_of_which_rows_are_missing_gives_no_answer() -> None:
    assert told("Which van has the longest range?", context_of_table(VANS, missing=1)) == []


@pytest.mark.parametrize(
    "question", ["What is the payload of the van Cedar?", "How many kilometres does Alder go?"]
)
def test_a_question_about_one_row_is_not_about_all(question: str) -> None:
    assert told(question, context_of_table(VANS)) is None


def test_every_row_that_counts_is_cited() -> None:
    question = read_table_question("How many vans are in Kelder?")

    draft = answer_from_rows(question, tables_of(context_of_table(VANS)))

    assert draft is not None
    assert [each.quote.split(" | ")[0] for each in draft.claims[0].citations] == [
        "Van: Cedar",
        "Van: Hazel",
    ]
