"""Deletes what is older than the operator wants to keep, as part of each night's re-index.

It works in small transactions, each as the tenant's writer under row security. What is left when
the worker stops is deleted the night after.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from kb.errors import DependencyFailed
from kb.files import FileStore
from kb.ids import DocumentId, TenantId
from kb.postgres.database import Database, TenantSession, retried
from kb.store.answer_events import KEPT_FOR
from kb.store.changes import Receipt
from kb.store.document_retention import delete_outlived, outlived_documents
from kb.store.retention import (
    DELIVERIES_KEPT_FOR,
    REQUESTS_KEPT_FOR,
    Retention,
    prune_answer_events,
    prune_answers,
    prune_audiences,
    prune_model_calls,
    prune_requests,
    prune_webhook_deliveries,
)
from kb.store.stored_files import discard_file, discard_unneeded
from kb.store.tenant_deletion import deleted_among
from kb.store.tenants import generations
from kb.telemetry import Metrics

log = structlog.get_logger(__name__)

BATCH_ROWS: Final = 1_000
"""Deleted in one transaction: milliseconds, so that nobody waits for its locks."""

MAX_BATCHES: Final = 1_000
"""Of one kind, tenant and night; what is left goes the night after."""

MAX_UPLOAD_TIME: Final = timedelta(days=1)
"""Younger bytes that no document names may belong to an upload that is being stored."""


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """The tools and the limits of the nightly deletion."""

    database: Database
    files: FileStore
    metrics: Metrics
    retention: Retention
    clock: Callable[[], datetime]
    batch_rows: int = BATCH_ROWS


_Prune = Callable[[TenantSession], Awaitable[int]]


async def prune(upkeep: Upkeep) -> dict[str, int]:
    """The number of rows and files of each kind that were deleted, over all tenants.

    Raises DependencyFailed, once all tenants have had their turn, when one's could not be finished.
    """
    stored = await upkeep.files.tenants()
    async with upkeep.database.system() as system:
        tenant_ids = list(await generations(system))
        deleted = await deleted_among(system, stored)
    # An upload that was being stored meanwhile may have left its bytes.
    for tenant_id in deleted:
        await upkeep.files.delete_all(tenant_id)
    totals: dict[str, int] = {}
    failure: DependencyFailed | None = None
    for tenant_id in tenant_ids:
        try:
            counts = await prune_tenant(upkeep, tenant_id)
        except DependencyFailed as error:
            # The other tenants have their turn all the same.
            log.warning("retention.failed", tenant_id=str(tenant_id), code=error.code)
            failure = error
            continue
        for kind, count in counts.items():
            totals[kind] = totals.get(kind, 0) + count
    log.info("retention.pruned", tenants=len(tenant_ids), **totals)
    if failure is not None:
        raise failure
    return totals


async def prune_tenant(upkeep: Upkeep, tenant_id: TenantId) -> dict[str, int]:
    """The number of rows and files of each kind that were deleted, batch by batch."""
    now = upkeep.clock()
    counts: dict[str, int] = {}
    for kind, prune_batch in _batches(upkeep, now).items():
        counts[kind] = 0
        for _ in range(MAX_BATCHES):
            async with upkeep.database.tenant(tenant_id, viewer=None) as scope:
                count = await prune_batch(scope)
            counts[kind] += count
            if count < upkeep.batch_rows:
                break
    counts["documents"] = await _prune_documents(upkeep, tenant_id, now)
    counts["files"] = await discard_unneeded(
        upkeep.database,
        upkeep.files,
        tenant_id,
        before=now - MAX_UPLOAD_TIME,
        limit=upkeep.batch_rows,
    )
    for kind, count in counts.items():
        upkeep.metrics.count_pruned(kind=kind, count=count)
    return counts


async def _prune_documents(upkeep: Upkeep, tenant_id: TenantId, now: datetime) -> int:
    """The number of documents deleted that have outlived the retention of their collection.

    One in a transaction: each takes the tenant's lock. Processes of the API then purge copies.
    """
    count = 0
    for _ in range(MAX_BATCHES):
        async with upkeep.database.tenant(tenant_id, viewer=None) as scope:
            outlived = await outlived_documents(scope, now=now, limit=upkeep.batch_rows)
        for document_id in outlived:

            async def transaction(document_id: DocumentId = document_id) -> Receipt | None:
                async with upkeep.database.tenant(tenant_id, viewer=None) as scope:
                    return await delete_outlived(scope, document_id, now=now)

            receipt = await retried(transaction)
            if receipt is None:
                continue
            count += 1
            for sha256 in receipt.sha256s:
                await discard_file(upkeep.database, upkeep.files, tenant_id, sha256)
        if len(outlived) < upkeep.batch_rows:
            break
    return count


def _batches(upkeep: Upkeep, now: datetime) -> dict[str, _Prune]:
    """For each kind that is not kept for ever, a query that deletes one batch."""
    retention, limit = upkeep.retention, upkeep.batch_rows
    batches: dict[str, _Prune] = {
        "answer_events": lambda scope: prune_answer_events(
            scope, before=now - KEPT_FOR, limit=limit
        ),
        "requests": lambda scope: prune_requests(
            scope, before=now - REQUESTS_KEPT_FOR, limit=limit
        ),
        "webhook_deliveries": lambda scope: prune_webhook_deliveries(
            scope, before=now - DELIVERIES_KEPT_FOR, limit=limit
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
