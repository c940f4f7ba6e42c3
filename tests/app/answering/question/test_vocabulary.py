"""Lists of words that must agree with one another."""

import pytest

from app.answering.question import vocabulary


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (vocabulary.MONTHS, range(1, 13)),
        (vocabulary.WEEKDAYS, range(1, 8)),
        (vocabulary.ORDINALS, range(1, 21)),
        (vocabulary.ROMAN, range(2, 17)),
    ],
)
def test_every_number_has_its_words(words: dict[str, int], numbers: range) -> None:
    assert set(words.values()) == set(numbers)


def test_words_are_folded_as_the_words_of_texts_are() -> None:
    lists = [
        words for name, words in vars(vocabulary).items() if name.isupper() and name != "ROMAN"
    ]
    lists += vocabulary.UNITS.values()

    assert all(word == word.casefold() for words in lists for word in words)


def test_what_is_measured_has_units_or_a_look_of_its_own() -> None:
    shapes = {"phone", "fax", "email", "web", "address", "colour"}

    assert set(vocabulary.MEASURED.values()) <= vocabulary.UNITS.keys() | shapes


def test_a_number_word_is_an_amount() -> None:
    assert vocabulary.CARDINALS.keys() - vocabulary.AMOUNTS == {"sept"}
