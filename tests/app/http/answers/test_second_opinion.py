"""A grounding model behind every door: answers, streams, and the verifier as a service."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.review.grounding_model import GroundingModel, load_grounding_model
from app.answering.verify.profiles import ProfileName
from tests.app.http.answers.test_answer_streams import read_stream
from tests.fakes.cross_encoders import save_grounding_model, write_calibration
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Person, Service, serving

DOCUMENT = "Every employee has 31 days of annual leave. Unused leave does not expire."
QUESTION = "How many days of annual leave does every employee have?"
SENTENCE = "Every employee has 31 days of annual leave."
RETOLD = "Every employee has 31 days of leave."
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


@pytest.fixture
def writer() -> Iterator[LyingLanguageModel]:
    with lying_language_model("shortened") as server:
        yield server


@asynccontextmanager
async def asking(
    service: Service,
    model: GroundingModel,
    writer: LyingLanguageModel | None = None,
    profile: ProfileName = "balanced",
) -> AsyncIterator[Person]:
    """Somebody with one document, at a service that has this grounding model."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    async with AsyncExitStack() as stack:
        answerer = replace(
            service.resources.answerer, grounding_model=model, verify_profile=profile
        )
        if writer is not None:
            config = one_model(writer.base_url, seconds=5.0)
            gateway = await stack.enter_async_context(
                running_gateway(config, service.resources.database)
            )
            answerer = replace(answerer, gateway=gateway)
        resources = replace(service.resources, answerer=answerer)
        url = await stack.enter_async_context(serving(resources))
        other = await stack.enter_async_context(Service.open(url, resources, service.ingestion))
        yield replace(ana, service=other)


async def test_claim_that_the_model_has_read_is_shown_in_its_own_words(
    service: Service, models: dict[str, GroundingModel], writer: LyingLanguageModel
) -> None:
    async with asking(service, models["entailment"], writer) as ana:
        answer = (await ana.ask(QUESTION)).json()

    (claim,) = answer["claims"]
    assert (claim["wording"], claim["text"]) == ("model", RETOLD)
    assert answer["citations"][0]["verification"]["reader"] == "grounding_model"
    assert claim["score"] > 0.5


@pytest.mark.parametrize(
    ("says", "profile"), [("neutral", "balanced"), ("neutral", "lenient"), ("entailment", "strict")]
)
async def test_claim_that_it_has_not_proved_becomes_its_quote(
    service: Service,
    models: dict[str, GroundingModel],
    writer: LyingLanguageModel,
    says: str,
    profile: ProfileName,
) -> None:
    async with asking(service, models[says], writer, profile) as ana:
        answer = (await ana.ask(QUESTION)).json()
        streamed = await read_stream(ana, {"question": QUESTION, "stream": True})

    (claim,) = answer["claims"]
    assert (claim["wording"], claim["text"]) == ("source", SENTENCE)
    assert answer["citations"][0]["verification"]["reader"] is None
    assert RETOLD not in str([event.data for event in streamed])


async def test_documents_own_sentences_need_no_reader(
    service: Service, models: dict[str, GroundingModel]
) -> None:
    async with asking(service, models["neutral"]) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    assert {claim["wording"] for claim in answer["claims"]} == {"source"}


async def test_claims_against_given_texts_are_read_too(
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
    assert {each["reader"] for each in found.values()} == {"grounding_model"}
