"""What the worker does every night: forgets what is older than the operator wants to keep.

One small transaction after the other, each as the tenant's writer under row security: whatever is
cut off goes on the night after.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from kb.errors import DependencyFailed
from kb.files import FileStore
from kb.ids import TenantId
from kb.postgres.database import Database, TenantSession
from kb.store.answer_events import KEPT_FOR
from kb.store.retention import (
    REQUESTS_KEPT_FOR,
    Retention,
    prune_answer_events,
    prune_answers,
    prune_audiences,
    prune_model_calls,
    prune_requests,
)
from kb.store.stored_files import discard_unneeded
from kb.store.tenants import generations
from kb.telemetry import Metrics

log = structlog.get_logger(__name__)

EVERY_NIGHT: Final = "17 3 * * *"
"""Cron, UTC. Not on the hour, when everybody else's jobs run."""

BATCH_ROWS: Final = 1_000
"""Deleted in one transaction: milliseconds, so that nobody waits for its locks."""

MAX_BATCHES: Final = 1_000
"""Of one kind, tenant and night; what is left goes the night after."""

UPLOADS_TAKE: Final = timedelta(days=1)
"""Bytes that nothing needs may belong to an upload that is being stored, for so long at most."""


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What is needed to forget."""

    database: Database
    files: FileStore
    metrics: Metrics
    retention: Retention
    clock: Callable[[], datetime]
    batch_rows: int = BATCH_ROWS


_Prune = Callable[[TenantSession], Awaitable[int]]


async def prune(upkeep: Upkeep) -> dict[str, int]:
    """How much of each kind was forgotten, over all tenants.

    Raises DependencyFailed, once all tenants have had their turn, when one's could not be finished.
    """
    async with upkeep.database.system() as system:
        tenant_ids = list(await generations(system))
    totals: dict[str, int] = {}
    failure: DependencyFailed | None = None
    for tenant_id in tenant_ids:
        try:
            counts = await _prune_tenant(upkeep, tenant_id)
        except DependencyFailed as error:
            # The other tenants' turn comes all the same.
            log.warning("retention.failed", tenant_id=str(tenant_id), code=error.code)
            failure = error
            continue
        for kind, count in counts.items():
            totals[kind] = totals.get(kind, 0) + count
    for kind, count in totals.items():
        upkeep.metrics.count_pruned(kind=kind, count=count)
    log.info("retention.pruned", tenants=len(tenant_ids), **totals)
    if failure is not None:
        raise failure
    return totals


async def _prune_tenant(upkeep: Upkeep, tenant_id: TenantId) -> dict[str, int]:
    now = upkeep.clock()
    counts = {
        kind: await _in_batches(upkeep, tenant_id, batch)
        for kind, batch in _batches(upkeep, now).items()
    }
    counts["files"] = await discard_unneeded(
        upkeep.database, upkeep.files, tenant_id, before=now - UPLOADS_TAKE, limit=upkeep.batch_rows
    )
    return counts


def _batches(upkeep: Upkeep, now: datetime) -> dict[str, _Prune]:
    """One batch of each kind that is not kept for ever."""
    retention, limit = upkeep.retention, upkeep.batch_rows
    batches: dict[str, _Prune] = {
        "answer_events": lambda scope: prune_answer_events(
            scope, before=now - KEPT_FOR, limit=limit
        ),
        "requests": lambda scope: prune_requests(
            scope, before=now - REQUESTS_KEPT_FOR, limit=limit
        ),
        "audiences": lambda scope: prune_audiences(scope, limit=limit),
    }
    if (answers := retention.answers) is not None:
        batches["answers"] = lambda scope: prune_answers(scope, before=now - answers, limit=limit)
    if (calls := retention.model_calls) is not None:
        batches["model_calls"] = lambda scope: prune_model_calls(
            scope, before=now - calls, limit=limit
        )
    return batches


async def _in_batches(upkeep: Upkeep, tenant_id: TenantId, batch: _Prune) -> int:
    total = 0
    for _ in range(MAX_BATCHES):
        async with upkeep.database.tenant(tenant_id, viewer=None) as scope:
            count = await batch(scope)
        total += count
        if count < upkeep.batch_rows:
            break
    return total
