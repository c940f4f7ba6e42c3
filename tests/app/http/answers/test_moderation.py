"""A tenant that wants texts moderated, over real HTTP on both sides."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import pytest
from sqlalchemy import text

from tests.app.http.answers.test_answer_streams import read_stream
from tests.app.http.answers.test_answers_by_model import DOCUMENT, QUESTION
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Person, Service

STREAMED = {"question": QUESTION, "stream": True}


@pytest.fixture
def model() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as server:
        yield server


@asynccontextmanager
async def asking(
    service: Service,
    model: LyingLanguageModel,
    *,
    when_down: Literal["fail", "allow"] = "fail",
    seconds: float = 30,
) -> AsyncIterator[Person]:
    """Somebody with one document, whose tenant has every text moderated by the model's server."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    config = one_model(model.base_url, seconds=seconds)
    policy = replace(
        config.tenants["default"], moderation="default", moderation_when_down=when_down
    )
    config = replace(config, tenants={"default": policy})
    async with running_gateway(config, service.resources.database) as gateway:
        answerer = replace(service.resources.answerer, gateway=gateway)
        resources = replace(service.resources, answerer=answerer)
        async with service.with_resources(resources) as other:
            yield replace(ana, service=other)


async def operations(person: Person) -> list[tuple[str, str]]:
    async with person.service.resources.database.tenant(person.tenant_id, viewer=None) as scope:
        query = "SELECT operation, outcome FROM model_calls ORDER BY created_at"
        rows = await scope.connection.execute(text(query))
        return [(row.operation, row.outcome) for row in rows]


async def test_harmless_question_is_answered_and_every_text_was_looked_at(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model) as ana:
        answer = (await ana.ask(QUESTION)).json()
        called = await operations(ana)

    assert answer["status"] == "answered"
    sent = [each["body"]["input"] for each in model.requests if "input" in each["body"]]
    assert sent == [QUESTION, *(claim["text"] for claim in answer["claims"])]
    assert called.count(("moderation", "completed")) == len(sent)
    assert called.count(("chat", "completed")) == 1


async def test_flagged_question_is_blocked_before_anything_is_looked_up(
    service: Service, model: LyingLanguageModel
) -> None:
    model.flagged = "annual leave does every"

    async with asking(service, model) as ana:
        answer = (await ana.ask(QUESTION, include_retrieved=True)).json()
        events = await read_stream(ana, STREAMED)
        called = await operations(ana)

    assert (answer["status"], answer["reason"]) == ("blocked", "policy")
    assert (answer["answer"], answer["claims"], answer["context"]["used"]) == ("", [], 0)
    assert [event.name for event in events] == ["answer.created", "answer.completed"]
    assert called == [("moderation", "completed")] * 2


async def test_flagged_claim_is_not_shown(service: Service, model: LyingLanguageModel) -> None:
    model.flagged = "31 days"

    async with asking(service, model) as ana:
        answer = (await ana.ask(QUESTION)).json()
        events = await read_stream(ana, STREAMED)

    assert answer["status"] in {"partially_supported", "unsupported"}
    assert "31 days" not in answer["answer"]
    assert "unsupported" in [claim["verdict"] for claim in answer["claims"]]
    assert "31 days" not in str(answer["claims"])
    assert all("31 days" not in str(event.data) for event in events)


@pytest.mark.parametrize("failure", ["server_error", "wrong_key", "not_json", "no_choices"])
async def test_what_cannot_be_moderated_is_not_answered(
    service: Service, model: LyingLanguageModel, failure: str
) -> None:
    model.moderation = failure

    async with asking(service, model) as ana:
        response = await ana.ask(QUESTION)
        events = await read_stream(ana, STREAMED)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (503, "moderation_unavailable")
    assert events[-1].name == "error"


@pytest.mark.parametrize("failure", ["server_error", "hang"])
async def test_tenant_may_let_unmoderated_texts_pass(
    service: Service, model: LyingLanguageModel, failure: str
) -> None:
    model.moderation = failure

    async with asking(service, model, when_down="allow", seconds=3) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
