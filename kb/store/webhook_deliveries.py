"""What is to be delivered to webhooks, and what became of it.

All but the leases needs a whole-tenant scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypedDict

from sqlalchemy import Row, Select, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from kb.errors import DeliveryNotFound
from kb.ids import DeliveryId, TenantId, WebhookId, new_uuid
from kb.postgres.database import SystemSession, TenantSession
from kb.store.choices import EventType
from kb.store.tables import webhook_deliveries, webhooks
from kb.store.webhook_events import EventValue
from kb.store.webhooks import Webhook, get_webhook

DeliveryStatus = Literal["pending", "succeeded", "failed"]
"""`failed`: it was tried as often as it is; `:retry` makes it pending again."""

TEST_TYPE: Final = "webhook.test"

# A worker that has died holds a lease no longer than that lasts.
_LEASE = text(
    """
    UPDATE webhooks SET leased_until = :until
    FROM (
        SELECT tenant_id, id FROM webhooks
        WHERE is_enabled AND due_at <= :now AND leased_until <= :now AND EXISTS (
            SELECT FROM webhook_deliveries AS delivery
            WHERE delivery.tenant_id = webhooks.tenant_id
                AND delivery.webhook_id = webhooks.id
                AND delivery.status = 'pending' AND delivery.due_at <= :now
        )
        ORDER BY due_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
    WHERE webhooks.tenant_id = due.tenant_id AND webhooks.id = due.id
    RETURNING webhooks.tenant_id, webhooks.id
    """
)


class StoredAttempt(TypedDict):
    """One attempt: when, the status code or the code of our error, and how long it took."""

    at: str
    status_code: int | None
    error: str | None
    milliseconds: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event for one webhook; `id` is the same for all webhooks and all attempts."""

    id: DeliveryId
    webhook_id: WebhookId
    type: EventType | Literal["webhook.test"]
    data: Mapping[str, EventValue]
    occurred_at: datetime
    status: DeliveryStatus
    attempts: tuple[StoredAttempt, ...]
    due_at: datetime


async def lease_due_webhooks(
    system: SystemSession, *, limit: int, lasting: timedelta, now: datetime
) -> list[tuple[TenantId, WebhookId]]:
    """Webhooks that something is due for, of any tenant; nobody else serves them meanwhile."""
    leased = await system.connection.execute(
        _LEASE, {"limit": limit, "until": now + lasting, "now": now}
    )
    return [(TenantId(row.tenant_id), WebhookId(row.id)) for row in leased]


async def take_next(
    scope: TenantSession, webhook_id: WebhookId, *, lasting: timedelta, now: datetime
) -> tuple[Webhook, Delivery] | None:
    """The delivery that has been due for longest, and the lease made longer.

    None, and the lease given back, when there is none; WebhookNotFound when it was removed.
    """
    webhook = await get_webhook(scope, webhook_id, is_locked=True)
    query = (
        _deliveries(scope, webhook_id)
        .where(webhook_deliveries.c.status == "pending", webhook_deliveries.c.due_at <= now)
        .order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.id)
        .limit(1)
    )
    row = (await scope.connection.execute(query)).one_or_none() if webhook.is_enabled else None
    await _set_webhook(scope, webhook_id, leased_until=now + lasting if row else now)
    return (webhook, _delivery(row)) if row else None


async def give_back(scope: TenantSession, webhook_id: WebhookId, *, now: datetime) -> None:
    """Ends the lease; those that have been due for longer are served first."""
    await _set_webhook(scope, webhook_id, leased_until=now, due_at=now)


async def record_attempt(
    scope: TenantSession,
    delivery: Delivery,
    attempt: StoredAttempt,
    *,
    status: DeliveryStatus,
    due_at: datetime,
) -> None:
    """Adds to the log of a delivery; one that has succeeded elsewhere meanwhile stays so."""
    table = webhook_deliveries.c
    await scope.connection.execute(
        update(webhook_deliveries)
        .where(table.tenant_id == scope.tenant_id, table.webhook_id == delivery.webhook_id)
        .where(table.id == delivery.id, table.status == "pending")
        .values(
            status=status, due_at=due_at, attempts=table.attempts + literal([attempt], type_=JSONB)
        )
    )


async def record_health(
    scope: TenantSession, webhook_id: WebhookId, *, failures: int, due_at: datetime, now: datetime
) -> None:
    """Stores how often in a row the endpoint has failed; it is due again at that time.

    One that has failed is given back.
    """
    if failures == 0:
        await _set_webhook(scope, webhook_id, failures=0, failing_since=None, due_at=due_at)
        return
    await _set_webhook(
        scope,
        webhook_id,
        failures=failures,
        failing_since=func.coalesce(webhooks.c.failing_since, now),
        due_at=due_at,
        leased_until=now,
    )


async def list_deliveries(
    scope: TenantSession, webhook_id: WebhookId, *, before: DeliveryId | None, limit: int
) -> list[Delivery]:
    """The deliveries of the webhook, newest first."""
    query = _deliveries(scope, webhook_id).order_by(webhook_deliveries.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(webhook_deliveries.c.id < before)
    return [_delivery(row) for row in await scope.connection.execute(query)]


async def retry_delivery(
    scope: TenantSession, webhook_id: WebhookId, delivery_id: DeliveryId, *, now: datetime
) -> Delivery:
    """The delivery, pending again and due at once; DeliveryNotFound when there is none.

    One that succeeded is sent again too: the receiver may have lost it.
    """
    table = webhook_deliveries.c
    statement = (
        update(webhook_deliveries)
        .where(table.tenant_id == scope.tenant_id, table.webhook_id == webhook_id)
        .where(table.id == delivery_id)
        .values(status="pending", due_at=now)
        .returning(webhook_deliveries)
    )
    row = (await scope.connection.execute(statement)).one_or_none()
    if row is None:
        raise DeliveryNotFound
    await _set_webhook(scope, webhook_id, due_at=now)
    return _delivery(row)


async def add_test_delivery(
    scope: TenantSession, webhook_id: WebhookId, *, now: datetime
) -> Delivery:
    """A delivery that tells of nothing, due at once."""
    statement = (
        insert(webhook_deliveries)
        .values(
            tenant_id=scope.tenant_id,
            id=new_uuid(),
            webhook_id=webhook_id,
            type=TEST_TYPE,
            data={},
            occurred_at=now,
            due_at=now,
        )
        .returning(webhook_deliveries)
    )
    row = (await scope.connection.execute(statement)).one()
    await _set_webhook(scope, webhook_id, due_at=now)
    return _delivery(row)


def _deliveries(scope: TenantSession, webhook_id: WebhookId) -> Select[Any]:  # all columns
    return select(webhook_deliveries).where(
        webhook_deliveries.c.tenant_id == scope.tenant_id,
        webhook_deliveries.c.webhook_id == webhook_id,
    )


async def _set_webhook(scope: TenantSession, webhook_id: WebhookId, **values: object) -> None:
    await scope.connection.execute(
        update(webhooks)
        .where(webhooks.c.tenant_id == scope.tenant_id, webhooks.c.id == webhook_id)
        .values(**values)
    )


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        webhook_id=WebhookId(row.webhook_id),
        type=row.type,
        data=row.data,
        occurred_at=row.occurred_at,
        status=row.status,
        attempts=tuple(row.attempts),
        due_at=row.due_at,
    )
