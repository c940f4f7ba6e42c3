"""Every rule catches its examples of lies and spares those of truths."""

import pytest

from app.answering.verify.vetoes import explain_vetoes, find_vetoes, rules

CATCHES = [(rule["id"], pair) for rule in rules() for pair in rule["catches"]]
SPARES = [(rule["id"], pair) for rule in rules() for pair in rule["spares"]]


@pytest.mark.parametrize(("name", "pair"), CATCHES, ids=[name for name, _ in CATCHES])
def test_each_rule_catches_its_example(name: str, pair: dict[str, str]) -> None:
    found = explain_vetoes(pair["claim"], pair["evidence"])

    assert name in {veto.rule["id"] for veto in found}


@pytest.mark.parametrize(("name", "pair"), SPARES, ids=[name for name, _ in SPARES])
def test_no_rule_speaks_against_a_true_example(name: str, pair: dict[str, str]) -> None:
    assert find_vetoes(pair["claim"], pair["evidence"]) == (), name


@pytest.mark.parametrize(("_", "pair"), [*CATCHES, *SPARES])
def test_what_repeats_its_evidence_is_never_vetoed(_: str, pair: dict[str, str]) -> None:
    assert find_vetoes(pair["evidence"], pair["evidence"]) == ()
    assert find_vetoes(pair["claim"], pair["claim"]) == ()


def test_a_leading_no_answers_the_question_and_negates_nothing() -> None:
    evidence = "Contractors may approve invoices."

    assert find_vetoes("No, contractors may approve invoices.", evidence) == ()
    assert find_vetoes("No, contractors may not approve invoices.", evidence) != ()
