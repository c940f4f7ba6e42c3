"""Webhooks: the endpoints that a tenant wants told of events, and the secrets that sign.

All of it needs a whole-tenant scope: who may ask is a question of the key's scope.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypedDict

from sqlalchemy import Row, delete, func, insert, select, update

from kb.errors import InvalidInput, LimitExceeded, WebhookNotFound
from kb.ids import WebhookId, new_uuid
from kb.postgres.database import TenantSession
from kb.store.choices import EventType
from kb.store.tables import webhooks

MAX_WEBHOOKS: Final = 20
"""Of a tenant: each event is stored once for each."""

MAX_SECRETS: Final = 5
"""That sign at once; a further rotation ends the oldest."""

SECRET_START: Final = "whsec_"  # noqa: S105  # not one itself
SECRET_BYTES: Final = range(24, 65)
"""Source: Standard Webhooks specification, symmetric signatures."""

DisabledReason = Literal["by_request", "gone", "failing"]
"""Somebody asked for it; the endpoint answered 410 Gone; it has failed for days."""


class StoredSecret(TypedDict):
    """A secret, and the RFC 3339 time when it stops signing; None: never."""

    secret: str
    expires_at: str | None


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An endpoint; `secrets` are the newest first, of which the first never expires."""

    id: WebhookId
    url: str
    events: tuple[EventType, ...]
    secrets: tuple[StoredSecret, ...]
    is_enabled: bool
    disabled_reason: DisabledReason | None
    failures: int
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime

    def signing_secrets(self, now: datetime) -> list[str]:
        """Those that sign at that time."""
        return [
            each["secret"]
            for each in self.secrets
            if each["expires_at"] is None or datetime.fromisoformat(each["expires_at"]) > now
        ]


def new_secret() -> str:
    """A secret as the specification writes it."""
    return SECRET_START + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """The secret; InvalidInput when it is not `whsec_` and 24 to 64 bytes in base64."""
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_START), validate=True))
    except ValueError:
        size = 0
    if not secret.startswith(SECRET_START) or size not in SECRET_BYTES:
        raise InvalidInput(
            f"A secret is {SECRET_START!r} and {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in "
            "base64. Leave it out to have one made."
        )
    return secret


async def create_webhook(
    scope: TenantSession, *, url: str, events: Sequence[EventType], secret: str, now: datetime
) -> Webhook:
    """A new webhook; LimitExceeded when the tenant has as many as it may."""
    count = select(func.count()).where(webhooks.c.tenant_id == scope.tenant_id)
    if (await scope.connection.execute(count)).scalar_one() >= MAX_WEBHOOKS:
        raise LimitExceeded(f"A tenant has at most {MAX_WEBHOOKS} webhooks: remove one.")
    statement = (
        insert(webhooks)
        .values(
            tenant_id=scope.tenant_id,
            id=new_uuid(),
            url=url,
            events=sorted(set(events)),
            secrets=[StoredSecret(secret=secret, expires_at=None)],
            created_at=now,
            updated_at=now,
        )
        .returning(webhooks)
    )
    return _webhook((await scope.connection.execute(statement)).one())


async def list_webhooks(
    scope: TenantSession, *, after: WebhookId | None, limit: int
) -> list[Webhook]:
    """The tenant's webhooks, oldest first."""
    query = select(webhooks).where(webhooks.c.tenant_id == scope.tenant_id)
    if after is not None:
        query = query.where(webhooks.c.id > after)
    found = await scope.connection.execute(query.order_by(webhooks.c.id).limit(limit))
    return [_webhook(row) for row in found]


async def get_webhook(
    scope: TenantSession, webhook_id: WebhookId, *, is_locked: bool = False
) -> Webhook:
    """The webhook; WebhookNotFound when there is none.

    With `is_locked` nobody else changes or serves it until the transaction ends.
    """
    query = select(webhooks).where(
        webhooks.c.tenant_id == scope.tenant_id, webhooks.c.id == webhook_id
    )
    row = (
        await scope.connection.execute(
            query.with_for_update(key_share=True) if is_locked else query
        )
    ).one_or_none()
    if row is None:
        raise WebhookNotFound
    return _webhook(row)


async def change_webhook(
    scope: TenantSession, webhook_id: WebhookId, *, now: datetime, **values: object
) -> Webhook:
    """The webhook with these columns set; WebhookNotFound when there is none."""
    statement = (
        update(webhooks)
        .where(webhooks.c.tenant_id == scope.tenant_id, webhooks.c.id == webhook_id)
        .values(updated_at=now, **values)
        .returning(webhooks)
    )
    row = (await scope.connection.execute(statement)).one_or_none()
    if row is None:
        raise WebhookNotFound
    return _webhook(row)


async def enable_webhook(scope: TenantSession, webhook_id: WebhookId, *, now: datetime) -> Webhook:
    """The webhook, to which what waits is sent at once."""
    return await change_webhook(
        scope,
        webhook_id,
        now=now,
        is_enabled=True,
        disabled_reason=None,
        failures=0,
        failing_since=None,
        due_at=now,
    )


async def disable_webhook(
    scope: TenantSession, webhook_id: WebhookId, reason: DisabledReason, *, now: datetime
) -> Webhook:
    """The webhook, which is told of nothing more; what waits is kept for a while."""
    return await change_webhook(
        scope, webhook_id, now=now, is_enabled=False, disabled_reason=reason
    )


async def rotate_secret(
    scope: TenantSession, webhook_id: WebhookId, secret: str, *, overlap: timedelta, now: datetime
) -> Webhook:
    """The webhook, which signs with this secret and, until the overlap ends, with those before."""
    webhook = await get_webhook(scope, webhook_id, is_locked=True)
    ends_at = (now + overlap).isoformat()
    kept = [
        StoredSecret(secret=each["secret"], expires_at=each["expires_at"] or ends_at)
        for each in webhook.secrets
        if each["secret"] in webhook.signing_secrets(now) and each["secret"] != secret
    ]
    newest = StoredSecret(secret=secret, expires_at=None)
    return await change_webhook(scope, webhook_id, now=now, secrets=[newest, *kept][:MAX_SECRETS])


async def delete_webhook(scope: TenantSession, webhook_id: WebhookId) -> None:
    """Removes the webhook with its deliveries; WebhookNotFound when there is none."""
    deleted = await scope.connection.execute(
        delete(webhooks).where(webhooks.c.tenant_id == scope.tenant_id, webhooks.c.id == webhook_id)
    )
    if deleted.rowcount == 0:
        raise WebhookNotFound


def _webhook(row: Row[tuple[object, ...]]) -> Webhook:
    return Webhook(
        id=WebhookId(row.id),
        url=row.url,
        events=tuple(row.events),
        secrets=tuple(row.secrets),
        is_enabled=row.is_enabled,
        disabled_reason=row.disabled_reason,
        failures=row.failures,
        failing_since=row.failing_since,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
