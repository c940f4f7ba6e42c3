"""Reading what a model server sends: never more than a limit, and nothing taken on trust."""

from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

import httpx2
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, ValidationError
from typing_extensions import override

from app.gateway.chat import Completion
from kb.errors import KnowledgeBaseError, LlmOutputInvalid, LlmUnavailable
from language.text import is_text

MAX_RESPONSE_BYTES: Final = 2_000_000
"""A hundred times the JSON of 4,000 output tokens: only a broken server sends more."""

MAX_STREAM_BYTES: Final = 20_000_000
"""A stream wraps each token in half a kilobyte: room for 32,000 of them."""


class _BoundedStream(httpx2.AsyncByteStream):
    """A response body that ends in `failure` when it grows beyond its limit."""

    def __init__(
        self, stream: httpx2.AsyncByteStream, limit_bytes: int, failure: KnowledgeBaseError
    ) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._failure = failure

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        received_bytes = 0
        async for chunk in self._stream:
            received_bytes += len(chunk)
            if received_bytes > self._limit_bytes:
                raise self._failure
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound_response(response: httpx2.Response) -> None:
    """Makes reading the body stop at a limit; a compressed body is not read at all.

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
    is_event_stream = response.headers.get("Content-Type", "").startswith("text/event-stream")
    limit_bytes = MAX_STREAM_BYTES if is_event_stream else MAX_RESPONSE_BYTES
    response.stream = _BoundedStream(response.stream, limit_bytes, too_long)


MAX_SURPRISE: Final = 1e6
"""Of one token, in natural logarithms: OpenAI writes -9999 for what is all but impossible."""

MAX_TOKENS: Final = 2_000_000_000
"""Of one call, as far as the books count; no window is as large."""

MAX_NAME_CHARS: Final = 200

_TokenCount = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


def _named(name: object) -> object:
    """A model's name that can be stored; None for anything else."""
    is_name = isinstance(name, str) and is_text(name) and len(name) <= MAX_NAME_CHARS
    return name if is_name else None


_ModelName = Annotated[str | None, BeforeValidator(_named)]


class _WireLogprob(BaseModel):
    logprob: float = Field(le=0, ge=-MAX_SURPRISE)


class _WireLogprobs(BaseModel):
    content: list[_WireLogprob] | None = None


class _WireInputDetails(BaseModel):
    cached_tokens: _TokenCount | None = None


class _WireUsage(BaseModel):
    prompt_tokens: _TokenCount
    completion_tokens: _TokenCount
    prompt_tokens_details: _WireInputDetails | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details
        return min(self.prompt_tokens, (details.cached_tokens or 0) if details else 0)


class _WireMessage(BaseModel):
    content: str = Field(min_length=1)


class _WireChoice(BaseModel):
    message: _WireMessage
    finish_reason: str | None = None
    logprobs: _WireLogprobs | None = None


class _WireCompletion(BaseModel):
    choices: list[_WireChoice] = Field(min_length=1)
    model: _ModelName = None
    usage: _WireUsage | None = None


def _code_units(text: object) -> object:
    return text.encode("utf-16-le", "surrogatepass") if isinstance(text, str) else text


class _WireDelta(BaseModel):
    content: Annotated[bytes | None, BeforeValidator(_code_units)] = None


class _WireChunkChoice(BaseModel):
    delta: _WireDelta
    finish_reason: str | None = None
    logprobs: _WireLogprobs | None = None


class _WireChunk(BaseModel):
    choices: list[_WireChunkChoice] = []
    model: _ModelName = None
    usage: _WireUsage | None = None


class _WireModeration(BaseModel):
    flagged: StrictBool


class _WireModerations(BaseModel):
    results: list[_WireModeration] = Field(min_length=1, max_length=1)


def read_moderation(body: bytes) -> bool:
    """True when the one text that was sent is flagged.

    Raises:
        LlmOutputInvalid: the body is no moderation of one text.
    """
    try:
        return _WireModerations.model_validate_json(body).results[0].flagged
    except ValidationError:
        raise LlmOutputInvalid("The response is not a moderation of one text.") from None


def read_completion(body: bytes, *, model: str) -> Completion:
    """What the model wrote; `model` is named unless the server names one.

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
    usage = reply.usage
    return Completion(
        text=choice.message.content,
        finish_reason=choice.finish_reason,
        input_tokens=usage.prompt_tokens if usage else None,
        output_tokens=usage.completion_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else 0,
        model=reply.model or model,
        mean_logprob=_mean(_logprobs(choice.logprobs)),
    )


class StreamReader:
    """Puts a streamed completion together, chunk by chunk."""

    def __init__(self, model: str) -> None:
        """`model` is named until the server names one."""
        self._pieces: list[str] = []
        self._decoder = getincrementaldecoder("utf-16-le")("replace")
        self._model = model
        self._finish_reason: str | None = None
        self._usage: _WireUsage | None = None
        self._logprobs: list[float] = []

    def take(self, chunk: ChatCompletionChunk) -> str:
        """The text that this chunk adds, often none.

        Raises:
            LlmOutputInvalid: it is no chunk of a chat completion.
        """
        # The client builds its types without validating them: anything may stand in there.
        try:
            read = _WireChunk.model_validate(chunk.to_dict(warnings=False))
        except (AttributeError, ValidationError):
            raise LlmOutputInvalid(
                "The language model's stream is not one of a chat completion."
            ) from None
        self._model = read.model or self._model
        # Some servers repeat the usage so far in every chunk: the last one counts.
        self._usage = read.usage or self._usage
        if not read.choices:
            return ""
        choice = read.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        self._logprobs += _logprobs(choice.logprobs)
        # Servers cut a surrogate pair in two; the halves meet here.
        piece = self._decoder.decode(choice.delta.content or b"")
        self._pieces.append(piece)
        return piece

    def finish(self, *, is_whole: bool = False) -> Completion:
        """The whole. `is_whole`: the text is known to be complete, however the stream ended.

        Raises:
            LlmUnavailable: the stream ended before the model did.
            LlmOutputInvalid: the model wrote no text.
        """
        text = "".join(self._pieces)
        if self._finish_reason is None and not is_whole:
            raise LlmUnavailable("The language model's stream ended before its end.")
        if not text:
            raise LlmOutputInvalid("The language model's stream has no text.")
        usage = self._usage
        return Completion(
            text=text,
            finish_reason=self._finish_reason,
            input_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
            cached_tokens=usage.cached_tokens if usage else 0,
            model=self._model,
            mean_logprob=_mean(self._logprobs),
        )


def _logprobs(logprobs: _WireLogprobs | None) -> list[float]:
    return [token.logprob for token in logprobs.content or []] if logprobs else []


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
