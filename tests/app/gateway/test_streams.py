"""One model's stream from a real HTTP server: piece by piece, and every way it can end."""

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
    Message(
        role="user",
        content=f"<<f00 source abc234>>\nTitle: Plans\n\n{SECRET_TEXT}\n<<f00 end>>\n"
        "<<f00 question>>\nWhen does the merger close?\n<<f00 end>>",
    ),
)
SCHEMA: dict[str, object] = {"type": "object"}
PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def running_server() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as running:
        yield running


@pytest.fixture
def server(running_server: LyingLanguageModel) -> LyingLanguageModel:
    running_server.requests.clear()
    running_server.hung_up_on.clear()
    return running_server


def endpoint(
    server: LyingLanguageModel, *, timeout_seconds: float = 10, first_token_seconds: float = 10
) -> ModelEndpoint:
    return ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=SecretStr("sk-secret"),
        timeout_seconds=timeout_seconds,
        first_token_seconds=first_token_seconds,
        max_output_tokens=500,
        has_logprobs=True,
    )


@pytest.fixture
async def model(server: LyingLanguageModel) -> AsyncIterator[LanguageModel]:
    async with LanguageModel(endpoint(server)) as opened:
        yield opened


async def read(model: LanguageModel) -> tuple[list[str], Completion]:
    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        pieces = [piece async for piece in stream]
        return pieces, stream.completion


async def test_a_stream_says_the_same_as_a_whole_completion(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    pieces, streamed = await read(model)

    assert len(pieces) > 5
    assert "".join(pieces) == streamed.text
    assert streamed == await model.complete(PROMPT, json_schema=SCHEMA)
    assert (streamed.input_tokens, streamed.cached_tokens, streamed.output_tokens) == (100, 40, 20)
    assert streamed.mean_logprob == -0.5
    assert server.requests[0]["body"]["stream_options"] == {"include_usage": True}


async def test_usage_that_a_stream_does_not_report_is_unknown(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("no_usage")

    _, streamed = await read(model)

    assert streamed.text
    assert streamed.input_tokens is None


async def test_a_stream_cut_off_at_the_limit_says_so(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("cut_off")

    _, streamed = await read(model)

    assert streamed.finish_reason == "length"


@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        ("server_error", LlmUnavailable),
        ("rate_limited", RateLimitedByServer),
        ("hangs_up", LlmUnavailable),
        ("huge_error", LlmUnavailable),
        ("wrong_key", Misconfigured),
        ("bad_request", Misconfigured),
        ("redirect", Misconfigured),
        ("not_json", LlmUnavailable),
        ("compressed", LlmOutputInvalid),
        ("huge_response", LlmOutputInvalid),
        ("breaks_off", LlmUnavailable),
        ("error_midway", LlmUnavailable),
        ("garbage_midway", LlmOutputInvalid),
        ("strange_midway", LlmOutputInvalid),
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
        await read(model)

    assert type(raised.value) is error_class
    told = "".join(traceback.format_exception(raised.value)) + caplog.text
    assert "Quillfeather" not in told
    assert "sk-secret" not in told


async def test_a_first_token_that_does_not_come_is_not_waited_for(
    server: LyingLanguageModel,
) -> None:
    server.behave("slow_first_token")
    hasty = endpoint(server, first_token_seconds=0.3, timeout_seconds=10 * PATIENCE_SECONDS)

    async with asyncio.timeout(PATIENCE_SECONDS), LanguageModel(hasty) as model:
        with pytest.raises(LlmTimedOut):
            await read(model)


@pytest.mark.parametrize("behaviour", ["hangs_midway", "endless"])
async def test_the_total_time_holds_for_a_stream(
    server: LyingLanguageModel, behaviour: str
) -> None:
    server.behave(behaviour)
    hasty = endpoint(server, timeout_seconds=0.5)

    async with asyncio.timeout(PATIENCE_SECONDS), LanguageModel(hasty) as model:
        with pytest.raises(LlmTimedOut):
            await read(model)


async def test_leaving_a_stream_hangs_up_on_the_server(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("endless")

    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        async for _ in stream:
            break

    assert await asyncio.to_thread(server.hung_up_on.wait, PATIENCE_SECONDS)


async def test_cancelling_a_reader_hangs_up_on_the_server(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("endless")
    has_begun = asyncio.Event()

    async def follow() -> None:
        async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
            async for _ in stream:
                has_begun.set()

    reading = asyncio.create_task(follow())
    await has_begun.wait()
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await asyncio.to_thread(server.hung_up_on.wait, PATIENCE_SECONDS)


async def test_the_whole_is_not_told_before_the_end(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        with pytest.raises(RuntimeError):
            _ = stream.completion


@pytest.mark.parametrize("behaviour", ["ignores_stream", "no_done", "strange_values"])
async def test_an_unusual_stream_is_read_all_the_same(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str
) -> None:
    server.behave("truthful", behaviour)
    whole = await model.complete(PROMPT, json_schema=SCHEMA)

    pieces, streamed = await read(model)

    assert "".join(pieces) == streamed.text
    assert streamed.text.removeprefix("<think>\U0001f600</think>") == whole.text
    assert (streamed.finish_reason, streamed.output_tokens) == ("stop", 20)
    assert streamed.model == whole.model


async def read_enough(model: LanguageModel) -> Completion:
    """As somebody reads who knows the end of the text."""
    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        text = ""
        async for piece in stream:
            text += piece
            if text.endswith("}"):
                stream.need_no_more()
        return stream.completion


@pytest.mark.parametrize("behaviour", ["no_finish_reason", "reset_late", "silent_at_the_end"])
async def test_how_a_stream_ends_does_not_matter_behind_a_complete_text(
    server: LyingLanguageModel, behaviour: str
) -> None:
    server.behave("truthful", behaviour)
    patient = endpoint(server, timeout_seconds=10 * PATIENCE_SECONDS)

    async with asyncio.timeout(PATIENCE_SECONDS), LanguageModel(patient) as model:
        whole = await model.complete(PROMPT, json_schema=SCHEMA)
        completion = await read_enough(model)

    assert completion.text == whole.text


@pytest.mark.parametrize("behaviour", ["no_finish_reason", "reset_late", "reset_after_a_claim"])
async def test_without_that_it_has_broken_off(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str
) -> None:
    server.behave(behaviour)

    with pytest.raises(LlmUnavailable):
        await read(model)
