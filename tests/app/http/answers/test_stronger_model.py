"""A stronger model is asked when nothing of the first one's draft was proved."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.http.answers.schemas import Answer
from tests.app.http.answers.test_answer_streams import read_stream
from tests.app.http.answers.test_answers_by_model import QUESTION
from tests.app.http.answers.test_judge import DOCUMENT
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Service


@pytest.fixture
def model() -> Iterator[LyingLanguageModel]:
    with lying_language_model("fabricated") as server:
        yield server


async def test_each_index_of_a_stream_is_a_claim_of_the_answer(
    service: Service, model: LyingLanguageModel
) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    model.behave("fabricated", "truthful")
    config = one_model(model.base_url)
    alias = replace(config.aliases["default"], strong=config.aliases["default"].targets)
    config = replace(config, aliases={"default": alias})
    async with running_gateway(config, service.resources.database) as gateway:
        answerer = replace(service.resources.answerer, gateway=gateway)
        resources = replace(service.resources, answerer=answerer)
        async with service.with_resources(resources) as other:
            events = await read_stream(
                replace(ana, service=other), {"question": QUESTION, "stream": True}
            )

    answer = Answer.model_validate(events[-1].data).model_dump(mode="json")
    judged = [each for each in events if each.name in {"claim.rejected", "claim.verified"}]
    assert len(model.requests) == 2
    assert {each.name for each in judged} == {"claim.rejected", "claim.verified"}
    assert [each.data["index"] for each in judged] == list(range(len(answer["claims"])))
    assert [each.data["claim"] if each.name == "claim.verified" else None for each in judged] == [
        claim if claim["verdict"] == "supported" else None for claim in answer["claims"]
    ]
    assert answer["status"] == "answered"
