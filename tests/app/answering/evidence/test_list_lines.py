"""The lines of a passage, classified."""

from dataclasses import replace

import pytest

from app.answering.evidence.list_lines import Line, lines_of
from tests.fakes.sources import passage_of


def lines(text: str, *, section: tuple[str, ...] = ()) -> list[Line]:
    bare = passage_of(text)
    return lines_of(replace(bare, location={**bare.location, "section": list(section)}))


def kinds(text: str, *, section: tuple[str, ...] = ()) -> list[str]:
    """H: heading, L: lead-in, M: item with a marker, I: may be an item, P: prose."""
    return [
        "H"
        if line.is_heading
        else "L"
        if line.is_lead_in
        else "M"
        if line.is_marked
        else "I"
        if line.may_be_item
        else "P"
        for line in lines(text, section=section)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Opening hours\n\nWe open at nine.", "HI"),
        ("Handbook\n\nWe open at nine.", "HI"),
        ("Hours\n=====\nWe open at nine.", "HI"),
        ("When do you open?\nAt nine.", "HI"),
        ("Bring with you:\n- a lamp\n- a rope", "LMM"),
        ("Bring with you\uff1a\n- a lamp\n- a rope", "LMM"),
        ("You pay nothing if you are\n- a pupil\n- a nurse", "LMM"),
        ("Bring with you:\na lamp\na rope", "LII"),
        ("1. Drill two holes\n2. Tighten the bolts", "MM"),
        ("One. Two. Three. Four.", "P"),
        ("A | B", "P"),
    ],
)
def test_a_line_is_classified(text: str, expected: str) -> None:
    assert "".join(kinds(text)) == expected


def test_short_lines_are_items_below_a_heading_only() -> None:
    assert "".join(kinds("Lamp\nRope\nKnife")) == "HHH"
    assert "".join(kinds("Lamp\nRope\nKnife", section=("Packing",))) == "III"


def test_numbering_alone_and_underlines_are_no_lines() -> None:
    assert [line.text for line in lines("1.2.\n\n=====\n\nWe open.")] == ["We open."]


def test_a_gap_counts_line_ends_up_to_two() -> None:
    assert [line.gap for line in lines("We open.\nWe close.\n\n\nWe rest.")] == [0, 1, 2]
