import pytest

from app.answering.verify.grounding import (
    GivenSource,
    GroundedClaim,
    GroundingVerdict,
    ground,
    index_given,
)
from app.answering.verify.profiles import ProfileName, fitted_profiles
from language.reading import read_sentence

TEXT = (
    "Full-time employees receive 25 days of paid leave in each calendar year. "
    "Unused leave expires on 31 March of the following year. "
    "The works council in Rotterdam must approve any exception. "
    "Contractors may not approve invoices."
)


def judged(claim: str, *texts: str, profile: ProfileName = "balanced") -> GroundedClaim:
    given = [GivenSource(id=str(n), text=text) for n, text in enumerate(texts or (TEXT,))]
    return ground(claim, index_given(given), fitted_profiles(), profile)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Unused leave expires on 31 March of the following year.", "supported"),
        ("Yes, unused leave expires on March 31 of the following year.", "supported"),
        ("Unused leave expires on 30 March of the following year.", "contradicted"),
        ("Unused leave never expires on 31 March of the following year.", "contradicted"),
        ("Contractors may approve invoices.", "contradicted"),
        ("No, contractors may not approve invoices.", "supported"),
        ("The works council in Lisbon must approve any exception.", "contradicted"),
        ("The council in Rotterdam, Tim Cook, may approve exceptions.", "unsupported"),
        ("The moon is made of cheese.", "unsupported"),
        ("Here is what the policy says:", "not_checkable"),
        ("Yes!", "not_checkable"),
    ],
)
def test_a_claim_gets_its_verdict(claim: str, verdict: GroundingVerdict) -> None:
    assert judged(claim).verdict == verdict


def test_of_several_sentences_the_worst_decides_and_talk_counts_for_nothing() -> None:
    assert judged("Sure! Contractors may not approve invoices.").verdict == "supported"
    assert judged("Contractors may not approve invoices. Whales sing.").verdict == "unsupported"


def test_two_sources_together_support_two_clauses() -> None:
    claim = "The canteen opens at noon, and visitors sign in at the front desk."

    found = judged(claim, "The canteen opens at noon.", "Visitors sign in at the front desk.")

    assert found.verdict == "supported"
    assert {citation.source for citation in found.citations} == {"0", "1"}


def test_strict_believes_no_score() -> None:
    claim = "Exceptions can be approved, when there are any, by the works council of Rotterdam."

    assert judged(claim, profile="lenient").verdict == "supported"
    assert judged(claim, profile="strict").verdict == "unsupported"


@pytest.mark.parametrize(
    ("text", "falsehood"),
    [
        ("Der Urlaub verfällt am 31. März.", "Der Urlaub verfällt nicht am 31. März."),
        ("Der Urlaub verfällt nicht am Jahresende.", "Der Urlaub verfällt am Jahresende."),
        ("Le contrat ne prend pas fin en mars.", "Le contrat prend fin en mars."),
        ("El contrato nunca termina en marzo.", "El contrato termina en marzo."),
    ],
)
def test_negations_of_other_languages_are_understood(text: str, falsehood: str) -> None:
    assert judged(text, text).verdict == "supported"
    assert judged(falsehood, text).verdict != "supported"


def test_where_negations_are_not_understood_only_the_very_words_are_believed() -> None:
    text = "Het contract eindigt niet in maart en is voor een jaar."

    verbatim = judged(text, text)
    falsehood = judged("Het contract eindigt in maart en is voor een jaar.", text)

    assert (verbatim.verdict, verbatim.is_polarity_checked) == ("supported", False)
    assert falsehood.verdict == "unsupported"
    assert falsehood.reasons[-1].code == "polarity_unknown"


def test_a_condition_left_out_lowers_the_score() -> None:
    text = "Visitors may take photographs unless a guard objects."

    left_out = judged("Visitors can take photographs.", text)
    told = judged("Visitors can take photographs unless a guard objects.", text)

    assert left_out.score < told.score


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    index = index_given([GivenSource(id="1", text="Leave is paid. Leave is long. Zinc is rare.")])

    best = index.best(read_sentence("Leave zinc."), 2)

    # ln(1 + 4 / 3) for two of three sentences, ln(1 + 4 / 2) for one.
    assert [quote.text for quote in best] == ["Zinc is rare.", "Leave is paid."]
