"""Deletion of what is old: answers and their events, model calls, requests, deliveries, audiences.

Everything here needs a whole-tenant scope and deletes at most `limit` rows, the oldest first, so
that no transaction grows with what has piled up. Budgets live in tables of their own and the audit
trail is kept for ever: neither is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Table, delete, exists, select, text
from sqlalchemy.exc import OperationalError

from kb.postgres.database import TenantSession
from kb.store.spaces import all_spaces, vectors_table
from kb.store.tables import (
    answer_events,
    answers,
    audiences,
    idempotency_keys,
    model_calls,
    webhook_deliveries,
)

REQUESTS_KEPT_FOR: Final = timedelta(days=7)
"""A repeated request gets the first response for so long: longer than any client tries again."""

DELIVERIES_KEPT_FOR: Final = timedelta(days=30)
"""Longer than the last attempt takes; the log is for whoever looks for a lost event."""

LOCK_NOT_AVAILABLE: Final = "55P03"

_CLOCKS_APART: Final = timedelta(days=1)
"""Between the process that made an id and the server that dated its row."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The time for which things are kept; None: for ever."""

    answers: timedelta | None
    model_calls: timedelta | None


async def prune_answers(scope: TenantSession, *, before: datetime, limit: int) -> int:
    """The number of answers older than that deleted; their events and citations go with them."""
    return await _prune(scope, answers, before=before, limit=limit)


async def prune_model_calls(scope: TenantSession, *, before: datetime, limit: int) -> int:
    """The number of older calls deleted; the database keeps those of the last 30 days."""
    return await _prune(scope, model_calls, before=before, limit=limit)


async def prune_answer_events(scope: TenantSession, *, before: datetime, limit: int) -> int:
    """The number of events of streamed answers, older than that, deleted."""
    key = ("answer_id", "number")
    return await _prune_oldest(scope, answer_events, key, before=before, limit=limit)


async def prune_requests(scope: TenantSession, *, before: datetime, limit: int) -> int:
    """The number of stored responses to requests with an Idempotency-Key deleted."""
    key = ("owner", "key")
    return await _prune_oldest(scope, idempotency_keys, key, before=before, limit=limit)


async def prune_webhook_deliveries(scope: TenantSession, *, before: datetime, limit: int) -> int:
    """The number of events for webhooks, sent or not, deleted."""
    return await _prune(scope, webhook_deliveries, before=before, limit=limit)


async def prune_audiences(scope: TenantSession, *, limit: int) -> int:
    """The number of audiences deleted, which no vector had.

    None while something writes or vacuums vectors: it may be about to use one. What begins to write
    meanwhile waits until this has looked through the tenant's audiences.
    """
    tables = [vectors_table(space) for space in await all_spaces(scope)]
    try:
        async with scope.connection.begin_nested():
            for table in tables:
                # The names are ours, checked when the spaces were made.
                await scope.connection.execute(
                    text(f'LOCK TABLE "{table.name}" IN SHARE MODE NOWAIT')
                )
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            return 0
        raise

    is_unused = [
        ~exists().where(
            table.c.tenant_id == audiences.c.tenant_id, table.c.audience_id == audiences.c.id
        )
        for table in tables
    ]
    unused = (
        select(audiences.c.id)
        .where(audiences.c.tenant_id == scope.tenant_id)
        .where(*is_unused)
        .order_by(audiences.c.id)
        .limit(limit)
    )
    deleted = await scope.connection.execute(
        delete(audiences).where(
            audiences.c.tenant_id == scope.tenant_id, audiences.c.id.in_(unused)
        )
    )
    return int(deleted.rowcount)


async def _prune(scope: TenantSession, table: Table, *, before: datetime, limit: int) -> int:
    # Ids are made in the order of time: the primary key ends the scan where the young rows begin,
    # above every UUIDv7 of a row that is dated before the moment.
    milliseconds = round((before + _CLOCKS_APART).timestamp() * 1000)
    above = UUID(int=milliseconds << 80)
    old = (
        select(table.c.id)
        .where(table.c.tenant_id == scope.tenant_id, table.c.id < above)
        .where(table.c.created_at < before)
        .order_by(table.c.id)
        .limit(limit)
    )
    deleted = await scope.connection.execute(
        delete(table).where(table.c.tenant_id == scope.tenant_id, table.c.id.in_(old))
    )
    return int(deleted.rowcount)


async def _prune_oldest(
    scope: TenantSession,
    table: Table,
    key: Sequence[str],
    *,
    before: datetime,
    limit: int,
) -> int:
    """`key` names the columns that tell the table's rows apart within a tenant."""
    old = (
        select(*(table.c[name] for name in key))
        .where(table.c.tenant_id == scope.tenant_id, table.c.created_at < before)
        .order_by(table.c.created_at)
        .limit(limit)
        .subquery()
    )
    deleted = await scope.connection.execute(
        delete(table)
        .where(table.c.tenant_id == scope.tenant_id)
        .where(*(table.c[name] == old.c[name] for name in key))
    )
    return int(deleted.rowcount)
