"""One attempt at one target: admitted, paid for, timed and recorded, however it ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import assert_never
from uuid import UUID

from app.gateway.breaker import Breaker
from app.gateway.chat import Completion, Message
from app.gateway.ledger import Ledger
from app.gateway.not_now import RateLimitedByServer
from app.gateway.prices import Price, Tokens, estimated_tokens, most_tokens, reported_tokens
from app.gateway.target import Target
from kb.errors import (
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
    RequestBudgetExceeded,
)
from kb.ids import TenantId
from kb.store.model_calls import Feature, MeteredCall, Operation, Outcome


@dataclass(kw_only=True)
class Spending:
    """The cost of one answer's calls and the money set aside, micro-dollars; None: no limit."""

    limit: int | None
    spent: int = 0
    held: int = 0
    has_unpriced: bool = False

    def hold(self, microdollars: int) -> None:
        """Sets money aside; RequestBudgetExceeded when there is not as much."""
        if self.limit is not None and self.spent + self.held + microdollars > self.limit:
            raise RequestBudgetExceeded
        self.held += microdollars

    def settle(self, *, held: int, spent: int | None) -> None:
        """Releases what was set aside and counts the cost; None when that is unknown."""
        self.held -= held
        self.spent += spent or 0
        self.has_unpriced |= spent is None


@dataclass(frozen=True, kw_only=True)
class Account:
    """The answer that asks and the tenant that pays. `deadline` is on the event loop's clock."""

    tenant_id: TenantId
    session_id: UUID
    alias: str
    deadline: float
    microdollars_per_day: int | None
    spending: Spending
    ledger: Ledger
    price_version: str | None

    @property
    def seconds_left(self) -> float:
        """Until the answer's deadline, 0 after it."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """The purpose of a call, as it is recorded."""

    feature: Feature
    prompt_name: str | None = None
    prompt_version: int | None = None
    operation: Operation = "chat"


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """The request, whichever target it goes to."""

    messages: Sequence[Message]
    json_schema: Mapping[str, object] | None
    max_output_tokens: int | None
    is_streamed: bool


@dataclass(kw_only=True)
class Meter:
    """The measures of a running attempt; its outcome is `cancelled` until another one is set."""

    request: ChatRequest
    price: Price | None
    output_limit: int
    outcome: Outcome = "cancelled"
    output_chars: int = 0
    completion: Completion | None = None
    started: float = field(default_factory=perf_counter)
    first_text: float | None = None

    def text_came(self, piece: str) -> None:
        """Counts a piece of a stream."""
        if self.first_text is None:
            self.first_text = perf_counter()
        self.output_chars += len(piece)

    def completed(self, completion: Completion) -> Completion:
        """The completion with its cost."""
        self.outcome = "completed"
        self.completion = completion
        return replace(completion, cost_microdollars=self.microdollars)

    @contextmanager
    def failures_noted(self) -> Iterator[None]:
        """Whatever a language model's server does wrong inside is the outcome."""
        try:
            yield
        except (LlmUnavailable, LlmOutputInvalid, Misconfigured) as failure:
            self.outcome = _outcome(failure, has_begun=self.first_text is not None)
            raise

    @property
    def tokens(self) -> Tokens:
        """The tokens that the server reports, else an estimate; none where it refused to begin."""
        match self.outcome:
            case "completed":
                assert self.completion is not None  # noqa: S101 - `completed` sets both
                estimate = estimated_tokens(self.request.messages, len(self.completion.text))
                return reported_tokens(self.completion) or estimate
            case "unavailable" | "rate_limited" | "refused":
                return Tokens(input=0, output=0)
            case "cancelled" | "timed_out" | "broken_off" | "invalid_output":
                estimate = estimated_tokens(self.request.messages, self.output_chars)
                is_unseen = self.outcome in {"cancelled", "timed_out"}
                if is_unseen and not self.request.is_streamed:
                    # The server is paid for what it writes before it notices that nobody waits.
                    return replace(estimate, output=self.output_limit)
                return estimate
        assert_never(self.outcome)

    @property
    def microdollars(self) -> int | None:
        """The cost; None without a price."""
        return None if self.price is None else self.price.of(self.tokens)


@asynccontextmanager
async def metered(
    account: Account, target: Target, request: ChatRequest, purpose: Purpose, *, attempt: int
) -> AsyncIterator[Meter]:
    """A meter that runs while the block asks the target.

    Raises:
        LlmUnavailable: the target takes no call at the moment.
        BudgetExhausted, RequestBudgetExceeded: the call would cost too much.
    """
    limit = target.endpoint.output_limit(request.max_output_tokens)
    price = target.model.price
    most = most_tokens(request.messages, request.json_schema, limit)
    most_microdollars = price.of(most) if price else 0
    meter = Meter(request=request, price=price, output_limit=limit)
    spent: int | None = 0
    account.spending.hold(most_microdollars)
    try:
        async with target.admission(seconds=account.seconds_left):
            try:
                reservation = await account.ledger.reserve(
                    account.tenant_id,
                    microdollars=most_microdollars,
                    limit=account.microdollars_per_day,
                    seconds=account.seconds_left,
                )
                meter.started = perf_counter()
                try:
                    yield meter
                finally:
                    spent = meter.microdollars
                    call = _recorded(account, target, purpose, meter, attempt)
                    await account.ledger.settle(
                        account.tenant_id, reservation, call, target=target.key
                    )
            finally:
                _record_outcome(target.breaker, meter.outcome)
    finally:
        account.spending.settle(held=most_microdollars, spent=spent)


def _recorded(
    account: Account, target: Target, purpose: Purpose, meter: Meter, attempt: int
) -> MeteredCall:
    tokens = meter.tokens
    return MeteredCall(
        session_id=account.session_id,
        feature=purpose.feature,
        operation=purpose.operation,
        alias=account.alias,
        provider=target.model.provider,
        model=target.model.name,
        prompt_name=purpose.prompt_name,
        prompt_version=purpose.prompt_version,
        attempt=attempt,
        outcome=meter.outcome,
        is_streamed=meter.request.is_streamed,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cached_tokens=tokens.cached,
        is_estimated=tokens.is_estimated,
        cost_microdollars=meter.microdollars,
        price_version=account.price_version if meter.price else None,
        latency_ms=_milliseconds(meter.started, perf_counter()),
        first_token_ms=(
            None if meter.first_text is None else _milliseconds(meter.started, meter.first_text)
        ),
    )


def _outcome(
    failure: LlmUnavailable | LlmOutputInvalid | Misconfigured, *, has_begun: bool
) -> Outcome:
    match failure:
        case LlmTimedOut():
            return "timed_out"
        case RateLimitedByServer():
            return "rate_limited"
        case LlmUnavailable():
            return "broken_off" if has_begun else "unavailable"
        case LlmOutputInvalid():
            return "invalid_output"
        case Misconfigured():
            return "refused"


def _record_outcome(breaker: Breaker, outcome: Outcome) -> None:
    match outcome:
        case "completed":
            breaker.record_success()
        case "timed_out" | "unavailable" | "broken_off" | "invalid_output":
            breaker.record_failure()
        case "cancelled" | "rate_limited" | "refused":
            breaker.record_unknown()
        case _:
            assert_never(outcome)


def _milliseconds(since: float, until: float) -> int:
    return round((until - since) * 1000)
