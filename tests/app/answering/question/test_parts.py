"""What a question asks part by part, and what each part leans on."""

import pytest

from app.answering.question.parts import read_question


def test_a_question_alone_leans_on_nothing() -> None:
    (part,) = read_question("How long is the notice period?").parts

    assert (part.text, part.leaned_on) == ("How long is the notice period?", "")
    assert part.constraints.answer_type.kind == "number"


def test_each_part_asks_for_its_own_kind_of_thing() -> None:
    question = "How often is the Corvo 3 descaled and why is vinegar forbidden?"

    first, second = read_question(question).parts

    assert [first.constraints.answer_type.kind, second.constraints.answer_type.kind] == [
        "number",
        "reason",
    ]
    assert second.leaned_on == first.text


def test_a_follow_up_asks_for_its_own_kind_of_thing_about_the_same_subject() -> None:
    earlier = "How many weeks of leave are there in 2025?"

    (part,) = read_question("When must it be finished?", earlier).parts

    assert part.constraints.answer_type.kind == "time"
    assert [pin.kind for pin in part.constraints.pins] == ["year"]
    assert part.leaned_on == earlier


def test_what_names_another_thing_asks_the_same_of_it() -> None:
    earlier = "What does the antenna cover SP-4217 cost in 2025?"

    (part,) = read_question("And the heated one?", earlier).parts

    assert [pin.kind for pin in part.constraints.pins] == ["year"]
    assert part.constraints.answer_type.dimensions == ("money",)


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
def test_another_thing_is_named_without_a_verb(question: str, *, is_another: bool) -> None:
    (part,) = read_question(question, "What does the antenna cost?").parts

    # What names another thing asks for the same of it: an amount of money.
    assert ("money" in part.constraints.answer_type.dimensions) is is_another


def test_a_question_is_read_with_what_it_leans_on() -> None:
    earlier = "What does the antenna cover SP-4217 cost?"

    reading = read_question("And the blue one?", earlier)

    assert reading.text == "And the blue one?"
    assert reading.identifiers == {"sp 4217"}
    assert [pin.values for pin in reading.constraints.pins] == [("sp 4217",)]
    assert [part.leaned_on for part in reading.parts] == [earlier]


@pytest.mark.parametrize(
    ("question", "ways"),
    [
        ("How do I book a room?", {"asks_how"}),
        ("What are the steps for a refund?", {"asks_how", "asks_for_all"}),
        ("Which rooms have a screen?", {"asks_for_all"}),
        ("Tell me everything about the Hover plan", {"asks_for_everything"}),
        ("What is a pick face?", {"defined_term"}),
        ("When does it open?", set()),
    ],
)
def test_a_part_says_how_it_is_put(question: str, ways: set[str]) -> None:
    (part,) = read_question(question).parts

    asked = ("asks_how", "asks_for_all", "asks_for_everything", "defined_term")
    assert {way for way in asked if getattr(part, way)} == ways


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("What does it cost and when does it open?", 2),
        ("Was kostet es und wann \u00f6ffnet es?", 2),
        ("In the old plant, what drives the pump?", 1),
        ("Compared with last year's model, how heavy is the new one?", 1),
        ("Pour les adh\u00e9rents, combien co\u00fbte une place ?", 1),
    ],
)
def test_each_part_asks_something(question: str, count: int) -> None:
    assert len(read_question(question).parts) == count


@pytest.mark.parametrize(
    "question",
    [
        "A train has derailed. What do I have to do?",
        "What is to be done?",
        "Take me through the check.",
        "Was muss ich bei einem Unfall tun?",
        "Was ist zu tun?",
        "J'ai un dégât des eaux, que dois-je faire ?",
    ],
)
def test_what_to_do_asks_for_a_procedure(question: str) -> None:
    assert read_question(question).parts[0].asks_how


@pytest.mark.parametrize("question", ["What do I have to bring?", "Was muss ich zahlen?"])
def test_what_is_needed_asks_for_no_procedure(question: str) -> None:
    assert not read_question(question).parts[0].asks_how
