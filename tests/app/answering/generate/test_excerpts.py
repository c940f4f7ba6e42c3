"""Sentences, items and lists as they are shown."""

import pytest

from app.answering.evidence.pieces import pieces_of
from app.answering.generate.excerpts import (
    MAX_LIST_ITEMS,
    Excerpt,
    excerpt_item,
    excerpt_list,
    excerpt_sentence,
)
from app.answering.verify.rows import rows_of
from tests.app.answering.evidence.test_tabular import VANS, context_of_table
from tests.fakes.sources import context_of

CEDAR = "Cedar: payload 1250 kg; range 380 km; daily rate EUR 118; tow bar yes; site Kelder"
KEY = "Two people open the cabinet at night; the second one is the site manager."


def shown(text: str, first: str) -> str:
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
    assert shown(f"{KEY} {condition} The lamp is green.", KEY) == f"{KEY} {condition}"


def test_another_sentence_and_another_paragraph_do_not() -> None:
    assert shown(f"{KEY} The lamp is green. If it is red, call.", KEY) == KEY
    assert shown(f"{KEY}\n\nIf the manager cannot be reached, call.", KEY) == KEY


def test_a_sentence_is_shown_with_the_one_that_it_refers_to() -> None:
    assert shown("The tower is high. It opens at nine.", "It opens at nine.") == (
        "The tower is high. It opens at nine."
    )


def test_a_list_is_shown_under_its_heading_unless_it_has_a_lead_in() -> None:
    steps = "Mounting\n\n1. Drill two holes.\n2. Tighten the bolts."
    items = "Packing\n\nBring to camp:\n- a lamp\n- a rope"
    excerpts = []
    for text in (steps, items):
        (source,) = context_of([text]).sources
        whole = next(each for each in pieces_of(source.passage) if each.items)
        excerpts.append(excerpt_list(source, whole))

    assert [each.text for each in excerpts] == [steps, "Bring to camp:\n- a lamp\n- a rope"]
    assert [each.quotes for each in excerpts] == [(each.text,) for each in excerpts]


def test_a_long_list_is_cut_and_what_is_left_out_is_counted() -> None:
    items = [f"- item {number}" for number in range(MAX_LIST_ITEMS + 5)]
    (source,) = context_of(["\n".join(["Bring to camp:", *items])]).sources
    whole = next(each for each in pieces_of(source.passage) if each.items)

    excerpt = excerpt_list(source, whole)

    assert excerpt.quotes == ("\n".join(["Bring to camp:", *items[:MAX_LIST_ITEMS]]),)
    assert "5" in excerpt.text.removeprefix(excerpt.quotes[0])


def test_an_item_is_quoted_with_its_lead_in() -> None:
    (source,) = context_of(["Bring to camp:\n- a lamp\n- a rope"]).sources
    item = next(each for each in pieces_of(source.passage) if each.text == "- a rope")

    excerpt = excerpt_item(source, item)

    assert excerpt.text == "Bring to camp:\n- a rope"
    assert [citation.quote for citation in excerpt.claim.citations] == [
        "- a rope",
        "Bring to camp:",
    ]


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ({"Range"}, {"Site"}, "Cedar: range 380 km; site Kelder"),
        (set(), {"Site"}, CEDAR),
    ],
)
def test_excerpts_of_one_row_merge_their_columns(
    first: set[str], second: set[str], text: str
) -> None:
    (source,) = context_of_table(VANS).sources
    row = rows_of(source.passage)[2]
    excerpts = [
        Excerpt(source_id=source.id, text="", quotes=("",), row=row, columns=frozenset(columns))
        for columns in (first, second)
    ]

    assert excerpts[0].merged_with(excerpts[1]).text == text
