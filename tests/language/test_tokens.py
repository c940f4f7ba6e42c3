"""Text as tokens that can be compared."""

import pytest

from language.tokens import tokenize


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.key) for token in tokenize(text)]


def test_words_are_compared_by_stem_measures_by_meaning_and_codes_whole() -> None:
    assert kinds("Payments of five euros, see AB-12.") == [
        ("word", "payment"),
        ("word", "of"),
        ("measure", "#5"),
        ("mark", ","),
        ("word", "see"),
        ("identifier", "ab-12"),
        ("mark", "."),
    ]


def test_unspaced_scripts_are_compared_by_pairs() -> None:
    assert kinds("日本語") == [("word", "日本"), ("word", "本語")]


@pytest.mark.parametrize("text", ["isn't", "not", "nicht", "never"])
def test_a_negation_has_no_key(text: str) -> None:
    (token,) = tokenize(text)

    assert (token.is_negation, token.key) == (True, "")


@pytest.mark.parametrize("text", ["no. 5", "No 5"])
def test_the_sign_of_a_number_negates_nothing(text: str) -> None:
    assert not any(token.is_negation for token in tokenize(text))


@pytest.mark.parametrize(("text", "names"), [("We met Ann", ["Ann"]), ("Plan B", ["B"])])
def test_capitals_inside_and_labels_are_names(text: str, names: list[str]) -> None:
    assert [token.raw for token in tokenize(text) if token.is_name] == names


def test_a_first_word_is_a_name_only_with_a_capital_inside() -> None:
    assert [token.raw for token in tokenize("Leave is free: eBay too") if token.is_name] == ["eBay"]
