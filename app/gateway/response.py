"""Reading what a model server sends: never more than a limit, and nothing taken on trust."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError
from typing_extensions import override

from kb.errors import KnowledgeBaseError, LlmOutputInvalid, LlmUnavailable

MAX_RESPONSE_BYTES = 2_000_000
"""A hundred times the JSON of 4,000 output tokens: only a broken server sends more."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What the model wrote; token counts are None when the server does not report them."""

    text: str
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    model: str


class _BoundedStream(httpx2.AsyncByteStream):
    """A response body that ends in `failure` when it grows beyond MAX_RESPONSE_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream, failure: KnowledgeBaseError) -> None:
        self._stream = stream
        self._failure = failure

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        received_bytes = 0
        async for chunk in self._stream:
            received_bytes += len(chunk)
            if received_bytes > MAX_RESPONSE_BYTES:
                raise self._failure
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound_response(response: httpx2.Response) -> None:
    """Makes reading the body stop at MAX_RESPONSE_BYTES; a compressed body is not read at all.

    Raises:
        LlmOutputInvalid: a successful response is compressed although that was not asked for.
        LlmUnavailable: the same for a failed one.
    """
    failure_class = LlmUnavailable if response.is_error else LlmOutputInvalid
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise failure_class("The language model's server compressed its response unasked.")
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("an asynchronous client got a synchronous body")
    too_long = failure_class("The language model's response is too long.")
    response.stream = _BoundedStream(response.stream, too_long)


class _WireMessage(BaseModel):
    content: str = Field(min_length=1)


class _WireChoice(BaseModel):
    message: _WireMessage
    finish_reason: str | None = None


class _WireUsage(BaseModel):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


class _WireCompletion(BaseModel):
    choices: list[_WireChoice] = Field(min_length=1)
    model: str
    usage: _WireUsage | None = None


def read_completion(body: bytes) -> Completion:
    """What the model wrote.

    Raises:
        LlmOutputInvalid: the body is no chat completion, or one without text.
    """
    try:
        reply = _WireCompletion.model_validate_json(body)
    except ValidationError:
        # Not chained: the validation error quotes the body.
        raise LlmOutputInvalid(
            "The language model's response is not a chat completion with text."
        ) from None
    choice = reply.choices[0]
    return Completion(
        text=choice.message.content,
        finish_reason=choice.finish_reason,
        input_tokens=reply.usage.prompt_tokens if reply.usage else None,
        output_tokens=reply.usage.completion_tokens if reply.usage else None,
        model=reply.model,
    )
