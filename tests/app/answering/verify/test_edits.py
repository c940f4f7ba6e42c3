"""Each kind of edit finds the word at fault, and none where the words say the same."""

import pytest

from app.answering.verify.vetoes import explain_vetoes

EVIDENCE = "Members in Bonn may bring 2 guests if they book before noon."


@pytest.mark.parametrize(
    ("kind", "claim", "evidence", "fault"),
    [
        ("changed", "Members must bring guests.", "Members may bring guests.", "must"),
        ("condition", "Members may bring guests.", "Members may bring guests if they book.", "if"),
        ("excluded", "Backups run weekly.", "Backups run daily.", "weekly"),
        ("number_missing", "Bonn has 9 desks.", "Bonn has 7 desks.", "9"),
        ("unit", "It takes 30 weeks.", "It takes 30 days.", "30"),
        ("belongs", "Bonn has 5 desks.", "Rome has 5 desks and Bonn has 7 desks.", "5"),
        ("name_missing", "The desk is in Lisbon.", "The desk is in Bonn.", "Lisbon"),
        ("polarity", "Members do not pay.", "Members pay.", "not"),
    ],
)
def test_each_kind_of_edit_names_the_word(kind: str, claim: str, evidence: str, fault: str) -> None:
    found = [(veto.rule["kind"], veto.detail) for veto in explain_vetoes(claim, evidence)]

    assert (kind, fault) in found


@pytest.mark.parametrize(
    "claim",
    [
        "If they book before noon, members in Bonn can bring two guests.",
        "Bonn members may bring 2 guests when they book before noon, if they do.",
    ],
)
def test_the_same_in_other_words_has_no_edit(claim: str) -> None:
    assert explain_vetoes(claim, EVIDENCE) == []
