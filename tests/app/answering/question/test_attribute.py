"""The attribute that a question asks for."""

import pytest

from app.answering.question.attribute import attribute_of, content_words


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("What is the notice period?", ("notice", "period")),
        ("What colour is the van?", ("colour",)),
        ("What kind of licence does the van need?", ("licence",)),
        ("Who approves travel?", ("approves", "travel")),
        ("Wie heisst die Leiterin?", ("leiterin",)),
        ("Quelle est la durée du bail ?", ("durée",)),
        ("When was the plant opened?", ("plant", "opened")),
        ("Is smoking allowed?", ()),
        ("", ()),
    ],
)
def test_an_answer_names_what_follows_the_question_word(
    question: str, attribute: tuple[str, ...]
) -> None:
    assert attribute_of(question) == attribute


def test_small_words_and_numbers_say_nothing() -> None:
    assert content_words(["the", "sp4217", "cover", "x", "is", "heated"]) == ("cover", "heated")
