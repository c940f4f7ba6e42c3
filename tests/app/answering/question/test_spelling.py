"""The words of a question as its sources spell them."""

import pytest

from app.answering.question.spelling import corrected, spelled_stems

TEXTS = ["The Hover plan has 60 GB of storage.", "Prescriptions cost nothing."]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("how much storrage has the Hovver plan", "how much storage has the hover plan"),
        ("What does a prescription cost?", "What does a prescription cost?"),
        ("how much storage for 70 GB", "how much storage for 70 GB"),
        ("a zeppelin", "a zeppelin"),
        ("", ""),
    ],
)
def test_a_slip_is_written_as_the_sources_write_it(written: str, meant: str) -> None:
    assert corrected(written, TEXTS) == meant


def test_a_slip_of_two_words_is_left_as_it_is() -> None:
    assert corrected("the stocks", ["The stacks and the stacks.", "A sticks."]) == "the stocks"
    assert (
        corrected("the storks", ["The stocks are here.", "The storms are there."]) == "the storks"
    )


def test_words_that_only_ask_are_not_what_it_is_about() -> None:
    known = frozenset({"plan", "storag"})

    assert spelled_stems("Tell me everything about the Hover plan", {None}, known) == {
        None: ["hover", "plan"]
    }
    assert spelled_stems("Please tell me everything", {None}, known) == {
        None: ["pleas", "tell", "everyth"]
    }
