"""Webhooks: who is told of what happens."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from footnote.output import JsonOption, TenantOption, console, print_json
from kb.store.choices import EVENT_TYPES

if TYPE_CHECKING:
    from kb.store.webhook_deliveries import Delivery
    from kb.store.webhooks import Webhook

WebhookArgument = Annotated[UUID, typer.Argument(help="The id of the webhook.")]

SHOWN_DELIVERIES = 20
"""The newest; the API has them all."""


def add_webhook(
    url: Annotated[str, typer.Argument(help="The address to call.")],
    tenant: TenantOption,
    events: Annotated[
        str, typer.Option(help=f"Comma-separated: {', '.join(EVENT_TYPES)}.")
    ] = "document.ready,document.failed,document.deleted,job.finished,reindex.finished",
    as_json: JsonOption = False,
) -> None:
    """Have an address told of events; the secret that signs them is shown only now."""
    import asyncio
    from urllib.parse import urlsplit

    from footnote.on_database import COMMAND_LINE, on_tenant, utc_now
    from footnote.outside import open_outbound
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.webhook_events import read_event_types
    from kb.store.webhooks import create_webhook, new_secret

    settings = Settings()
    types = read_event_types(events)

    async def check() -> None:
        async with open_outbound(settings) as client:
            await client.check(url)

    async def act(scope: TenantSession) -> "Webhook":
        webhook = await create_webhook(
            scope, url=url, events=types, secret=new_secret(), now=utc_now()
        )
        details = {"host": urlsplit(url).hostname or "", "events": list(types)}
        await record_event(scope, COMMAND_LINE, "webhook.create", str(webhook.id), details)
        return webhook

    asyncio.run(check())
    webhook = on_tenant(settings, tenant, act)
    secret = webhook.secrets[0]["secret"]
    if as_json:
        print_json({**_shown(webhook), "secret": secret})
    else:
        console.print(f"Webhook {webhook.id}. Its secret, shown only now:")
        console.print(secret)


def list_all(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List the webhooks of a tenant."""
    from footnote.on_database import on_tenant
    from kb.settings import Settings
    from kb.store.webhooks import MAX_WEBHOOKS, list_webhooks

    found = on_tenant(
        Settings(), tenant, lambda scope: list_webhooks(scope, after=None, limit=MAX_WEBHOOKS)
    )
    if as_json:
        print_json([_shown(each) for each in found])
        return
    for each in found:
        state = "enabled" if each.is_enabled else f"disabled ({each.disabled_reason})"
        console.print(f"{each.id}  {state}  {each.url}  {','.join(each.events)}")


def remove_webhook(webhook_id: WebhookArgument, tenant: TenantOption) -> None:
    """Remove a webhook and what waits for it."""
    from footnote.on_database import COMMAND_LINE, on_tenant
    from kb.ids import WebhookId
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.webhooks import delete_webhook

    async def act(scope: TenantSession) -> None:
        await delete_webhook(scope, WebhookId(webhook_id))
        await record_event(scope, COMMAND_LINE, "webhook.delete", str(webhook_id))

    on_tenant(Settings(), tenant, act)
    console.print(f"Removed the webhook {webhook_id}.")


def send_test(
    webhook_id: WebhookArgument, tenant: TenantOption, as_json: JsonOption = False
) -> None:
    """Have a worker send an event of the type webhook.test."""
    from footnote.on_database import on_tenant, utc_now
    from kb.ids import WebhookId
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.webhook_deliveries import add_test_delivery
    from kb.store.webhooks import get_webhook

    async def act(scope: TenantSession) -> "Delivery":
        await get_webhook(scope, WebhookId(webhook_id), is_locked=True)
        return await add_test_delivery(scope, WebhookId(webhook_id), now=utc_now())

    delivery = on_tenant(Settings(), tenant, act)
    if as_json:
        print_json(_shown_delivery(delivery))
    else:
        console.print(f"A worker will send {delivery.id}: see 'footnote webhook deliveries'.")


def show_deliveries(
    webhook_id: WebhookArgument, tenant: TenantOption, as_json: JsonOption = False
) -> None:
    """Show the newest events for a webhook, and what became of them."""
    from footnote.on_database import on_tenant
    from kb.ids import WebhookId
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.webhook_deliveries import list_deliveries
    from kb.store.webhooks import get_webhook

    async def act(scope: TenantSession) -> "list[Delivery]":
        await get_webhook(scope, WebhookId(webhook_id))
        return await list_deliveries(
            scope, WebhookId(webhook_id), before=None, limit=SHOWN_DELIVERIES
        )

    found = on_tenant(Settings(), tenant, act)
    if as_json:
        print_json([_shown_delivery(each) for each in found])
        return
    for each in found:
        last = each.attempts[-1] if each.attempts else None
        answer = "" if last is None else last["status_code"] or last["error"]
        console.print(f"{each.id}  {each.type}  {each.status}  {len(each.attempts)}  {answer}")


def _shown(webhook: "Webhook") -> dict[str, object]:
    return {
        "id": str(webhook.id),
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.is_enabled,
        "disabled_reason": webhook.disabled_reason,
    }


def _shown_delivery(delivery: "Delivery") -> dict[str, object]:
    return {
        "id": str(delivery.id),
        "type": delivery.type,
        "status": delivery.status,
        "attempts": list(delivery.attempts),
    }
