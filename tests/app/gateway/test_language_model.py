"""One model behind a real HTTP server that misbehaves in every way."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from app.gateway.chat import Completion, Message
from app.gateway.endpoint import ModelEndpoint
from app.gateway.language_model import LanguageModel
from app.gateway.not_now import RateLimitedByServer
from app.gateway.response import MAX_RESPONSE_BYTES
from kb.errors import (
    KnowledgeBaseError,
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
)
from tests.fakes.language_model import LyingLanguageModel, lying_language_model

SECRET_TEXT = "The merger with Quillfeather closes on 4 May."
PROMPT = (
    Message(role="system", content="Quote."),
    Message(
        role="user",
        content=f"<<f00 source abc234>>\nTitle: Plans\n\n{SECRET_TEXT}\n<<f00 end>>\n"
        "<<f00 question>>\nWhen does the merger close?\n<<f00 end>>",
    ),
)
SCHEMA: dict[str, object] = {"type": "object", "properties": {"claims": {"type": "array"}}}


@pytest.fixture(scope="module")
def running_server() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as running:
        yield running


@pytest.fixture
def server(running_server: LyingLanguageModel) -> LyingLanguageModel:
    running_server.requests.clear()
    running_server.received.clear()
    running_server.bytes_sent = 0
    return running_server


def endpoint(server: LyingLanguageModel, *, timeout_seconds: float = 10) -> ModelEndpoint:
    return ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=SecretStr("sk-secret"),
        timeout_seconds=timeout_seconds,
        max_output_tokens=500,
    )


@pytest.fixture
async def model(server: LyingLanguageModel) -> AsyncIterator[LanguageModel]:
    async with LanguageModel(endpoint(server)) as opened:
        yield opened


async def ask(model: LanguageModel) -> Completion:
    return await model.complete(PROMPT, json_schema=SCHEMA)


async def test_completion_carries_text_tokens_and_the_model_that_answered(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    completion = await ask(model)

    assert SECRET_TEXT in completion.text
    assert completion.finish_reason == "stop"
    assert (completion.input_tokens, completion.output_tokens) == (100, 20)
    assert completion.model == "liar-1"


async def test_request_asks_for_the_schema_strictly_and_names_its_limits(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    await model.complete(PROMPT, json_schema=SCHEMA, max_output_tokens=64)

    request = server.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == "Bearer sk-secret"
    assert request["body"]["model"] == "liar"
    assert request["body"]["max_tokens"] == 64
    assert request["body"]["temperature"] == 0
    assert [message["role"] for message in request["body"]["messages"]] == ["system", "user"]
    assert request["body"]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }


async def test_request_cannot_raise_the_output_limit(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    await model.complete(PROMPT, json_schema=SCHEMA, max_output_tokens=100_000)

    assert server.requests[0]["body"]["max_tokens"] == 500


async def test_reasoning_models_get_their_own_limit_field_and_no_temperature(
    server: LyingLanguageModel,
) -> None:
    server.behave("truthful")
    reasoning = ModelEndpoint(
        base_url=server.base_url,
        model="reasoner",
        api_key=None,
        timeout_seconds=10,
        max_output_tokens=500,
        output_limit_field="max_completion_tokens",
        temperature=None,
    )

    async with LanguageModel(reasoning) as model:
        await ask(model)

    body = server.requests[0]["body"]
    assert body["max_completion_tokens"] == 500
    assert "max_tokens" not in body
    assert "temperature" not in body


async def test_key_and_organisation_of_another_provider_are_not_sent(
    server: LyingLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-foreign")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-foreign")
    server.behave("truthful")
    without_key = ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=None,
        timeout_seconds=10,
        max_output_tokens=500,
    )

    async with LanguageModel(without_key) as model:
        await ask(model)

    sent = str(server.requests[0]["headers"])
    assert "another" not in sent
    assert "foreign" not in sent


async def test_server_that_refuses_schemas_is_named_and_not_silently_asked_without(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("refuses_json_schema")

    with pytest.raises(Misconfigured, match="JSON schemas"):
        await ask(model)

    assert len(server.requests) == 1


async def test_server_that_refuses_schemas_answers_when_configured_so(
    server: LyingLanguageModel,
) -> None:
    server.behave("refuses_json_schema")
    configured = ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=None,
        timeout_seconds=10,
        max_output_tokens=500,
        structured_output="text",
    )

    async with LanguageModel(configured) as model:
        completion = await ask(model)

    assert SECRET_TEXT in completion.text


@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        ("server_error", LlmUnavailable),
        ("overloaded", LlmUnavailable),
        ("rate_limited", RateLimitedByServer),
        ("hangs_up", LlmUnavailable),
        ("huge_error", LlmUnavailable),
        ("wrong_key", Misconfigured),
        ("forbidden", Misconfigured),
        ("unknown_model", Misconfigured),
        ("bad_request", Misconfigured),
        ("redirect", Misconfigured),
        ("not_json", LlmOutputInvalid),
        ("no_choices", LlmOutputInvalid),
        ("no_text", LlmOutputInvalid),
        ("negative_usage", LlmOutputInvalid),
        ("compressed", LlmOutputInvalid),
        ("huge_response", LlmOutputInvalid),
    ],
)
async def test_each_failure_has_its_error_and_leaks_nothing(
    server: LyingLanguageModel,
    model: LanguageModel,
    caplog: pytest.LogCaptureFixture,
    behaviour: str,
    error_class: type[KnowledgeBaseError],
) -> None:
    server.behave(behaviour)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(KnowledgeBaseError) as raised:
        await ask(model)

    assert type(raised.value) is error_class
    told = "".join(traceback.format_exception(raised.value)) + caplog.text
    assert "Quillfeather" not in told
    assert "sk-secret" not in told


async def test_success_logs_no_text_and_no_key(
    server: LyingLanguageModel, model: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    server.behave("truthful")
    caplog.set_level(logging.DEBUG)

    await ask(model)

    assert caplog.text
    assert "Quillfeather" not in caplog.text
    assert "sk-secret" not in caplog.text


@pytest.mark.parametrize("behaviour", ["hang", "drip"])
async def test_total_deadline_holds_whatever_the_server_does(
    server: LyingLanguageModel, behaviour: str
) -> None:
    server.behave(behaviour)
    hasty = endpoint(server, timeout_seconds=0.3)

    # The server would hang or drip for ever.
    async with asyncio.timeout(30), LanguageModel(hasty) as model:
        with pytest.raises(LlmTimedOut, match=r"'liar' did not answer within 0\.3 seconds"):
            await ask(model)


@pytest.mark.parametrize("behaviour", ["huge_response", "huge_error"])
async def test_reading_stops_at_the_limit(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str
) -> None:
    server.behave(behaviour)

    with pytest.raises(KnowledgeBaseError, match="too long"):
        await ask(model)

    # What the sockets' buffers took is sent, too: a few megabytes of the 64.
    assert server.bytes_sent < 10 * MAX_RESPONSE_BYTES


async def test_nobody_listening_is_unavailable(server: LyingLanguageModel) -> None:
    with lying_language_model("truthful") as gone:
        deserted = endpoint(gone)

    async with LanguageModel(deserted) as model:
        with pytest.raises(LlmUnavailable, match="cannot be reached"):
            await ask(model)


async def test_usage_that_is_not_reported_is_not_taken_for_zero(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("no_usage")

    completion = await ask(model)

    assert completion.input_tokens is None
    assert completion.output_tokens is None


async def test_cancelled_request_is_not_turned_into_an_error(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("hang")
    asking = asyncio.create_task(ask(model))
    await asyncio.to_thread(server.received.wait, 10)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("base_url", ["", "localhost:11434/v1", "ftp://models", "http://"])
def test_address_that_cannot_work_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(Misconfigured, match="http://localhost:11434/v1"):
        ModelEndpoint(
            base_url=base_url,
            model="liar",
            api_key=None,
            timeout_seconds=1,
            max_output_tokens=1,
        )


def test_key_is_not_shown() -> None:
    shown = ModelEndpoint(
        base_url="http://localhost:1/v1",
        model="liar",
        api_key=SecretStr("sk-secret"),
        timeout_seconds=1,
        max_output_tokens=1,
    )

    assert "sk-secret" not in repr(shown)
