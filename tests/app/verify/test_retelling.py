"""Claims in words of their own: kept when they say what their quotes say, and only then."""

import pytest

from app.claims import Draft, DraftCitation, DraftClaim
from app.verify.profiles import ProfileName
from app.verify.verify import verify
from tests.app.verify.drafts import judge
from tests.fakes.sources import context_of

TEXT = (
    "Three turbines were repaired by engineers from TechCorp in the spring of 2019. "
    "The plant in the United States, which is the oldest one, supplies 40,000 homes (100 MW). "
    "Its license was issued on March 3 , 2021 by the Korean regulator."
)


@pytest.mark.parametrize(
    "claim",
    [
        "In 2019, engineers of TechCorp fixed three turbines.",
        "Tech Corp engineers mended three of the turbines in spring 2019.",
        "The oldest plant, in the US, delivers power to 40,000 homes.",
        "In March, a regulator of Korea issued its licence.",
    ],
)
def test_a_retelling_is_supported(claim: str) -> None:
    quotes = TEXT.split(". ")

    assert judge(claim, *quotes, context=context_of([TEXT])).verdict == "supported"


@pytest.mark.parametrize(
    "claim",
    [
        "In 2018, engineers of TechCorp fixed three turbines.",
        "In 2019, engineers of TechCorp never fixed three turbines.",
        "In 2019, engineers of Siemens fixed three turbines.",
        "The oldest plant, in the UK, delivers power to 40,000 homes.",
        "The oldest plant, in the US, delivers power to 40,000 schools and hospitals.",
        "In April, a regulator of Korea issued its licence.",
    ],
)
def test_a_retelling_with_something_foreign_is_not(claim: str) -> None:
    quotes = TEXT.split(". ")

    assert judge(claim, *quotes, context=context_of([TEXT])).verdict != "supported"


@pytest.mark.parametrize(
    "claim", ["Three turbines were sold.", "The plant was closed.", "Its license was revoked."]
)
def test_a_short_claim_about_the_same_thing_is_no_retelling(claim: str) -> None:
    assert judge(claim, *TEXT.split(". "), context=context_of([TEXT])).verdict != "supported"


def test_two_sentences_are_told_together_of_one_subject_only() -> None:
    text = "Ana Ruiz runs the mill near Bonn. It opened in 1990. Bo Lind runs a yard in Kiel."
    context = context_of([text])
    quotes = text.split(". ")

    same = judge("The mill that Ana Ruiz runs opened in 1990.", *quotes, context=context)
    other = judge("The mill that Ana Ruiz runs is in Kiel.", *quotes, context=context)

    assert (same.verdict, other.verdict) == ("supported", "unsupported")


@pytest.mark.parametrize(
    ("profile", "verdict"), [("strict", "unsupported"), ("balanced", "supported")]
)
def test_strict_believes_no_retelling(profile: ProfileName, verdict: str) -> None:
    context = context_of([TEXT])
    citation = DraftCitation(source=context.sources[0].id, quote=TEXT.split(". ", maxsplit=1)[0])
    claim = DraftClaim(
        text="Engineers of TechCorp mended and serviced three turbines.", citations=(citation,)
    )

    judged = verify(Draft(status="answered", claims=(claim,)), context, profile)

    assert judged.claims[0].verdict == verdict


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (
            (
                "Full-time staff may park in the garage free of charge. "
                "The visitors pay 5 euros per hour."
            ),
            "Full-time staff may park in the garage and pay 5 euros per hour.",
        ),
        (
            "Ana Ruiz runs the mill near Bonn. The yard is in Kiel.",
            "The mill that Ana Ruiz runs is in Kiel.",
        ),
        (
            (
                "Requests for sick leave are approved by the team lead. "
                "The sabbatical requests are approved by Eva Stone."
            ),
            "Requests for sick leave are approved by Eva Stone.",
        ),
    ],
)
def test_the_subject_of_one_sentence_does_not_do_what_another_says(text: str, claim: str) -> None:
    assert judge(claim, *text.split(". "), context=context_of([text])).verdict != "supported"


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        (
            (
                "The audit committee rejected the proposal to extend the supplier contract until "
                "December 2026 because of rising costs in the Bonn plant."
            ),
            (
                "Because costs in Bonn kept climbing, the audit committee approved extending the "
                "supplier contract through December 2026."
            ),
        ),
        (
            (
                "Laptops older than four years must be returned to the service desk and are "
                "replaced with newer devices."
            ),
            "The service desk replaces laptops newer than four years once staff bring them back.",
        ),
        (
            (
                "The Rome office has 40 desks and 12 parking spaces, while the Bonn office has 25 "
                "desks and 3 parking spaces."
            ),
            "In Rome, colleagues find 25 desks at the office plus 12 parking bays.",
        ),
        (
            (
                "Express delivery costs 12 euros and standard delivery costs 4 euros. Orders are "
                "limited to 30 items."
            ),
            "For orders limited to 30 items, express delivery costs 4 euros.",
        ),
    ],
)
def test_a_retelling_keeps_opposites_and_numbers_apart(source: str, claim: str) -> None:
    assert judge(claim, source, context=context_of([source], title=None)).verdict != "supported"


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("Data includes, but is not limited to, names and dates.", "Data includes names."),
        ("The pass reaches 3,000 m (9,800 ft) in summer.", "The pass reaches 3,000 m in summer."),
        ("It was led by Bill Ohm and Ida Roy.", "It was led by Ida Roy."),
    ],
)
def test_what_is_left_out_of_a_sentence_turns_nothing_round(source: str, claim: str) -> None:
    assert judge(claim, source, context=context_of([source], title=None)).verdict == "supported"
