"""Delivers events to webhooks, in a worker but beside its jobs: neither waits for the other.

The store is the queue. A worker leases an endpoint and sends what is due, one event after another;
a lease that a dead worker held runs out. So an endpoint that is slow or away holds up nobody else,
and every event arrives at least once. The order is not kept: what failed is sent again later.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

import httpx
import structlog
from standardwebhooks import Webhook as Signer
from structlog.contextvars import bound_contextvars

from kb.errors import DependencyFailed, KnowledgeBaseError, WebhookNotFound
from kb.ids import TenantId, WebhookId
from kb.outbound import OutboundClient, OutboundRequest
from kb.postgres.database import Database
from kb.store.webhook_deliveries import (
    Delivery,
    DeliveryStatus,
    StoredAttempt,
    give_back,
    lease_due_webhooks,
    record_attempt,
    record_health,
    take_next,
)
from kb.store.webhooks import Webhook, disable_webhook
from kb.telemetry import Metrics
from kb.times import rfc3339

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Delays between the attempts at a delivery, ten over three days, each up to a fifth longer.

Source: Standard Webhooks specification, deliverability.
"""

JITTER: Final = 0.2
DISABLE_AFTER: Final = timedelta(days=5)
"""An endpoint that has not answered well once in this time is told of nothing more."""

FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""Between two events for an endpoint that fails, whatever waits for it."""

LONGEST_RETRY_AFTER: Final = timedelta(days=1)
SEND_SECONDS: Final = 15.0
"""Source: Standard Webhooks specification, which asks receivers to answer within 15 to 30 s."""

LEASE: Final = timedelta(seconds=60)
"""Longer than one event takes; it is renewed before each."""

MAX_ENDPOINTS: Final = 16
"""Served at once by a worker."""

TURN_SECONDS: Final = 15.0
"""Then an endpoint that has more to come makes room for those that have waited longer."""

LOOK_EVERY_SECONDS: Final = 1.0

GONE: Final = 410


@dataclass(frozen=True, kw_only=True)
class WebhookTools:
    """What deliveries are made with; `draw` gives numbers from 0 to 1."""

    database: Database
    client: OutboundClient
    metrics: Metrics
    clock: Callable[[], datetime]
    draw: Callable[[], float]


async def keep_delivering(tools: WebhookTools) -> None:
    """Delivers what is due until it is cancelled; what is cut off is sent again."""
    serving: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                serving |= await _serve_due(tools, limit=MAX_ENDPOINTS - len(serving))
            except DependencyFailed as error:
                log.warning("webhooks.not_read", code=error.code)
            except Exception:  # the worker must not go on without deliveries
                log.exception("webhooks.crashed")
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            serving = {task for task in serving if not task.done()}
    finally:
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def deliver_due(tools: WebhookTools) -> None:
    """Delivers until nothing is due that this worker may send."""
    while serving := await _serve_due(tools, limit=MAX_ENDPOINTS):
        await asyncio.gather(*serving)


async def _serve_due(tools: WebhookTools, *, limit: int) -> set[asyncio.Task[None]]:
    if limit == 0:
        return set()
    async with tools.database.system() as system:
        leased = await lease_due_webhooks(system, limit=limit, lasting=LEASE, now=tools.clock())
    return {asyncio.create_task(_serve(tools, tenant, webhook)) for tenant, webhook in leased}


async def _serve(tools: WebhookTools, tenant_id: TenantId, webhook_id: WebhookId) -> None:
    """Sends what is due to one endpoint, until it fails or its turn is over."""
    turn_ends = monotonic() + TURN_SECONDS
    with bound_contextvars(tenant_id=str(tenant_id), webhook_id=str(webhook_id)):
        try:
            while await _deliver_next(tools, tenant_id, webhook_id):
                if monotonic() >= turn_ends:
                    async with tools.database.tenant(tenant_id, viewer=None) as scope:
                        await give_back(scope, webhook_id, now=tools.clock())
                    return
        except WebhookNotFound:
            pass  # removed meanwhile
        except DependencyFailed as error:
            log.warning("webhook.not_served", code=error.code)
        except Exception:  # one endpoint must not stop the others
            log.exception("webhook.crashed")


async def _deliver_next(tools: WebhookTools, tenant_id: TenantId, webhook_id: WebhookId) -> bool:
    """True when an event has arrived, so that the next one may be sent."""
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        taken = await take_next(scope, webhook_id, lasting=LEASE, now=tools.clock())
    if taken is None:
        return False
    webhook, delivery = taken
    attempt, asked_to_wait = await _send(tools, webhook, delivery)
    code = attempt["status_code"]
    is_delivered = code is not None and httpx.codes.is_success(code)
    tools.metrics.count_webhook_attempt(outcome="delivered" if is_delivered else "failed")
    now = tools.clock()
    delay = _delay(delivery, tools.draw())
    status: DeliveryStatus = "pending"
    if is_delivered:
        status = "succeeded"
    elif delay is None:
        status = "failed"
    retry_at = now + max(delay or timedelta(0), asked_to_wait)
    failures = 0 if is_delivered else webhook.failures + 1
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        await record_attempt(scope, delivery, attempt, status=status, due_at=retry_at)
        pause = timedelta(0) if is_delivered else max(_pause(failures), asked_to_wait)
        await record_health(scope, webhook_id, failures=failures, due_at=now + pause, now=now)
        failing_since = webhook.failing_since or now
        if code == GONE:
            await disable_webhook(scope, webhook_id, "gone", now=now)
        elif not is_delivered and now - failing_since > DISABLE_AFTER:
            await disable_webhook(scope, webhook_id, "failing", now=now)
    if not is_delivered:
        log.info("webhook.attempt_failed", status_code=code, code=attempt["error"], status=status)
    return is_delivered


async def _send(
    tools: WebhookTools, webhook: Webhook, delivery: Delivery
) -> tuple[StoredAttempt, timedelta]:
    """The attempt, and the time that the endpoint asks to wait. Its answer is not read."""
    now = tools.clock()
    body = json.dumps(
        {
            "type": delivery.type,
            "timestamp": rfc3339(delivery.occurred_at),
            "data": dict(delivery.data),
        }
    )
    signatures = [
        Signer(secret).sign(str(delivery.id), now.astimezone(UTC), body)
        for secret in webhook.signing_secrets(now)
    ]
    request = OutboundRequest(
        url=webhook.url,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "webhook-id": str(delivery.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        },
        content=body.encode(),
        max_bytes=None,
        total_seconds=SEND_SECONDS,
    )
    began = monotonic()
    status_code, error_code, wait = None, None, timedelta(0)
    try:
        response = await tools.client.send(request)
    except KnowledgeBaseError as error:
        error_code = error.code
    else:
        status_code = response.status
        wait = _asked_to_wait(response.headers.get("retry-after", ""), now)
    attempt = StoredAttempt(
        at=now.isoformat(),
        status_code=status_code,
        error=error_code,
        milliseconds=round((monotonic() - began) * 1000),
    )
    return attempt, wait


def _delay(delivery: Delivery, draw: float) -> timedelta | None:
    """The time until the next attempt; None when the one that was just made is the last."""
    if len(delivery.attempts) >= len(RETRY_AFTER):
        return None
    return RETRY_AFTER[len(delivery.attempts)] * (1 + JITTER * draw)


def _pause(failures: int) -> timedelta:
    doubled: int = 2 ** min(failures, 10)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def _asked_to_wait(header: str, now: datetime) -> timedelta:
    """What `Retry-After` says, in seconds or as a date; nothing when it says neither."""
    try:
        wait: timedelta = (
            timedelta(seconds=min(float(header), LONGEST_RETRY_AFTER.total_seconds()))
            if header.isdecimal()
            else parsedate_to_datetime(header) - now
        )
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
