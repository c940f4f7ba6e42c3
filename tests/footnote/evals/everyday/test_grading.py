"""Answers to everyday questions, graded by hand."""

from dataclasses import replace

import pytest

from app.answering.outcome import AnswerStatus
from footnote.evals.everyday.cases import EverydayCase
from footnote.evals.everyday.grading import Grade, Shown, find, grade, normalized

PRICE = EverydayCase(
    id="price",
    kind="cell",
    language="en",
    question="What does the antenna cover cost?",
    expected=("answered",),
    must=("87.25",),
    must_not=("164.35",),
    noise=("112",),
    max_chars=60,
    max_claims=2,
)
STEPS = replace(PRICE, must=("Open", ("Fill", "Pour"), "Close"), must_not=(), in_order=True)
ABSENT = replace(PRICE, expected=("unsupported",), must=(), must_not=("7719",))
HEADINGS = frozenset({"prices", "2.2 parental leave"})


def shown(*claims: str, status: AnswerStatus = "answered") -> Shown:
    return Shown(status=status, text=" ".join(claims), claims=claims)


def graded(case: EverydayCase, given: Shown) -> Grade:
    return grade(case, given, headings=HEADINGS)


def test_the_value_alone_is_right() -> None:
    assert graded(PRICE, shown("Antenna cover: price EUR 87.25")) == Grade(outcome="right")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (shown("Part: Antenna cover | Price EUR: 87.25"), "shows cells as they are stored"),
        (shown("It costs EUR 87.25.", "Prices"), "shows a heading alone"),
        (shown("It costs EUR 87.25.", "## 2.2 Parental leave:"), "shows a heading alone"),
        (shown("It costs EUR 87.25.", "it costs  EUR 87.25."), "says something twice"),
        (shown("It costs EUR 87.25. There are 112."), "also says '112'"),
        (shown("87.25", "net", "each"), "has 3 claims"),
        (shown("EUR 87.25, " + "and " * 15), "has 70 characters"),
    ],
)
def test_a_right_value_in_an_unreadable_form_is_ugly(given: Shown, fault: str) -> None:
    assert graded(PRICE, given) == Grade(outcome="ugly", faults=(fault,))


def test_a_forbidden_value_is_wrong_also_beside_the_right_one() -> None:
    found = graded(PRICE, shown("EUR 87.25, heated EUR 164.35"))

    assert found == Grade(outcome="wrong", faults=("says '164.35'",))


def test_nothing_of_what_was_asked_is_beside_the_point() -> None:
    assert graded(PRICE, shown("Orders go to extension 4520.")).outcome == "beside"


def test_half_of_what_was_asked_is_wrong() -> None:
    found = graded(STEPS, shown("Open it.", "Close it."))

    assert found == Grade(outcome="wrong", faults=("lacks ('Fill', 'Pour')",))


def test_steps_in_another_order_are_wrong() -> None:
    assert graded(STEPS, shown("Open it, pour, close it.")).outcome == "right"
    assert graded(STEPS, shown("Pour, open it, close it.")).outcome == "wrong"


def test_another_status_makes_the_right_words_wrong() -> None:
    found = graded(PRICE, shown("EUR 87.25", status="conflicting"))

    assert found == Grade(outcome="wrong", faults=("is conflicting",))


def test_a_claim_that_was_removed_does_not_make_the_rest_wrong() -> None:
    assert graded(PRICE, shown("EUR 87.25", status="partially_supported")).outcome == "right"


def test_silence_is_judged_by_what_was_due() -> None:
    silence = shown(status="unsupported")

    assert graded(PRICE, silence).outcome == "wrongly_unsupported"
    assert graded(ABSENT, silence) == Grade(outcome="right")
    assert graded(ABSENT, shown(status="blocked")).outcome == "wrong"


def test_an_answer_where_none_was_due() -> None:
    assert graded(ABSENT, shown("Night shifts are paid.")).outcome == "wrongly_answered"
    # What may not be seen is worse than what was not asked.
    assert graded(ABSENT, shown("The number is 7719.")).outcome == "wrong"


def test_an_answered_status_without_text_is_no_answer() -> None:
    assert graded(PRICE, shown(status="answered")).outcome == "wrongly_unsupported"


@pytest.mark.parametrize(
    ("text", "phrase", "place"),
    [
        ("eur 12", "12", 4),
        ("eur 12.", "12", 4),
        ("eur 120", "12", -1),
        ("eur 12.50", "12", -1),
        ("eur 12.00", "12", 4),
        ("eur 12,000", "12", -1),
        ("eur 12.0.5", "12", -1),
        ("eur 512.00", "12", -1),
        ("eur 36.00", "36.00", 4),
        ("eur 1,12", "12", -1),
        ("no, 12, 13", "12", 4),
        ("120 and 12", "12", 8),
        ("nobody says no", "no", 12),
        ("5,80 euro", "5,80", 0),
        ("± 2 mm", "2 mm", 2),
    ],
)
def test_phrases_are_found_as_whole_words_and_numbers(text: str, phrase: str, place: int) -> None:
    assert find(text, phrase) == place


def test_case_space_quotes_and_emphasis_do_not_matter() -> None:
    assert normalized("The  child\u2019s\n*Kestrel*\u00a0`safe`") == "the child's kestrel safe"
