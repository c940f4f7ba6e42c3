"""Falsehoods made of true words: something is left out, or goes with another thing than it did."""

import pytest

from tests.app.verify.drafts import judge
from tests.fakes.sources import context_of

EXCHANGED = [
    (
        "Employees receive 30 days (35 days for managers) of leave.",
        "Managers receive 30 days of leave.",
    ),
    (
        "The fee is 50 euros (70 euros for guests) per day.",
        "The fee for guests is 50 euros per day.",
    ),
    (
        "Parking costs 5 euros (8 euros on weekends) per hour.",
        "Parking on weekends costs 5 euros per hour.",
    ),
    ("Ana Ruiz and Bo Lind lead Rome and Bonn respectively.", "Bo Lind leads Rome."),
    ("Ana and Bo lead Rome and Bonn respectively.", "Bo leads Rome."),
    ("Plan A and plan B cost 5 euros and 8 euros respectively.", "Plan B costs 5 euros."),
    (
        (
            "The Berlin office handles invoices from Austria, while the Warsaw office processes "
            "invoices from Poland and Latvia."
        ),
        "The Berlin office processes invoices from Poland and Latvia.",
    ),
    (
        "Managers drive company cars, and the interns rent bicycles of the canteen.",
        "Managers rent bicycles of the canteen.",
    ),
    (
        "The clinic closed because the doctors left town.",
        "The doctors left town because the clinic closed.",
    ),
]
OTHER_NAMES = [
    ("The grant was paid to Julian Smith in Kiel.", "The grant was paid to Julia Smith in Kiel."),
    ("The grant was paid to Lucian Weber.", "The grant was paid to Lucia Weber."),
    (
        "The company exports turbines to Niger every spring.",
        "The company exports Nigerian turbines every spring.",
    ),
    ("The review was signed by Lopez.", "The review was signed by Prof. Lopez."),
]
LEFT_OUT = [
    (
        "The number of guests per member is not limited to ten.",
        "The number of guests per member is ten.",
    ),
    (
        "The liability of the supplier is not limited to direct damage.",
        "The liability of the supplier is direct damage.",
    ),
    (
        "Damage must be reported without limitation of the claim to the insurer.",
        "Damage must be reported to the insurer.",
    ),
    (
        "Visitors may keep dogs, provided that they are on a lead.",
        "Visitors may keep dogs.",
    ),
    (
        "Visitors may enter the laboratory only with a written permit.",
        "Visitors may enter the laboratory.",
    ),
    (
        "Auditors believe that the new system caused the delay.",
        "The new system caused the delay.",
    ),
]
OPPOSITES = [
    ("The board endorsed the plan of Bonn.", "The board declined the plan of Bonn."),
    ("The fee is reimbursed by the payroll team.", "The fee is deducted by the payroll team."),
    ("The critics praised the plan of Bonn.", "The critics criticised the plan of Bonn."),
    ("The contract was renewed in the spring.", "The contract was cancelled in the spring."),
    ("All phones of guests are encrypted.", "All phones of guests are decrypted."),
]


@pytest.mark.parametrize(("source", "claim"), [*EXCHANGED, *OTHER_NAMES, *LEFT_OUT, *OPPOSITES])
def test_true_words_make_no_true_claim(source: str, claim: str) -> None:
    assert judge(claim, source, context=context_of([source], title=None)).verdict != "supported"


@pytest.mark.parametrize("word", ["Respectively", "Only if", "Because", "They believe that", "and"])
def test_a_source_of_one_such_word_is_read_without_fault(word: str) -> None:
    found = judge("Bo Lind leads Rome.", word, context=context_of([word], title=None))

    assert found.verdict == "unsupported"


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("The pass lies at 3,000 m (9,800 ft) in summer.", "The pass lies at 3,000 m in summer."),
        ("Ana Ruiz and Bo Lind lead Rome and Bonn respectively.", "Bo Lind leads Bonn."),
        (
            "Managers drive company cars, and the interns rent bicycles of the canteen.",
            "The interns rent bicycles of the canteen.",
        ),
        (
            "The clinic closed because the doctors left town.",
            "Because the doctors left town, the clinic closed.",
        ),
        (
            "Visitors may keep dogs, provided that they are on a lead.",
            "Visitors may keep dogs when they are on a lead.",
        ),
        (
            "Auditors believe that the new system caused the delay.",
            "Auditors believe the new system caused the delay.",
        ),
        ("The plant was built in Egypt by Ana.", "The Egyptian plant was built by Ana."),
    ],
)
def test_the_same_words_told_truly_are_supported(source: str, claim: str) -> None:
    assert judge(claim, source, context=context_of([source], title=None)).verdict == "supported"
