"""A model as the answer flow sees it: behind it the targets of an alias are tried in order.

The loop is our own and not `tenacity`: whether and when to try again depends on what the server
asks, on the answer's deadline and on the next target, which there would be three callbacks around
a loop of the same length.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import structlog

from app.gateway.chat import Completion, Message
from app.gateway.metered import Account, ChatRequest, Meter, Purpose, metered
from app.gateway.retry import most_telling, pause_before_retry
from app.gateway.target import Target
from kb.errors import (
    KnowledgeBaseError,
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
)

if TYPE_CHECKING:
    from app.gateway.language_model import ModelStream

_Result = TypeVar("_Result")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RoutedModel:
    """Completes messages by the first target that answers; implements `ChatModel`.

    Attributes:
        targets: in the order to try them, at least one.
        draw: gives 0 <= x < 1, for the jitter of the pauses.
    """

    account: Account
    purpose: Purpose
    targets: Sequence[Target]
    draw: Callable[[], float]

    @property
    def name(self) -> str:
        """The alias."""
        return self.account.alias

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
    ) -> Completion:
        """The model's output and its cost; raises as `ChatModel.complete` says."""
        request = ChatRequest(
            messages=messages,
            json_schema=json_schema,
            max_output_tokens=max_output_tokens,
            is_streamed=False,
        )

        async def ask(target: Target, attempt: int) -> Completion:
            async with metered(
                self.account, target, request, self.purpose, attempt=attempt
            ) as meter:
                with meter.failures_noted():
                    completion = await target.language_model.complete(
                        messages,
                        json_schema=json_schema,
                        max_output_tokens=max_output_tokens,
                        timeout_seconds=self.account.seconds_left,
                    )
                return meter.completed(completion)

        return await self._first_that_answers(ask)

    async def moderate(self, text: str) -> bool:
        """True when the first moderation that answers flags the text; raises as `complete` does."""
        request = ChatRequest(
            messages=(Message(role="user", content=text),),
            json_schema=None,
            max_output_tokens=0,
            is_streamed=False,
        )

        async def ask(target: Target, attempt: int) -> bool:
            async with metered(
                self.account, target, request, self.purpose, attempt=attempt
            ) as meter:
                with meter.failures_noted():
                    is_flagged = await target.language_model.moderate(
                        text, timeout_seconds=self.account.seconds_left
                    )
                meter.completed(_nothing_written(target.model.name))
                return is_flagged

        return await self._first_that_answers(ask)

    @asynccontextmanager
    async def stream(
        self,
        messages: Sequence[Message],
        *,
        json_schema: Mapping[str, object] | None,
        max_output_tokens: int | None = None,
    ) -> AsyncIterator["MeteredStream"]:
        """The same piece by piece; once the first has come, no other target is tried."""
        request = ChatRequest(
            messages=messages,
            json_schema=json_schema,
            max_output_tokens=max_output_tokens,
            is_streamed=True,
        )

        async def open_stream(target: Target, attempt: int) -> MeteredStream:
            async with AsyncExitStack() as opening:
                meter = await opening.enter_async_context(
                    metered(self.account, target, request, self.purpose, attempt=attempt)
                )
                with meter.failures_noted():
                    stream = await opening.enter_async_context(
                        target.language_model.stream(
                            messages,
                            json_schema=json_schema,
                            max_output_tokens=max_output_tokens,
                            timeout_seconds=self.account.seconds_left,
                        )
                    )
                meter.text_came("")
                await opened.enter_async_context(opening.pop_all())
                return MeteredStream(stream, meter)

        async with AsyncExitStack() as opened:
            yield await self._first_that_answers(open_stream)

    async def _first_that_answers(
        self, ask: Callable[[Target, int], Awaitable[_Result]]
    ) -> _Result:
        failures: list[KnowledgeBaseError] = []
        for target in self.targets:
            for retry in range(target.model.retries + 1):
                if self.account.seconds_left == 0:
                    raise LlmTimedOut("The time for this answer is over.")
                try:
                    return await ask(target, len(failures) + 1)
                except (LlmUnavailable, LlmOutputInvalid, Misconfigured) as failure:
                    log.warning("llm.attempt_failed", target=target.key, code=failure.code)
                    failures.append(failure)
                pause = pause_before_retry(failures[-1], retry, self.draw())
                if pause is None or pause >= self.account.seconds_left:
                    break
                await asyncio.sleep(pause)
        raise most_telling(failures)


def _nothing_written(model: str) -> Completion:
    """The completion of a call that writes nothing, for its meter."""
    return Completion(
        text="", finish_reason=None, input_tokens=None, output_tokens=None, model=model
    )


class MeteredStream:
    """A stream whose meter knows how it went."""

    def __init__(self, stream: "ModelStream", meter: Meter) -> None:
        """The stream has its first piece."""
        self._stream = stream
        self._meter = meter
        self._completion: Completion | None = None

    @property
    def completion(self) -> Completion:
        """The whole and its cost, once the last piece has been taken."""
        if self._completion is None:
            raise RuntimeError("the stream has not been read to its end")
        return self._completion

    def need_no_more(self) -> None:
        """Says that the text is complete."""
        self._stream.need_no_more()

    def __aiter__(self) -> Self:
        """The pieces in order; raises as `ChatModel.complete` says."""
        return self

    async def __anext__(self) -> str:
        """The next piece."""
        with self._meter.failures_noted():
            piece = await anext(self._stream, None)
        if piece is None:
            self._completion = self._meter.completed(self._stream.completion)
            raise StopAsyncIteration
        self._meter.text_came(piece)
        return piece
