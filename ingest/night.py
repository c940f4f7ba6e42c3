"""Begins the night's work when it is due: once for each due time, whichever worker sees it first.

procrastinate's own periodic tasks forget what was due while no worker ran. Here the time that was
done last is stored, so that a missed night is caught up once, at the next start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from ingest.rereading import OWNER
from kb.errors import AlreadyExists, DependencyFailed, ProcessingFailed, TenantNotFound
from kb.ids import TenantId
from kb.postgres.database import Database, retried
from kb.schedule import latest_due
from kb.store.reindex_runs import Asked, begin_run
from kb.store.schedules import is_to_do, mark_done
from kb.store.tenants import generations

log = structlog.get_logger(__name__)

NIGHTLY: Final = "nightly re-index"

TICK: Final = timedelta(minutes=1)
"""The unit of cron; one look is two statements."""

EnqueueDueSources = Callable[[datetime], Awaitable[object]]
"""Queues the sources that have a schedule of their own and are due."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """The schedule of the nightly work; `cron` is valid."""

    database: Database
    cron: str
    clock: Callable[[], datetime]
    enqueue_due_sources: EnqueueDueSources | None = None


async def tick(night: Night) -> int:
    """The number of runs begun: one for each tenant when the night is due, else none.

    A worker that dies here leaves tenants for the next one to begin; two workers begin each
    tenant's run once.
    """
    now = night.clock()
    due = latest_due(night.cron, now=now)
    async with night.database.system() as system:
        is_due = await is_to_do(system, NIGHTLY, due, now=now)
        tenant_ids = list(await generations(system)) if is_due else []
    begun = 0
    for tenant_id in tenant_ids:

        async def transaction(tenant_id: TenantId = tenant_id) -> bool:
            try:
                async with night.database.tenant(tenant_id, viewer=None) as scope:
                    await begin_run(scope, Asked(), trigger="cron", owner=OWNER, due_at=due)
            except (AlreadyExists, TenantNotFound):
                # Another worker was first, or the tenant is being deleted.
                return False
            return True

        begun += await retried(transaction)
    if is_due:
        async with night.database.system() as system:
            await mark_done(system, NIGHTLY, due, now=now)
        log.info("night.begun", due=due.isoformat(), tenants=begun)
    if night.enqueue_due_sources is not None:
        await night.enqueue_due_sources(now)
    return begun


async def look(night: Night) -> None:
    """One tick, whose failure is logged: the next one may succeed."""
    try:
        await tick(night)
    except DependencyFailed as error:
        log.warning("night.cannot_look", code=error.code)
    except Exception:  # one look that fails must not be the last
        log.exception("night.cannot_look", code=ProcessingFailed.code)


async def look_repeatedly(night: Night) -> None:
    """Looks every minute, until cancelled."""
    while True:
        await look(night)
        await asyncio.sleep(TICK.total_seconds())
