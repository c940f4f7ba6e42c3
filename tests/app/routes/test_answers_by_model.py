"""Answers by a language model that lies, over real HTTP on both sides."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.gateway.endpoint import ModelEndpoint
from app.gateway.language_model import LanguageModel
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Person, Service, serving

DOCUMENT = """# Leave policy

Every employee has 31 days of annual leave. Unused leave does not expire before March 2027.
Parental leave lasts 18 weeks and is paid by the Northfield office.
"""
QUESTION = "How many days of annual leave does every employee have?"
TIMEOUT_SECONDS = 2.0


@pytest.fixture
def model() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as server:
        yield server


@asynccontextmanager
async def asking(service: Service, base_url: str) -> AsyncIterator[Person]:
    """Somebody with one document, asking a service that has this language model."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    endpoint = ModelEndpoint(
        base_url=base_url,
        model="test-model",
        api_key=None,
        timeout_seconds=TIMEOUT_SECONDS,
        max_output_tokens=500,
        max_retries=0,
    )
    async with LanguageModel(endpoint) as model:
        answerer = replace(service.resources.answerer, language_model=model)
        resources = replace(service.resources, answerer=answerer)
        async with (
            serving(resources) as url,
            Service.open(url, resources, service.ingestion) as other,
        ):
            yield replace(ana, service=other)


async def test_a_truthful_model_is_quoted(service: Service, model: LyingLanguageModel) -> None:
    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    assert answer["citations"][0]["quote"] in DOCUMENT
    assert answer["usage"]["input_tokens"] > 0
    assert answer["prompt"] == {"name": "answer", "version": 1}


@pytest.mark.parametrize(
    "behaviour",
    [
        "invented_source",
        "false_quote",
        "fabricated",
        "fabricated_with_true_quote",
        "changed_number",
        "added_not",
        "claim_without_citation",
        "empty_quote",
        "wrong_shape",
        "extra_field",
        "cut_off",
        "empty_claims",
        "not_an_answer",
    ],
)
async def test_a_lie_is_never_shown(
    service: Service, model: LyingLanguageModel, behaviour: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        response = await ana.ask(QUESTION)

    answer = response.json()
    assert response.status_code == 200
    assert (answer["status"], answer["answer"], answer["citations"]) == ("unsupported", "", [])
    assert answer["reason"] in {"verification_failed", "insufficient_evidence"}
    assert all(claim["verdict"] != "supported" for claim in answer["claims"])


async def test_the_true_half_of_an_answer_is_kept(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("truth_and_lie")

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()

    verdicts = [claim["verdict"] for claim in answer["claims"]]
    assert answer["status"] == "partially_supported"
    assert sorted(set(verdicts)) in (["supported", "unsupported"], ["contradicted", "supported"])
    assert len(answer["citations"]) == verdicts.count("supported")


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("server_error", "llm_unavailable"),
        ("overloaded", "llm_unavailable"),
        ("hang", "llm_timed_out"),
        ("drip", "llm_timed_out"),
    ],
)
async def test_a_model_that_cannot_be_asked_is_503_and_nothing_is_answered(
    service: Service, model: LyingLanguageModel, behaviour: str, code: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        response = await ana.ask(QUESTION)

    assert response.status_code == 503
    assert response.json()["code"] == code
    assert "retry-after" in response.headers


async def test_below_the_evidence_floor_no_model_is_paid(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask("At what temperature does mercury boil on Venus?")).json()

    assert (answer["status"], answer["reason"]) == ("unsupported", "low_relevance")
    assert model.requests == []


async def test_the_model_sees_only_what_the_asker_may_read(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model.base_url) as ana:
        await ana.upload(
            "# Directors\n\nEvery director has 99 days of annual leave, codename Xylotrope.",
            principals=["group:board"],
        )
        await ana.ask(QUESTION)

    assert len(model.requests) == 1
    assert "Xylotrope" not in str(model.requests)
