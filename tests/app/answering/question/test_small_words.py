"""The language of a question."""

import pytest

from app.answering.question.small_words import language_of


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
