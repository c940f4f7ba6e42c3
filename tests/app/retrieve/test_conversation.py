"""What a question in a conversation is searched for with."""

from collections import Counter
from itertools import product

import pytest

from app.retrieve.conversation import MAX_ANSWER_TERMS, Bearing, Said, Sign, in_conversation

LEAVE = (
    Said(speaker="user", text="How many days of parental leave do employees get?"),
    Said(speaker="assistant", text="Employees get 16 weeks of parental leave."),
)


@pytest.mark.parametrize(
    ("question", "bearing", "signs"),
    [
        pytest.param("And for contractors?", "follow_up", ("adds_on", "short"), id="addition"),
        pytest.param(
            "What about contractors?", "follow_up", ("adds_on", "short"), id="opening of two words"
        ),
        pytest.param(
            "Can they take it in several parts during one calendar year?",
            "follow_up",
            ("refers_back",),
            id="pronoun",
        ),
        pytest.param("Contractors?", "follow_up", ("short",), id="ellipsis"),
        pytest.param("¿Y los autónomos?", "follow_up", ("short",), id="short in Spanish"),
        pytest.param(
            "Do employees keep company laptops during parental leave abroad?",
            "stand_alone",
            (),
            id="shares words",
        ),
        pytest.param(
            "Which database backup schedule does our Frankfurt warehouse follow?",
            "new_topic",
            (),
            id="shares nothing",
        ),
    ],
)
def test_how_a_question_stands_to_what_went_before(
    question: str, bearing: Bearing, signs: tuple[Sign, ...]
) -> None:
    conversation = in_conversation(question, LEAVE)

    assert conversation is not None
    assert (conversation.bearing, conversation.signs) == (bearing, signs)


def test_the_first_question_leans_on_nothing() -> None:
    assert in_conversation("And for contractors?", ()) is None


def test_a_new_topic_carries_nothing_over() -> None:
    question = "Which database backup schedule does our Frankfurt warehouse follow?"
    conversation = in_conversation(question, LEAVE)

    assert conversation is not None
    assert conversation.carried == ()
    assert "leav" not in conversation.terms(question, [])


def test_a_follow_up_carries_questions_and_the_last_answer() -> None:
    history = (
        *LEAVE,
        Said(speaker="user", text="Who approves?"),
        Said(speaker="assistant", text="Your lead approves."),
        Said(speaker="user", text="When?"),
        Said(speaker="assistant", text="Within a week."),
    )

    conversation = in_conversation("And for contractors?", history)

    assert conversation is not None
    assert [(each.said.text, each.times) for each in conversation.carried] == [
        ("How many days of parental leave do employees get?", 4),
        ("When?", 4),
        ("Within a week.", 1),
    ]


def test_a_term_counts_as_often_as_its_texts_weigh() -> None:
    conversation = in_conversation("And for contractors?", LEAVE)

    assert conversation is not None
    counts = Counter(conversation.terms("And for contractors?", []))
    # 20 of the question; 4 of the question before, and 1 of the answer.
    assert counts["contractor"] == 20
    assert counts["parent"] == 4 + 1
    assert counts["mani"] == 4
    assert counts["week"] == 1


def test_a_long_answer_is_carried_in_part() -> None:
    words = " ".join(map("".join, product("bdfg", "aou", "klmn", "aou", "prtv")))
    history = (Said(speaker="assistant", text=f"{words} {words}"),)

    conversation = in_conversation("Contractors?", history)

    assert conversation is not None
    counts = Counter(conversation.terms("Contractors?", []))
    assert counts.pop("contractor") == 20
    assert len(counts) == counts.total() == MAX_ANSWER_TERMS


def test_answers_without_questions_before_them_are_enough() -> None:
    conversation = in_conversation("And for contractors?", LEAVE[1:])

    assert conversation is not None
    assert [each.said.speaker for each in conversation.carried] == ["assistant"]
