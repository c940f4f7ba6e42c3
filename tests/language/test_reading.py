"""What the words of a sentence do to each other."""

import pytest

from language.reading import is_language_known, read_sentence


def marks(text: str, group: str) -> list[tuple[str, list[str]]]:
    reading = read_sentence(text)
    return [
        (mark.name, [reading.tokens[head].raw for head in mark.heads])
        for mark in reading.named(group)
    ]


@pytest.mark.parametrize(
    ("text", "group", "expected"),
    [
        ("Members pay up to about 30 euros.", "bound", [("max", ["30 euros"])]),
        ("Members pay 30 euros or more.", "bound_after", [("min", ["30 euros"])]),
        ("Members must pay fees.", "modal", [("must", ["pay"])]),
        ("Members do not pay.", "negation", [("not", ["pay"])]),
        ("Members pay no more than 30 euros.", "negation", []),
        ("Members pay.", "modal", []),
    ],
)
def test_a_mark_is_said_of_its_heads(
    text: str, group: str, expected: list[tuple[str, list[str]]]
) -> None:
    assert marks(text, group) == expected


def test_names_are_runs_and_german_nouns_are_none() -> None:
    english = read_sentence("We met the Bank of England and Ann Lee.")
    german = read_sentence("Wir haben der Bank und dem Amt mit dem Formular AB-12 geschrieben.")

    assert [[english.tokens[i].raw for i in run] for run in english.names] == [
        ["Bank", "England"],
        ["Ann", "Lee"],
    ]
    assert [[german.tokens[i].raw for i in run] for run in german.names] == [["AB-12"]]


def test_a_clause_begins_with_the_word_that_opens_it() -> None:
    reading = read_sentence("Ann pays and Bob lends")

    assert reading.clauses == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ["The fee is due.", "Die Gebühr ist nicht fällig.", "Zug 5"])
def test_negations_of_a_known_language_are_understood(text: str) -> None:
    assert is_language_known(text)


def test_those_of_another_script_are_not() -> None:
    assert not is_language_known("Плата не взимается.")
