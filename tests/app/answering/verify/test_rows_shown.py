"""Table rows in an answer: told in a fixed form, whatever a claim made of them."""

import pytest

from app.answering.context import Context, Source
from tests.app.answering.verify.drafts import judge, read
from tests.app.answering.verify.test_tables import PRICES, price_list

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
