"""Which sentences of two documents disagree, and which speak of different cases."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from app.answering.disagreement import Side, find_disagreement, newer
from app.answering.question.parts import read_question
from kb.passages import Location, Passage

NOWHERE = Location(
    section=[], page=None, slide=None, sheet=None, row=None, char_start=0, char_end=1
)
JANUARY, MARCH = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def side(
    text: str,
    *,
    document_id: UUID | None = None,
    updated_at: datetime = JANUARY,
    effective_at: datetime | None = None,
) -> Side:
    passage = Passage(
        chunk_id=1,
        document_id=document_id or uuid4(),
        document_version=1,
        external_id=None,
        title=None,
        filename=None,
        source_uri=None,
        content_sha256="0" * 64,
        updated_at=updated_at,
        effective_at=effective_at,
        text=text,
        location=NOWHERE,
        score=1.0,
        bm25=None,
        cosine=None,
    )
    return Side(text=text, source_id="abcdef", passage=passage)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "How many days of leave are there?",
            "Every employee has 31 days of annual leave.",
            "Every employee has 28 days of annual leave.",
        ),
        (
            "When are expense reports due?",
            "Expense reports are due by 5 March 2026.",
            "Expense reports are due on 10 March 2026.",
        ),
        (
            "What is the notice period?",
            "The notice period is three months.",
            "The notice period is 4 weeks.",
        ),
        (
            "Is remote work allowed?",
            "Remote work is allowed on Fridays.",
            "Remote work is not allowed on Fridays.",
        ),
        (
            "Who approves travel?",
            "Travel is approved by Maria Lopez.",
            "Travel is approved by John Smith.",
        ),
        (
            "How much annual leave is there?",
            "Employees receive 25 days of annual leave.",
            "Staff are entitled to 30 days of annual leave.",
        ),
        (
            "Who approves travel?",
            "Maria Lopez approves travel.",
            "Travel is approved by John Smith.",
        ),
        (
            "Wie lang ist die K\u00fcndigungsfrist?",
            "Die K\u00fcndigungsfrist betr\u00e4gt drei Monate.",
            "Die K\u00fcndigungsfrist betr\u00e4gt 4 Wochen.",
        ),
        (
            "What is the notice period?",
            "The notice period is three months.",
            "Notice period: 4 weeks",
        ),
    ],
    ids=["number", "date", "unit", "polarity", "name", "synonyms", "voice", "German", "row"],
)
def test_incompatible_values_of_one_thing_are_a_conflict(
    question: str, one: str, other: str
) -> None:
    found = find_disagreement(read_question(question), [side(one), side(other)])

    assert found is not None
    assert found.is_conflict
    assert (found.first.text, found.second.text) == (one, other)


@pytest.mark.parametrize(
    ("question", "one", "other", "cases"),
    [
        (
            "How many days of leave do employees have?",
            "Employees in Berlin have 30 days of annual leave.",
            "Employees in Paris have 25 days of annual leave.",
            (("Berlin",), ("Paris",)),
        ),
        (
            "What is the notice period?",
            "Contractors have a notice period of 2 weeks.",
            "Employees have a notice period of 3 months.",
            (("Contractors",), ("Employees",)),
        ),
    ],
)
def test_values_of_named_cases_are_a_choice(
    question: str, one: str, other: str, cases: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    found = find_disagreement(read_question(question), [side(one), side(other)])

    assert found is not None
    assert not found.is_conflict
    assert found.cases == cases


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "What is the notice period for contractors?",
            "Contractors have a notice period of 2 weeks.",
            "Employees have a notice period of 3 months.",
        ),
        (
            "How long is annual leave?",
            "Employees have 30 days of annual leave.",
            "Employees have 30 days of annual leave each year.",
        ),
        (
            "How many days of leave are there?",
            "Employees have 30 days of leave.",
            "Interns in their first year have 12 days of leave.",
        ),
        (
            "How many employees are there?",
            "The company has 1200 employees in 14 countries.",
            "The company employs 900 people.",
        ),
        (
            "What were the fees?",
            "Fees in 2025 were 5 million euros.",
            "Fees in 2026 were 6 million euros.",
        ),
        (
            "When was the bridge built?",
            "The bridge was built in 1931.",
            "The tower was built in 1889.",
        ),
    ],
    ids=["asked case", "same value", "special case", "other things", "two values", "other subject"],
)
def test_what_can_hold_together_is_no_disagreement(question: str, one: str, other: str) -> None:
    assert find_disagreement(read_question(question), [side(one), side(other)]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.1 Annual leave", "3.1 Annual leave"),
        ("Step 3. Send the leave form to payroll.", "Step 4. Send the leave form to payroll."),
        ("Annual leave is treated in section 4.", "Annual leave is treated in section 5."),
        ("Table 3: Annual leave", "Table 4: Annual leave"),
        ("a) Annual leave is paid.", "b) Annual leave is paid."),
    ],
)
def test_headings_and_numbering_are_no_values(one: str, other: str) -> None:
    assert (
        find_disagreement(read_question("How is annual leave treated?"), [side(one), side(other)])
        is None
    )


def test_a_document_does_not_disagree_with_itself() -> None:
    document_id = uuid4()
    sides = [
        side("The fee is 5 euros.", document_id=document_id),
        side("The fee is 6 euros.", document_id=document_id),
    ]

    assert find_disagreement(read_question("What is the fee?"), sides) is None


def test_the_newer_side_took_effect_later_or_was_updated_later() -> None:
    old, updated = side("a", updated_at=JANUARY), side("b", updated_at=MARCH)
    effective = side("c", updated_at=JANUARY, effective_at=MARCH)

    assert newer(old, updated) is updated
    assert newer(effective, old) is effective
    assert newer(effective, updated) is None
