"""Sentences, items and lists as they are shown."""

import pytest

from app.answering.evidence.pieces import pieces_of
from app.answering.generate.excerpts import excerpt_sentence
from tests.fakes.sources import context_of

KEY = "Two people open the cabinet at night; the second one is the site manager."


def told(text: str, first: str) -> str:
    (source,) = context_of([text]).sources
    piece = next(each for each in pieces_of(source.passage) if each.text == first)
    return excerpt_sentence(source, piece).text


@pytest.mark.parametrize(
    "condition",
    [
        "If the manager cannot be reached, the senior nurse may step in.",
        "Unless there is a fire, it stays closed.",
        "Bei Abwesenheit kommt die Pflegeleitung.",
        "En cas d'absence, l'infirmière vient.",
    ],
)
def test_a_condition_belongs_to_the_sentence_before_it(condition: str) -> None:
    assert told(f"{KEY} {condition} The lamp is green.", KEY) == f"{KEY} {condition}"


def test_another_sentence_and_another_paragraph_do_not() -> None:
    assert told(f"{KEY} The lamp is green. If it is red, call.", KEY) == KEY
    assert told(f"{KEY}\n\nIf the manager cannot be reached, call.", KEY) == KEY
