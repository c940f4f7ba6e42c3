"""Words that carry meaning, in the language of the text."""

import pytest

from language.stems import content_stems, stem


@pytest.mark.parametrize(
    ("text", "language", "stems"),
    [
        ("Wie hoch ist die Kaution beim Verleih?", "de", ["hoch", "kaution", "verleih"]),
        ("Die Kautionen der Verleihe", "de-CH", ["kaution", "verleih"]),
        ("Quel est le délai après l'état des lieux ?", "fr", ["del", "apres", "etat", "lieux"]),
        ("¿Cuánto cuesta la entrada?", "es", ["cuest", "entrad"]),
        ("Сколько стоит билет?", "ru", ["скольк", "сто", "билет"]),
        ("営業時間", "ja", ["営業", "業時", "時間"]),
    ],
)
def test_small_words_go_and_forms_meet(text: str, language: str, stems: list[str]) -> None:
    assert content_stems(text, language) == stems


@pytest.mark.parametrize("language", [None, "en", "en-GB", "xx", ""])
def test_other_languages_are_read_as_english(language: str | None) -> None:
    text = "How long don't the Employees' and the company's notice periods last?"

    assert content_stems(text, language) == [
        "long",
        "employe",
        "compani",
        "notic",
        "period",
        "last",
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("payments", "payment"), ("policies", "polici"), ("naïve", "naiv"), ("company's", "compani")],
)
def test_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_content_words_are_stems_without_stop_words() -> None:
    assert content_stems("The employees’ payments are not in the U.K.") == [
        "employe",
        "payment",
        "u",
        "k",
    ]


def test_unspaced_scripts_give_pairs_of_characters() -> None:
    assert content_stems("有給休暇 leave") == ["有給", "給休", "休暇", "leav"]
    assert content_stems("年") == ["年"]
