"""The only door to the language model: one bounded request, one completion, errors translated."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Literal, Self

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam
from openai.types.shared_params import ResponseFormatJSONSchema

from app.gateway.endpoint import ModelEndpoint
from app.gateway.response import Completion, bound_response, read_completion
from kb.errors import KnowledgeBaseError, LlmTimedOut, LlmUnavailable, Misconfigured

CONNECT_TIMEOUT_SECONDS = 5.0
"""A server that does not accept a connection in this time is down, however slow its model."""

TRANSIENT_STATUS_CODES = frozenset({408, 409, 425, 429})
"""Client errors that pass by themselves; every status from 500 on does too."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a request."""

    role: Literal["system", "user", "assistant"]
    content: str


class LanguageModel:
    """A language model behind an OpenAI-compatible server; owns its connections."""

    def __init__(self, endpoint: ModelEndpoint) -> None:
        """Opens no connection yet."""
        self._endpoint = endpoint
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            # The client would otherwise take a key meant for another server from the environment.
            api_key=endpoint.api_key.get_secret_value() if endpoint.api_key else "none",
            timeout=openai.Timeout(
                endpoint.timeout_seconds,
                connect=min(CONNECT_TIMEOUT_SECONDS, endpoint.timeout_seconds),
            ),
            max_retries=endpoint.max_retries,
            http_client=httpx2.AsyncClient(
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
        json_schema: Mapping[str, object],
        max_output_tokens: int | None = None,
    ) -> Completion:
        """The model's output for these messages.

        Args:
            messages: what the model is shown.
            json_schema: the shape asked for; the output is not checked against it here.
            max_output_tokens: a lower limit than the endpoint's; a higher one is lowered to it.

        Raises:
            LlmTimedOut: no complete response within the endpoint's time.
            LlmUnavailable: the server cannot be reached, is overloaded or failed.
            Misconfigured: the server refuses the request: wrong key, model or option.
            LlmOutputInvalid: the response is no chat completion, has no text, or is too long.
        """
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds):
                body = await self._request(messages, json_schema, max_output_tokens)
        except (TimeoutError, openai.APITimeoutError):
            raise LlmTimedOut(
                f"The language model {self.name!r} did not answer within "
                f"{self._endpoint.timeout_seconds:g} seconds."
            ) from None
        except openai.APIStatusError as error:
            # Not chained: servers echo parts of the prompt in the error's body.
            raise _refusal(self._endpoint, error.status_code) from None
        except openai.APIConnectionError as error:
            raise LlmUnavailable("The language model's server cannot be reached.") from error
        return read_completion(body)

    async def _request(
        self,
        messages: Sequence[Message],
        json_schema: Mapping[str, object],
        max_output_tokens: int | None,
    ) -> bytes:
        endpoint = self._endpoint
        limit = endpoint.max_output_tokens
        if max_output_tokens is not None:
            limit = min(limit, max_output_tokens)
        in_old_field = endpoint.output_limit_field == "max_tokens"
        response = await self._client.chat.completions.with_raw_response.create(
            model=endpoint.model,
            messages=[_to_wire(message) for message in messages],
            max_tokens=limit if in_old_field else openai.omit,
            max_completion_tokens=openai.omit if in_old_field else limit,
            temperature=openai.omit if endpoint.temperature is None else endpoint.temperature,
            response_format=(
                _response_format(json_schema) if endpoint.send_json_schema else openai.omit
            ),
        )
        return response.content


def _to_wire(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}


def _response_format(json_schema: Mapping[str, object]) -> ResponseFormatJSONSchema:
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": dict(json_schema), "strict": True},
    }


def _refusal(endpoint: ModelEndpoint, status_code: int) -> KnowledgeBaseError:
    """The error for a response with a status of 300 or more."""
    told = f"The language model's server answered HTTP {status_code}"
    if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or status_code in TRANSIENT_STATUS_CODES:
        return LlmUnavailable(f"{told}.")
    match status_code:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            remedy = "check its API key"
        case HTTPStatus.NOT_FOUND:
            remedy = f"check its base URL and that it serves the model {endpoint.model!r}"
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            remedy = (
                "it may refuse JSON schemas, the temperature or the output limit's field, "
                "or the context budget may be larger than the model's window"
            )
        case _:
            remedy = "check its base URL"
    return Misconfigured(f"{told}: {remedy}.")
