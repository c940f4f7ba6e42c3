"""Webhooks: who is told of what happens, and what became of it. All for the scope `admin`."""

from datetime import timedelta
from operator import attrgetter
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.http.dependencies import Administers, ResourcesDep
from app.http.idempotency import IdempotencyKey, change_once, request_digest
from app.http.paging import DEFAULT_LIMIT, CursorParam, LimitParam, Page, page_of, read_id_cursor
from app.http.webhooks.present import delivery_out, webhook_out, webhook_with_secret
from app.http.webhooks.schemas import (
    Delivery,
    RotationRequest,
    Webhook,
    WebhookPatch,
    WebhookRequest,
    WebhookWithSecret,
)
from kb.ids import DeliveryId, WebhookId
from kb.postgres.database import TenantSession
from kb.store.audit import record_event
from kb.store.idempotency import StoredResponse
from kb.store.webhook_deliveries import add_test_delivery, list_deliveries, retry_delivery
from kb.store.webhooks import (
    change_webhook,
    check_secret,
    create_webhook,
    delete_webhook,
    disable_webhook,
    enable_webhook,
    get_webhook,
    list_webhooks,
    new_secret,
    rotate_secret,
)

router = APIRouter(tags=["webhooks"])

ONE = "/webhooks/{webhook_id}"

WebhookIdPath = Annotated[
    UUID,
    Path(description="The webhook's id.", examples=["01a1fbbb-4f20-7d91-a6f3-0c5e8b7d2a46"]),
]
DeliveryIdPath = Annotated[
    UUID,
    Path(description="The delivery's id.", examples=["01a1fbbb-5a31-7c02-9d84-7e6f1b3c8a90"]),
]


