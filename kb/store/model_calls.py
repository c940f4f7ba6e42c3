"""The record of every call of a language model: who asked for what, how much, how long.

Nothing of what was said is in it. Only the role that sees the whole tenant may write and read it.
"""

from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import insert

from kb.ids import new_uuid
from kb.postgres.database import TenantSession
from kb.store.tables import model_calls

Feature = Literal["answer", "rewrite", "judge", "moderation"]
"""The purpose of a call."""

Operation = Literal["chat", "moderation"]
"""The endpoint of the model's server that was called."""

Outcome = Literal[
    "completed",
    "cancelled",  # the caller went away or the answer's time was over
    "timed_out",
    "rate_limited",
    "unavailable",
    "refused",  # wrong key, model or option: an operator must act
    "invalid_output",
    "broken_off",  # the stream ended before its end
]


@dataclass(frozen=True, kw_only=True)
class MeteredCall:
    """One attempt at one model.

    Attributes:
        session_id: shared by all calls of one answer.
        model: as the provider calls it.
        is_estimated: the server reported no tokens; they were counted from the texts.
        cost_microdollars: None when the model has no price.
        price_version: of the price table that the cost was computed with.
        first_token_ms: until the first text of a stream.
    """

    session_id: UUID
    feature: Feature
    operation: Operation = "chat"
    alias: str
    provider: str
    model: str
    prompt_name: str | None
    prompt_version: int | None
    attempt: int
    outcome: Outcome
    is_streamed: bool
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    is_estimated: bool
    cost_microdollars: int | None
    price_version: str | None
    latency_ms: int
    first_token_ms: int | None


async def insert_model_call(scope: TenantSession, call: MeteredCall) -> None:
    """Adds the call to the record."""
    await scope.connection.execute(
        insert(model_calls).values(tenant_id=scope.tenant_id, id=new_uuid(), **asdict(call))
    )
