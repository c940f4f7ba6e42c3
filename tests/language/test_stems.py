"""Words that carry meaning, in the language of the text."""

import pytest

from language.stems import content_stems
from language.text import content_stems as english_stems


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


@pytest.mark.parametrize("language", [None, "en", "xx", ""])
def test_other_languages_are_read_as_english(language: str | None) -> None:
    text = "How long is the notice period of Employees?"

    assert content_stems(text, language) == english_stems(text)
