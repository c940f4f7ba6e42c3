"""The ledger of costs: money is reserved before a call, and each call is recorded after it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from kb.errors import BudgetExhausted
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.budgets import Reservation, nothing_reserved, reserve, settle
from kb.store.model_calls import MeteredCall, insert_model_call
from kb.telemetry import Metrics

GRACE = timedelta(seconds=60)
"""A reservation outlives the call's own deadline by this much: only a dead process leaves one."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The reservations and calls of all tenants."""

    database: Database
    metrics: Metrics
    clock: Callable[[], datetime]
    _settling: set[asyncio.Task[None]] = field(default_factory=set)

    async def reserve(
        self, tenant_id: TenantId, *, microdollars: int, limit: int | None, seconds: float
    ) -> Reservation:
        """Money for a call of at most so many seconds.

        Raises:
            BudgetExhausted: the day's limit would be exceeded.
        """
        now = self.clock()
        if limit is None:
            return nothing_reserved(now)
        async with self.database.tenant(tenant_id, viewer=None) as scope:
            reservation = await reserve(
                scope,
                microdollars=microdollars,
                limit=limit,
                lasting=timedelta(seconds=seconds) + GRACE,
                now=now,
            )
        if reservation is None:
            today = now.astimezone(UTC).date()
            midnight = datetime.combine(today + timedelta(days=1), time(), tzinfo=UTC)
            seconds_to_midnight = int((midnight - now).total_seconds()) + 1
            raise BudgetExhausted(retry_after_seconds=seconds_to_midnight)
        return reservation

    async def settle(
        self, tenant_id: TenantId, reservation: Reservation, call: MeteredCall, *, target: str
    ) -> None:
        """Records the call and releases the unused money, even when the caller is cancelled."""
        task = asyncio.create_task(self._settle(tenant_id, reservation, call))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        self.metrics.count_model_call(
            target=target,
            feature=call.feature,
            outcome=call.outcome,
            tokens={
                "input": call.input_tokens,
                "output": call.output_tokens,
                "cached": call.cached_tokens,
            },
            microdollars=call.cost_microdollars or 0,
        )
        await asyncio.shield(task)

    async def finish(self) -> None:
        """Returns when the calls are recorded whose callers did not wait for it."""
        await asyncio.gather(*self._settling, return_exceptions=True)

    async def _settle(
        self, tenant_id: TenantId, reservation: Reservation, call: MeteredCall
    ) -> None:
        async with self.database.tenant(tenant_id, viewer=None) as scope:
            # The record first: it waits for nobody, the day's row for other calls of the tenant.
            await insert_model_call(scope, call)
            await settle(scope, reservation, microdollars=call.cost_microdollars or 0)