@router.post("/webhooks", status_code=201, response_model=WebhookWithSecret)
async def create(
    body: WebhookRequest,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have an address told of events; the secret that signs them is shown only here."""
    secret = new_secret() if body.secret is None else check_secret(body.secret)
    await resources.outbound.check(body.url)

    async def change(scope: TenantSession) -> StoredResponse:
        webhook = await create_webhook(
            scope, url=body.url, events=body.events, secret=secret, now=resources.clock()
        )
        await record_event(
            scope,
            caller.actor,
            "webhook.create",
            str(webhook.id),
            {"host": _host(webhook.url), "events": list(webhook.events)},
        )
        created = webhook_with_secret(webhook)
        return StoredResponse(status_code=201, body=created.model_dump(mode="json"))

    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest("POST /v1/webhooks", body.model_dump(mode="json")),
        change=change,
    )


@router.get("/webhooks")
async def list_all(
    resources: ResourcesDep,
    caller: Administers,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Webhook]:
    """The tenant's webhooks, oldest first."""
    after = read_id_cursor(cursor)
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        found = await list_webhooks(
            scope, after=None if after is None else WebhookId(after), limit=limit + 1
        )
    return page_of(found, limit=limit, show=webhook_out, place=attrgetter("id"))


@router.get(ONE)
async def get_one(
    webhook_id: WebhookIdPath, resources: ResourcesDep, caller: Administers
) -> Webhook:
    """A webhook."""
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        return webhook_out(await get_webhook(scope, WebhookId(webhook_id)))


@router.patch(ONE)
async def change(
    webhook_id: WebhookIdPath, patch: WebhookPatch, resources: ResourcesDep, caller: Administers
) -> Webhook:
    """Change a webhook; one that was disabled is enabled again with `enabled`.

    While it is disabled, new events pass it by; those that waited are sent when it is enabled.
    """
    sent: dict[str, Any] = patch.model_dump(exclude_unset=True)
    is_enabled = sent.pop("enabled", None)
    now, one = resources.clock(), WebhookId(webhook_id)
    if "url" in sent:
        await resources.outbound.check(sent["url"])
        # The failures were those of the address before.
        sent |= {"failures": 0, "failing_since": None, "due_at": now}
    if "events" in sent:
        sent["events"] = sorted(set(sent["events"]))
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        webhook = await get_webhook(scope, one, is_locked=True)
        if sent:
            webhook = await change_webhook(scope, one, now=now, **sent)
        if is_enabled is True:
            webhook = await enable_webhook(scope, one, now=now)
        elif is_enabled is False:
            webhook = await disable_webhook(scope, one, "by_request", now=now)
        fields = sorted(patch.model_fields_set)
        await record_event(
            scope, caller.actor, "webhook.update", str(webhook_id), {"fields": fields}
        )
    return webhook_out(webhook)


@router.delete(ONE, status_code=204)
async def remove(webhook_id: WebhookIdPath, resources: ResourcesDep, caller: Administers) -> None:
    """Remove a webhook and what waits for it."""
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        await delete_webhook(scope, WebhookId(webhook_id))
        await record_event(scope, caller.actor, "webhook.delete", str(webhook_id))


@router.post(f"{ONE}:rotate", response_model=WebhookWithSecret)
async def rotate(
    webhook_id: WebhookIdPath,
    body: RotationRequest,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a new secret; those before it sign too until the overlap ends."""
    secret = new_secret() if body.secret is None else check_secret(body.secret)
    overlap = timedelta(seconds=body.overlap_seconds)

    async def change(scope: TenantSession) -> StoredResponse:
        webhook = await rotate_secret(
            scope, WebhookId(webhook_id), secret, overlap=overlap, now=resources.clock()
        )
        await record_event(scope, caller.actor, "webhook.rotate", str(webhook_id))
        rotated = webhook_with_secret(webhook)
        return StoredResponse(status_code=200, body=rotated.model_dump(mode="json"))

    sent = {"webhook_id": str(webhook_id), **body.model_dump(mode="json")}
    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest(f"POST {ONE}:rotate", sent),
        change=change,
    )


@router.post(f"{ONE}:test", status_code=202, response_model=Delivery)
async def send_test(
    webhook_id: WebhookIdPath,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have an event of the type `webhook.test` sent; its delivery tells what became of it."""
    one = WebhookId(webhook_id)

    async def change(scope: TenantSession) -> StoredResponse:
        await get_webhook(scope, one, is_locked=True)
        delivery = delivery_out(await add_test_delivery(scope, one, now=resources.clock()))
        return StoredResponse(status_code=202, body=delivery.model_dump(mode="json"))

    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest(f"POST {ONE}:test", {"webhook_id": str(webhook_id)}),
        change=change,
    )


@router.get(f"{ONE}/deliveries")
async def get_deliveries(
    webhook_id: WebhookIdPath,
    resources: ResourcesDep,
    caller: Administers,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Delivery]:
    """The events for a webhook and what became of them, newest first; kept for 30 days."""
    before = read_id_cursor(cursor)
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        await get_webhook(scope, WebhookId(webhook_id))
        found = await list_deliveries(
            scope,
            WebhookId(webhook_id),
            before=None if before is None else DeliveryId(before),
            limit=limit + 1,
        )
    return page_of(found, limit=limit, show=delivery_out, place=attrgetter("id"))


@router.post(f"{ONE}/deliveries/{{delivery_id}}:retry", status_code=202, response_model=Delivery)
async def retry(
    webhook_id: WebhookIdPath,
    delivery_id: DeliveryIdPath,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Have an event sent again at once, also one that arrived."""
    one, again = WebhookId(webhook_id), DeliveryId(delivery_id)

    async def change(scope: TenantSession) -> StoredResponse:
        await get_webhook(scope, one)
        delivery = delivery_out(await retry_delivery(scope, one, again, now=resources.clock()))
        return StoredResponse(status_code=202, body=delivery.model_dump(mode="json"))

    sent = {"webhook_id": str(webhook_id), "delivery_id": str(delivery_id)}
    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest(f"POST {ONE}/deliveries:retry", sent),
        change=change,
    )


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
