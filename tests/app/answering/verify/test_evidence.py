"""Evidence of a claim: whole sentences with their lead-ins, and table rows in a fixed form."""

import pytest

from app.answering.context import Context, Source
from app.answering.verify.cited import CitedSource
from app.answering.verify.evidence import gather_evidence
from language.text import Span
from tests.app.answering.verify.drafts import judge, read
from tests.app.answering.verify.test_tables import PRICES, price_list
from tests.fakes.sources import context_of

COVER, SEAL = PRICES.split("\n")
PASSAGE = price_list()
CONTEXT = Context(
    sources=(Source(id="k27q3z", passage=PASSAGE, parts=(PASSAGE,)),), budget=1, used=1, dropped=()
)


def test_a_reader_proves_no_name_that_no_row_has() -> None:
    told = read("The Description of SP-4217 is Antenna cover.", COVER, context=CONTEXT)
    added = read("The Lisbon antenna cover costs EUR 87.25.", COVER, context=CONTEXT)

    assert (told.wording, added.wording) == ("model", "source")


@pytest.mark.parametrize(
    ("claim", "quotes", "shown"),
    [
        # One cell, in its form and in another spelling of it.
        (
            "Antenna cover (SP-4217): price EUR 87.25",
            [COVER],
            "Antenna cover (SP-4217): price EUR 87.25",
        ),
        (
            "antenna cover (SP-4217): Price EUR 87.25 [1].",
            [COVER],
            "Antenna cover (SP-4217): price EUR 87.25",
        ),
        # A row as it is stored is told readably.
        (COVER, [COVER], "Antenna cover (SP-4217): price EUR 87.25; stock 112"),
        # Two rows; a count is told by who has seen all of the table, which no model has.
        (
            "Antenna cover (SP-4217): stock 112\nDoor seal (SP-3307): price EUR 12.35",
            [COVER, SEAL],
            "Antenna cover (SP-4217): stock 112\nDoor seal (SP-3307): price EUR 12.35",
        ),
        (
            "2: Antenna cover (SP-4217); Door seal (SP-3307)",
            [COVER, SEAL],
            (
                "Antenna cover (SP-4217): price EUR 87.25; stock 112\n"
                "Door seal (SP-3307): price EUR 12.35"
            ),
        ),
    ],
)
def test_a_row_is_shown_in_its_form(claim: str, quotes: list[str], shown: str) -> None:
    judged = judge(claim, *quotes, context=CONTEXT)

    assert (judged.verdict, judged.wording, judged.text) == ("supported", "source", shown)
    assert [citation.quote for citation in judged.citations] == quotes


@pytest.mark.parametrize(
    "claim",
    [
        "The antenna cover SP-4217 costs 112 euros.",
        "The antenna cover SP-4217 costs EUR 12.35.",
        "There are 87.25 antenna covers (SP-4217) in stock.",
    ],
)
def test_a_wrong_cell_becomes_its_row_even_where_a_reader_believes_it(claim: str) -> None:
    for judged in (judge(claim, COVER, context=CONTEXT), read(claim, COVER, context=CONTEXT)):
        assert judged.text == "Antenna cover (SP-4217): price EUR 87.25; stock 112"
        assert judged.wording == "source"


def test_a_right_cell_in_other_words_is_shown_once_it_is_read() -> None:
    judged = read("The antenna cover SP-4217 costs EUR 87.25.", COVER, context=CONTEXT)

    assert (judged.wording, judged.text) == ("model", "The antenna cover SP-4217 costs EUR 87.25.")


BRING = "Kit\n\nYou may bring:\n- a tent\n\nYou must not bring:\n- a knife\n- a gun"


def test_an_item_is_evidence_behind_what_leads_to_its_own_list() -> None:
    (source,) = (CitedSource(each) for each in context_of([BRING]).sources)
    start = BRING.index("a knife")

    evidence = gather_evidence([source.quote_at(Span(start, start + 7))])

    assert evidence.text == "You must not bring: a knife"
    assert evidence.background == "Handbook\nKit\nYou must not bring:"
    assert not evidence.is_rows


def test_evidence_speaks_against_another_number_and_not_for_a_reader_of_the_same() -> None:
    (source,) = (CitedSource(each) for each in context_of(["Leave is 25 days a year."]).sources)

    evidence = gather_evidence([source.quote_at(Span(0, 5))])

    assert [each.code for each in evidence.vetoes("Leave is 26 days.")] == ["number_missing"]
    assert evidence.vetoes("Staff get 25 days of leave.") == ()


def test_rows_alone_are_evidence_of_rows() -> None:
    (source,) = (CitedSource(each) for each in CONTEXT.sources)

    evidence = gather_evidence([source.quote_at(Span(0, 5))])

    assert evidence.text == "Antenna cover (SP-4217): price EUR 87.25; stock 112"
    assert evidence.is_rows
