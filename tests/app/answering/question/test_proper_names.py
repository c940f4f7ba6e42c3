"""Names in a question, and whether a text has them."""

import pytest

from app.answering.question.proper_names import holds_name, names_in


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who runs Hollis Ltd?", [("Hollis Ltd",)]),
        ("Does it open in Lisbon, Porto or Faro?", [("Lisbon", "Porto", "Faro")]),
        ("Where is the University of Chicago?", [("University of Chicago",)]),
        ("Who is Ann's boss at SAP?", [("Ann's",), ("SAP",)]),
        ("Wer leitet den iPhone Verkauf?", [("iPhone",)]),
    ],
)
def test_a_capital_tells_a_name(question: str, names: list[tuple[str, ...]]) -> None:
    assert list(names_in(question)) == names


@pytest.mark.parametrize(
    "question",
    [
        "What is the notice period?",
        "How Long Is The Usual Notice Period For Staff?",
        "Wie lange ist die Frist im Winter?",
        "Is it open on Monday in May?",
        "How hot is it in degrees Celsius?",
        "I'm here. Where is it?",
        "",
    ],
)
def test_other_capitals_tell_none(question: str) -> None:
    assert list(names_in(question)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Hollis", "Hollis Ltd is run by Ann."),
        ("Fenbrige", "the mayor of Fenbridge"),
        ("Germany", "the German branch"),
        ("CEO", "the Chief Executive Officer"),
        ("World Health Organization", "the WHO"),
        ("Dr Ann Poe", "Ann leads sales."),
    ],
)
def test_a_name_is_there_in_another_form(name: str, text: str) -> None:
    assert holds_name(name, text, "")
    assert holds_name(name, "It is so.", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Hollis", "Acme is run by Ann Poe."),
        ("University of Chicago", "Harvard University is in Cambridge."),
        ("HR", "the head office"),
        ("Ann Poe Miller", "Ann leads sales."),
    ],
)
def test_another_name_is_not_it(name: str, text: str) -> None:
    assert not holds_name(name, text, "")
