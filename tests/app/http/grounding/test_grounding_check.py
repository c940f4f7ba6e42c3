"""The verifier as a service, over real HTTP."""

from typing import TypedDict

import pytest

from app.http.grounding.schemas import MAX_CLAIMS, MAX_SOURCE_CHARS
from tests.service import Person, Service

TEXT = "Every employee has 31 days of leave. Unused leave does not expire before March 2027."
SOURCES = [
    {"id": "policy", "text": TEXT},
    {"id": "canteen", "text": "The canteen opens at noon. Visitors sign in at the desk."},
]


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


class Checked(TypedDict):
    claims: list[dict[str, object]]
    support_rate: float


async def check(ana: Person, **body: object) -> Checked:
    response = await ana.request("POST", "/v1/grounding:check", json={"sources": SOURCES, **body})
    assert response.status_code == 200, response.text
    checked: Checked = response.json()
    return checked


async def test_an_answer_is_judged_sentence_by_sentence(ana: Person) -> None:
    answer = (
        "Here is what the policy says: Every employee has 31 days of leave. "
        "Every employee has 32 days of leave. Unused leave expires before March 2027. "
        "Whales are mammals. Do they swim?"
    )

    checked = await check(ana, answer=answer)

    assert [claim["verdict"] for claim in checked["claims"][1:]] == [
        "contradicted",
        "contradicted",
        "unsupported",
        "not_checkable",
    ]


async def test_a_quote_is_the_source_at_its_offsets(ana: Person) -> None:
    checked = await check(ana, claims=["The canteen opens at noon."])

    (claim,) = checked["claims"]
    citations = claim["citations"]
    assert claim["verdict"] == "supported"
    assert isinstance(citations, list)
    citation = citations[0]
    assert citation["source_id"] == "canteen"
    text = SOURCES[1]["text"]
    assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert all(citation["checks"].values())


async def test_what_failed_is_named(ana: Person) -> None:
    checked = await check(ana, claims=["Every employee has 32 days of leave."])

    assert {"code": "number_missing", "detail": "32"} in checked["claims"][0]["reasons"]  # type: ignore[operator]  # JSON


async def test_the_support_rate_leaves_out_what_is_no_claim(ana: Person) -> None:
    checked = await check(
        ana, claims=["The canteen opens at noon.", "Whales are mammals.", "Is that so?"]
    )

    assert checked["support_rate"] == 0.5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answer": "One.", "claims": ["Two."]},
        {"answer": " "},
        {"claims": []},
        {"claims": ["One."] * (MAX_CLAIMS + 1)},
        {"answer": "So. " * (MAX_CLAIMS + 1)},
        {"claims": ["One."], "sources": []},
        {"claims": ["One."], "sources": [SOURCES[0], SOURCES[0]]},
        {"claims": ["One."], "sources": [{"id": "long", "text": "a" * (MAX_SOURCE_CHARS + 1)}]},
    ],
    ids=[
        "neither",
        "both",
        "blank",
        "no claims",
        "many claims",
        "long answer",
        "no sources",
        "one id twice",
        "long source",
    ],
)
async def test_a_wrong_body_is_refused(ana: Person, body: dict[str, object]) -> None:
    response = await ana.request("POST", "/v1/grounding:check", json={"sources": SOURCES, **body})

    assert response.status_code in {400, 422}
