"""The lexicons of the languages."""

import pytest

from language.lexicon import LANGUAGES, lexicon, lexicon_of


@pytest.mark.parametrize(
    ("text", "language"),
    [("die und nicht", "de"), ("les et pas", "fr"), ("the and not", "en"), ("qwerty", "en")],
)
def test_a_text_is_read_in_the_language_of_its_function_words(text: str, language: str) -> None:
    assert lexicon_of(text.split()).language == language


def test_of_the_phrases_of_a_group_the_longest_counts() -> None:
    words = ["no", "more", "than", "five"]

    found = {phrase.group: phrase for phrase in lexicon("en").phrases_at(words, 0)}

    assert (found["bound"].words, found["bound"].name) == (("no", "more", "than"), "max")
    assert found["negation"].words == ("no",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lexicon_knows_function_words(language: str) -> None:
    assert lexicon(language).function_words
