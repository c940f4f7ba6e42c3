"""A claim that is the source's own words is found in it; one with words of its own is not."""

import pytest

from app.answering.verify.cited import cited_sources
from app.answering.verify.verbatim import (
    bare_claim,
    claims_something,
    find_verbatim,
    without_lead,
)
from tests.fakes.sources import context_of

TEXT = "Leave\n\nLeave is 25 days a year. It ends in March.\n\nPack:\n- a tent\n- a torch\n- a map"
SOURCES = cited_sources(context_of([TEXT]))


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ("leave is 25 days a year", "Leave is 25 days a year."),
        ("No, leave is 25 days a year.", "Leave is 25 days a year."),
        ("It ends in March.", "Leave is 25 days a year. It ends in March."),
        ("Pack:\n- a torch", "Pack: a torch"),
        ("Pack:\n- a tent\nand 2 more in Leave", "Pack: a tent\nand 2 more in Leave"),
    ],
)
def test_the_sources_words_are_found_and_made_whole(claim: str, shown: str) -> None:
    found = find_verbatim(claim, (), SOURCES)

    assert found is not None
    assert found.text(None).replace("\n- ", " ") == shown


@pytest.mark.parametrize(
    "claim",
    [
        "Leave is 26 days a year.",
        "Leave is 25 days",
        "Leave",
        "It ends in March. Leave is 25 days a year.",
        "",
    ],
)
def test_other_words_parts_headings_and_another_order_are_not(claim: str) -> None:
    assert find_verbatim(claim, (), SOURCES) is None


def test_what_a_sentence_leans_on_is_not_shown_twice() -> None:
    first, second = (
        find_verbatim(claim, (), SOURCES)
        for claim in ("Leave is 25 days a year.", "It ends in March.")
    )

    assert first is not None
    assert second is not None
    assert second.text(first.last) == "It ends in March."


def test_markers_emphasis_and_bullets_are_no_part_of_a_claim() -> None:
    assert bare_claim("- **Leave** is `25` days a year [1][k27q3z].") == "Leave is 25 days a year."
    assert bare_claim("[sic] it is - so") == "[sic] it is - so"


def test_a_lead_is_left_out_once() -> None:
    assert without_lead("2. Yes, leave is free.") == "leave is free."
    assert without_lead("Yesterday it was free.") == "Yesterday it was free."


def test_a_question_a_lead_in_and_talk_claim_nothing() -> None:
    assert [claims_something(each) for each in ("Is it free?", "These:", "\u8fd9\u4e9b\uff1a")] == [
        False
    ] * 3
    assert not claims_something("Well, ok.")
    assert claims_something("Leave is free.")
