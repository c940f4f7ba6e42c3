"""The messages for a language model and its completion, whichever way it is reached."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a request."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class Completion:
    """The output of a model.

    Attributes:
        input_tokens: None when the server does not report them; the same holds for output_tokens.
        cached_tokens: of the input, those that the server had read before.
        mean_logprob: of the output's tokens (natural logarithm); None where it is not offered.
        cost_microdollars: as metered; None without a price, or without a gateway.
    """

    text: str
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    model: str
    cached_tokens: int = 0
    mean_logprob: float | None = None
    cost_microdollars: int | None = None


class TextStream(Protocol):
    """A completion while it is written."""

    def __aiter__(self) -> AsyncIterator[str]:
        """The pieces of text in order; raises what `ChatModel.complete` raises."""
        ...

    @property
    def completion(self) -> Completion:
        """The whole, once the last piece has been taken."""
        ...

    def need_no_more(self) -> None:
        """Says that the text is complete: however the server ends it now, that is no failure."""
        ...


class ChatModel(Protocol):
    """Something that completes messages: one server, or a gateway with a choice of them."""

    @property
    def name(self) -> str:
        """The model's name in answers until a completion names its own."""
        ...

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
    ) -> Completion:
        """The model's output; `json_schema` is asked for as far as the server can, never checked.

        Raises:
            LlmTimedOut: nothing came in time.
            LlmUnavailable: the server cannot be reached, is overloaded or failed.
            Misconfigured: the server refuses the request: wrong key, model or option.
            LlmOutputInvalid: the response is no chat completion, has no text, or is too long.
            BudgetExhausted: the tenant may spend no more today.
            RequestBudgetExceeded: this answer may cost no more.
        """
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
    ) -> AbstractAsyncContextManager[TextStream]:
        """The same piece by piece. The block is entered when the first piece has come.

        The request is cancelled at the server when the block is left before the end.
        """
        ...
