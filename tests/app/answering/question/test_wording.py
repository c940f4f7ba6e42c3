"""The language of a question, what it asks for, and the definitions that it asks for."""

import pytest

from app.answering.question.wording import (
    attribute_of,
    content_words,
    defined_term,
    defines,
    language_of,
)


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


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("What do we mean by an S3?", "- S3 – a train is late."),
        ("C'est quoi, la vétusté ?", "- Vétusté: La perte de valeur d'un bien."),
        ("Qu'est-ce qu'une dépendance au sens du contrat ?", "Dépendance : un bâtiment séparé."),
        ("Was versteht man unter dem Kontaktwinkel?", "Der Kontaktwinkel ist ein Winkel."),
        ("Who counts as a user?", "**User**: a person with a login."),
    ],
)
def test_a_glossary_defines(question: str, sentence: str) -> None:
    term = defined_term(question)

    assert term is not None
    assert defines(sentence, term)


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What is a pick face?", "pick face"),
        ("What does overtime mean?", "overtime"),
        ("What is a user according to the contract?", "user"),
        ("Was versteht man unter dem Kontaktwinkel?", "Kontaktwinkel"),
        ("Qu'est-ce que la vétusté ?", "vétusté"),
        ("What is the price of a ticket?", None),
        ("What is the usual length of notice here?", None),
        ("When does it open?", None),
        ("", None),
    ],
)
def test_a_term_is_short_and_no_thing_of_another(question: str, term: str | None) -> None:
    assert defined_term(question) == term


@pytest.mark.parametrize(
    "sentence",
    [
        "Pick faces are counted each week.",
        "The warehouse has a pick face: it is full.",
        "A pick face holds 3 pallets.",
    ],
)
def test_what_is_said_of_a_term_does_not_define_it(sentence: str) -> None:
    assert not defines(sentence, "pick face")


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How long is the notice period?", "en"),
        ("Wie lange ist die Kündigungsfrist?", "de"),
        ("Quelle est la durée du préavis ?", "fr"),
        ("SP-4217?", "en"),
        ("", "en"),
        # A word of each: English wins.
        ("was the", "en"),
    ],
)
def test_small_words_tell_the_language(question: str, language: str) -> None:
    assert language_of(question) == language
