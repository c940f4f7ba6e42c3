from app.verify.attribute import MAX_QUOTES, attribute
from app.verify.verify import verify
from tests.fakes.sources import context_of

CONTEXT = context_of(
    [
        "Employees receive 25 days of paid leave. Unused days expire in March.",
        "The canteen opens at noon. Visitors sign in at the desk.",
    ]
)


def quotes(claim: str) -> list[str]:
    return [citation.quote for citation in attribute([claim], CONTEXT).claims[0].citations]


def test_a_claim_gets_the_sentence_that_says_it() -> None:
    assert quotes("Unused days expire in March.") == ["Unused days expire in March."]


def test_a_claim_told_from_two_sentences_gets_both() -> None:
    assert set(quotes("The canteen opens at noon, and visitors sign in at the desk.")) == {
        "Visitors sign in at the desk.",
        "The canteen opens at noon.",
    }


def test_no_claim_gets_more_than_three() -> None:
    context = context_of(["Red one. Blue two. Green three. White four. Black five."])
    claim = "Red, blue, green, white and black."

    assert len(attribute([claim], context).claims[0].citations) == MAX_QUOTES


def test_a_claim_of_something_else_gets_none() -> None:
    assert quotes("Whales are mammals.") == []
    assert quotes("") == []


def test_nothing_to_quote_gives_no_citation() -> None:
    assert attribute(["Unused days expire."], context_of([])).claims[0].citations == ()


def test_attributed_claims_are_verified_like_others() -> None:
    draft = attribute(["Unused days expire in March.", "Unused days never expire."], CONTEXT)

    verification = verify(draft, CONTEXT)

    assert [claim.verdict for claim in verification.claims] == ["supported", "contradicted"]
