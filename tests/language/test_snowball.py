"""Languages as the index knows them."""

import pytest

from language.snowball import language_of, number_of, snowball_algorithm
from language.stop_words import is_stop_word


@pytest.mark.parametrize(
    ("code", "algorithm"), [("de", "german"), ("pt-BR", "portuguese"), ("xx", "english")]
)
def test_a_code_names_its_stemmer(code: str, algorithm: str) -> None:
    assert snowball_algorithm(code) == algorithm


@pytest.mark.parametrize(("code", "kept"), [("de", "de"), ("pt-BR", "pt"), (None, None)])
def test_a_language_is_kept_as_a_number(code: str | None, kept: str | None) -> None:
    assert language_of(number_of(code)) == kept


def test_small_words_are_those_of_the_language() -> None:
    assert is_stop_word("und", "german")
    assert not is_stop_word("und", "english")
    assert not is_stop_word("och", "czech")
