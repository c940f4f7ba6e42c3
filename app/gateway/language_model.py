"""One language model behind one server: a bounded request, errors translated, no second try."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from ssl import SSLContext
from types import TracebackType
from typing import Final, Required, Self, TypedDict

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from openai.types.chat.completion_create_params import ResponseFormat

from app.gateway.chat import Completion, Message
from app.gateway.endpoint import ModelEndpoint
from app.gateway.failures import errors_translated
from app.gateway.response import StreamReader, bound_response, read_completion, read_moderation
from kb.errors import LlmOutputInvalid, LlmUnavailable

AFTERWARDS_SECONDS: Final = 2.0
"""For the token counts behind a complete text; a model that rambles on is hung up on."""


class _Request(TypedDict, total=False):
    messages: Required[list[ChatCompletionMessageParam]]
    model: Required[str]
    max_tokens: int
    max_completion_tokens: int
    temperature: float
    response_format: ResponseFormat
    logprobs: bool
    extra_headers: Required[dict[str, str | openai.Omit]]


class LanguageModel:
    """A language model behind an OpenAI-compatible server; owns its connections."""

    def __init__(self, endpoint: ModelEndpoint) -> None:
        """Opens no connection yet."""
        self._endpoint = endpoint
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else "none"
        own_header: dict[str, str | openai.Omit] = (
            {endpoint.key_header: key, "Authorization": openai.omit} if endpoint.key_header else {}
        )
        self._headers: dict[str, str | openai.Omit] = {**endpoint.headers, **own_header}
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            # The client would otherwise take a key meant for another server from the environment.
            api_key=key,
            timeout=openai.Timeout(
                endpoint.timeout_seconds,
                connect=min(endpoint.connect_seconds, endpoint.timeout_seconds),
            ),
            # The gateway tries again: it knows the answer's deadline and the other targets.
            max_retries=0,
            default_query=dict(endpoint.query),
            http_client=httpx2.AsyncClient(
                verify=_certificates(),
                # A compressed body could unpack to far more than the bytes that are counted.
                headers={"Accept-Encoding": "identity"},
                event_hooks={"response": [bound_response]},
                # A redirect would carry prompts to an address that nobody configured.
                follow_redirects=False,
            ),
        )
        # Both were taken from the environment, which only the settings may read.
        self._client.organization = None
        self._client.project = None

    @property
    def name(self) -> str:
        """The model's name as configured."""
        return self._endpoint.model

    async def __aenter__(self) -> Self:
        """The model, closed at the end of the block."""
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Completion:
        """The model's output, as `ChatModel.complete`; in less time than usual when asked."""
        seconds = self._seconds(timeout_seconds)
        with errors_translated(self._endpoint, seconds=seconds):
            async with asyncio.timeout(seconds):
                response = await self._client.chat.completions.with_raw_response.create(
                    **self._request(messages, json_schema, max_output_tokens)
                )
        return read_completion(response.content, model=self._endpoint.model)

    async def moderate(self, text: str, *, timeout_seconds: float | None = None) -> bool:
        """True when the provider's moderation flags the text; raises as `complete` does."""
        seconds = self._seconds(timeout_seconds)
        with errors_translated(self._endpoint, seconds=seconds):
            async with asyncio.timeout(seconds):
                response = await self._client.moderations.with_raw_response.create(
                    input=text, model=self._endpoint.model, extra_headers=self._headers
                )
        return read_moderation(response.content)

    @asynccontextmanager
    async def stream(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
        timeout_seconds: float | None = None,
    ) -> AsyncIterator["ModelStream"]:
        """The output piece by piece, as `ChatModel.stream`."""
        seconds = self._seconds(timeout_seconds)
        until = asyncio.get_running_loop().time() + seconds
        first_seconds = min(seconds, self._endpoint.first_token_seconds)
        with errors_translated(self._endpoint, seconds=first_seconds):
            async with asyncio.timeout(first_seconds):
                chunks = await self._client.chat.completions.create(
                    **self._request(messages, json_schema, max_output_tokens),
                    stream=True,
                    stream_options=(
                        {"include_usage": True}
                        if self._endpoint.reports_stream_usage
                        else openai.omit
                    ),
                )
        stream = ModelStream(chunks, self._endpoint, seconds=seconds, until=until)
        try:
            await stream.wait_for_text(until - seconds + first_seconds)
            yield stream
        finally:
            # Before its end this hangs up on the server, which then stops generating.
            await chunks.close()

    def _seconds(self, wanted: float | None) -> float:
        own = self._endpoint.timeout_seconds
        return own if wanted is None else max(0.0, min(own, wanted))

    def _request(
        self,
        messages: Sequence[Message],
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None,
    ) -> _Request:
        endpoint = self._endpoint
        request = _Request(
            messages=[_to_wire(message) for message in messages],
            model=endpoint.model,
            extra_headers=self._headers,
        )
        limit = endpoint.output_limit(max_output_tokens)
        if endpoint.output_limit_field == "max_tokens":
            request["max_tokens"] = limit
        else:
            request["max_completion_tokens"] = limit
        if endpoint.temperature is not None:
            request["temperature"] = endpoint.temperature
        if endpoint.has_logprobs:
            request["logprobs"] = True
        if json_schema is not None and endpoint.structured_output != "text":
            request["response_format"] = _response_format(endpoint, json_schema)
        return request


