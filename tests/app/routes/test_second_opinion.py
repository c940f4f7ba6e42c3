"""A grounding model behind every door: answers, streams, and the verifier as a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.second_opinion.grounding_model import GroundingModel, load_grounding_model
from tests.app.routes.test_answer_streams import read_stream
from tests.fakes.cross_encoders import save_grounding_model, write_calibration
from tests.service import Person, Service, serving

DOCUMENT = "Every employee has 31 days of annual leave. Unused leave does not expire."
QUESTION = "How many days of annual leave does every employee have?"
SOURCES = [{"id": "policy", "text": DOCUMENT}]


def loaded(folder: Path, says: str) -> GroundingModel:
    save_grounding_model(folder, says=says)
    write_calibration(folder / "grounding.json")
    return load_grounding_model(str(folder))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, GroundingModel]:
    """By what they say of everything."""
    folder = tmp_path_factory.mktemp("models")
    return {says: loaded(folder / says, says) for says in ("entailment", "neutral")}


@asynccontextmanager
async def asking(service: Service, model: GroundingModel) -> AsyncIterator[Person]:
    """Somebody with one document, at a service that has this grounding model."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    answerer = replace(service.resources.answerer, grounding_model=model)
    resources = replace(service.resources, answerer=answerer)
    async with (
        serving(resources) as url,
        Service.open(url, resources, service.ingestion) as other,
    ):
        yield replace(ana, service=other)


async def test_agreement_is_told_with_every_citation(
    service: Service, models: dict[str, GroundingModel]
) -> None:
    async with asking(service, models["entailment"]) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    checks = [citation["verification"]["checks"] for citation in answer["citations"]]
    assert checks
    assert all(each["grounding_model"] is True for each in checks)


async def test_what_the_model_does_not_find_there_is_not_shown(
    service: Service, models: dict[str, GroundingModel]
) -> None:
    async with asking(service, models["neutral"]) as ana:
        answer = (await ana.ask(QUESTION)).json()
        streamed = await read_stream(ana, {"question": QUESTION, "stream": True})

    assert (answer["status"], answer["reason"]) == ("unsupported", "verification_failed")
    assert (answer["answer"], answer["citations"]) == ("", [])
    names = [event.name for event in streamed]
    assert "claim.verified" not in names
    assert "claim.rejected" in names


async def test_claims_against_given_texts_are_looked_at_too(
    service: Service, models: dict[str, GroundingModel]
) -> None:
    body = {"sources": SOURCES, "claims": [DOCUMENT[:43], "Every employee has 32 days of leave."]}
    found = {}
    for says, model in models.items():
        async with asking(service, model) as ana:
            response = await ana.request("POST", "/v1/grounding:check", json=body)
            found[says] = response.json()

    verdicts = {says: [c["verdict"] for c in each["claims"]] for says, each in found.items()}
    assert verdicts["entailment"] == ["supported", "contradicted"]
    assert verdicts["neutral"] == ["unsupported", "contradicted"]
    assert found["neutral"]["support_rate"] == 0
    first = found["neutral"]["claims"][0]
    assert first["reasons"] == [{"code": "second_opinion", "detail": "grounding_model"}]
    assert first["citations"][0]["checks"]["grounding_model"] is False


async def test_without_a_model_no_opinion_is_told(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)

    answer = (await ana.ask(QUESTION)).json()

    checks = answer["citations"][0]["verification"]["checks"]
    assert list(checks) == ["source", "quote", "numbers", "names", "negation", "coverage"]
