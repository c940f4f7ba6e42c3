"""What a question asks part by part, and what each part leans on."""

import pytest

from app.answering.question.parts import names_another, parts_in


def test_a_question_alone_leans_on_nothing() -> None:
    (part,) = parts_in("How long is the notice period?", "How long is the notice period?")

    assert (part.text, part.leaned_on) == ("How long is the notice period?", "")
    assert part.constraints.expected.kind == "number"


def test_each_part_asks_for_its_own_kind_of_thing() -> None:
    question = "How often is the Corvo 3 descaled and why is vinegar forbidden?"

    first, second = parts_in(question, question)

    assert [first.constraints.expected.kind, second.constraints.expected.kind] == [
        "number",
        "reason",
    ]
    assert second.leaned_on == first.text


def test_a_follow_up_asks_for_its_own_kind_of_thing_about_the_same_subject() -> None:
    earlier = "How many weeks of leave are there in 2025?"

    (part,) = parts_in("When must it be finished?", f"{earlier} When must it be finished?")

    assert part.constraints.expected.kind == "time"
    assert [pin.kind for pin in part.constraints.pins] == ["year"]
    assert part.leaned_on == earlier


def test_what_names_another_thing_asks_the_same_of_it() -> None:
    earlier = "What does the antenna cover SP-4217 cost in 2025?"

    (part,) = parts_in("And the heated one?", f"{earlier} And the heated one?")

    assert [pin.kind for pin in part.constraints.pins] == ["year"]
    assert part.constraints.expected.dimensions == ("money",)


@pytest.mark.parametrize(
    ("question", "is_another"),
    [
        ("And the heated one?", True),
        ("What about the influenza vaccine?", True),
        ("Und der grosse?", True),
        ("Et pour le T3 ?", True),
        ("And those on Soar?", True),
        ("And who pays?", False),
        ("When must it be finished?", False),
        ("Why not vinegar?", False),
    ],
)
def test_another_thing_is_named_without_a_verb(question: str, is_another: bool) -> None:  # noqa: FBT001
    assert names_another(question) is is_another
