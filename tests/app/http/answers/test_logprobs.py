"""Log-probabilities of a real server: named in the reason, kept in the record, never a proof."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy import text

from tests.app.http.answers.test_answers_by_model import DOCUMENT, QUESTION
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import lying_language_model
from tests.service import Person, Service


@asynccontextmanager
async def asking(
    service: Service, behaviour: str, *, has_logprobs: bool = True
) -> AsyncIterator[Person]:
    """Somebody with one document, whose model's server is asked for log-probabilities."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    with lying_language_model(behaviour) as server:
        config = one_model(server.base_url)
        model = replace(config.models["default"], logprobs=has_logprobs)
        config = replace(config, models={"default": model})
        async with running_gateway(config, service.resources.database) as gateway:
            answerer = replace(service.resources.answerer, gateway=gateway)
            resources = replace(service.resources, answerer=answerer)
            async with service.with_resources(resources) as other:
                yield replace(ana, service=other)


async def test_reason_says_how_sure_the_model_was(service: Service) -> None:
    async with asking(service, "truthful") as ana:
        answer = (await ana.ask(QUESTION)).json()
        scope = ana.service.resources.database.tenant(ana.tenant_id, viewer=None)
        async with scope as reader:
            stored = await reader.connection.execute(text("SELECT trace FROM answers"))
            (row,) = stored

    # The server tells -.25 and -.75; e^-.5 = .607.
    assert answer["confidence_reason"].endswith("; the model was unsure of its words.")
    assert row.trace["mean_logprob"] == -0.5


async def test_server_that_tells_none_leaves_the_reason_without(service: Service) -> None:
    async with asking(service, "truthful", has_logprobs=False) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    assert "the model was" not in answer["confidence_reason"]


async def test_how_sure_a_model_is_proves_nothing(service: Service) -> None:
    async with asking(service, "fabricated") as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert (answer["status"], answer["answer"]) == ("unsupported", "")