class ModelStream:
    """A completion while the server sends it."""

    def __init__(
        self,
        chunks: openai.AsyncStream[ChatCompletionChunk],
        endpoint: ModelEndpoint,
        *,
        seconds: float,
        until: float,
    ) -> None:
        """`until` is on the event loop's clock, `seconds` what the whole was given."""
        self._chunks = chunks
        self._endpoint = endpoint
        self._seconds = seconds
        self._until = until
        self._reader = StreamReader(endpoint.model)
        self._is_whole = False
        self._first: str | None = None
        self._completion: Completion | None = None

    @property
    def completion(self) -> Completion:
        """The whole, once the last piece has been taken."""
        if self._completion is None:
            raise RuntimeError("the stream has not been read to its end")
        return self._completion

    def need_no_more(self) -> None:
        """Says that the text is complete: the rest is waited for a moment, and may fail."""
        self._is_whole = True
        self._until = min(self._until, asyncio.get_running_loop().time() + AFTERWARDS_SECONDS)

    async def wait_for_text(self, until: float) -> None:
        """Returns when the first piece is there; raises what `ChatModel.stream` raises."""
        body = await self._unstreamed()
        if body is None:
            self._first = await self._next(until)
            return
        self._completion = read_completion(body, model=self._endpoint.model)
        self._first = self._completion.text

    def __aiter__(self) -> Self:
        """The pieces in order."""
        return self

    async def __anext__(self) -> str:
        """The next piece."""
        piece, self._first = self._first, None
        piece = await self._next(self._until) if piece is None else piece
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _unstreamed(self) -> bytes | None:
        """The body of a server that ignores `stream`; None where events follow."""
        response = self._chunks.response
        if not response.headers.get("Content-Type", "").startswith("application/json"):
            return None
        with errors_translated(self._endpoint, seconds=self._seconds):
            async with asyncio.timeout_at(self._until):
                body = await response.aread()
        # Read like this, events under the wrong name can still be taken one by one.
        return body if body.lstrip().startswith(b"{") else None

    async def _next(self, until: float) -> str | None:
        """The next piece that is not empty; None at the end."""
        if self._completion is not None:
            return None
        try:
            piece = await self._next_piece(until)
        except (LlmUnavailable, LlmOutputInvalid):
            if not self._is_whole:
                raise
            piece = None
        if piece is None:
            self._completion = self._reader.finish(is_whole=self._is_whole)
        return piece

    async def _next_piece(self, until: float) -> str | None:
        with errors_translated(self._endpoint, seconds=self._seconds):
            async with asyncio.timeout_at(until):
                while (chunk := await anext(self._chunks, None)) is not None:
                    piece = self._reader.take(chunk)
                    if piece:
                        return piece
        return None


@cache
def _certificates() -> SSLContext:
    """Read once: it takes a tenth of a second, and a gateway may have many models."""
    return httpx2.create_ssl_context()


def _to_wire(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}


def _response_format(endpoint: ModelEndpoint, json_schema: Mapping[str, object]) -> ResponseFormat:
    if endpoint.structured_output == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": dict(json_schema), "strict": True},
    }
