"""Events reach a real receiver at least once, signed, and one endpoint holds up no other."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from ingest import deliveries
from ingest.deliveries import (
    DISABLE_AFTER,
    LEASE,
    LONGEST_PAUSE,
    RETRY_AFTER,
    WebhookTools,
    deliver_due,
    keep_delivering,
)
from kb.ids import TenantId, WebhookId
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import delete_document
from kb.store.choices import EVENT_TYPES, EventType
from kb.store.webhook_deliveries import (
    Delivery,
    lease_due_webhooks,
    list_deliveries,
    retry_delivery,
    take_next,
)
from kb.store.webhook_events import Event, emit
from kb.store.webhooks import (
    Webhook,
    create_webhook,
    delete_webhook,
    disable_webhook,
    enable_webhook,
    get_webhook,
    new_secret,
    rotate_secret,
)
from kb.times import rfc3339
from tests.fakes.receivers import Receiver, outbound_client, receiving
from tests.footnote.own_database import OwnDatabase, own_database

ADMIN = Actor(name="admin", principals=(), request_id=None, is_admin=True)


class Undo(Exception):
    """Rolls a transaction back."""


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """A tenant that can be told of events."""

    own: OwnDatabase
    tools: WebhookTools
    clock: Clock

    @property
    def tenant_id(self) -> TenantId:
        return self.own.tenant_id

    async def add(self, url: str, events: Sequence[EventType] = EVENT_TYPES) -> Webhook:
        async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
            return await create_webhook(
                scope, url=url, events=events, secret=new_secret(), now=self.clock.now
            )

    async def emit(self, count: int = 1, *, fails_with: Exception | None = None) -> None:
        async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
            for number in range(count):
                data = {"id": str(number)}
                event = Event(type="reindex.finished", data=data)
                await emit(scope, event, now=self.clock.now)
            if fails_with is not None:
                raise fails_with

    async def webhook(self, webhook_id: WebhookId) -> Webhook:
        async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
            return await get_webhook(scope, webhook_id)

    async def deliveries(self, webhook_id: WebhookId) -> list[Delivery]:
        async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
            return await list_deliveries(scope, webhook_id, before=None, limit=100)

    async def after(self, passed: timedelta) -> None:
        """Delivers what is due after that time."""
        self.clock.now += passed
        await deliver_due(self.tools)


@pytest.fixture
async def hooks(settings: Settings, database_url: str) -> AsyncIterator[Hooks]:
    files = f"file://{settings.home_path}/webhooks"
    async with (
        own_database(database_url, files) as own,
        aclosing(outbound_client()) as client,
    ):
        clock = Clock()
        tools = WebhookTools(
            database=own.tools.database,
            client=client,
            metrics=own.tools.metrics,
            clock=clock,
            draw=lambda: 0.0,
        )
        yield Hooks(own=own, tools=tools, clock=clock)


def verified(webhook: Webhook, receiver: Receiver) -> list[dict[str, Any]]:
    """The payloads, each of which one of the webhook's secrets has signed."""
    verifier = Verifier(webhook.secrets[0]["secret"])
    return [verifier.verify(each.body, dict(each.headers)) for each in receiver.received]


async def test_what_happens_to_a_document_is_told(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook = await hooks.add(receiver.url)
        ready = await hooks.own.upload(b"# Leave\n\nLeave is 31 days.\n")
        broken = await hooks.own.upload(b"%PDF-1.7 broken", filename="broken.pdf")
        await hooks.own.work_until_empty()
        async with hooks.tools.database.tenant(hooks.tenant_id, viewer=None) as scope:
            await delete_document(scope, ready.document.id, actor=ADMIN, now=hooks.clock.now)
        await hooks.after(timedelta(minutes=1))
        payloads = verified(webhook, receiver)

    told = {(each["type"], str(each["data"]["id"])): each["data"] for each in payloads}
    assert ready.job is not None
    assert broken.job is not None
    assert told["document.ready", str(ready.document.id)] == {
        "id": str(ready.document.id),
        "version": 1,
        "status": "ready",
    }
    assert told["document.failed", str(broken.document.id)] == {
        "id": str(broken.document.id),
        "status": "failed",
        "job_id": str(broken.job.id),
        "error_code": "document_corrupt",
    }
    assert told["document.deleted", str(ready.document.id)] == {"id": str(ready.document.id)}
    assert told["job.finished", str(ready.job.id)] == {
        "id": str(ready.job.id),
        "kind": "ingest",
        "status": "succeeded",
        "document_id": str(ready.document.id),
        "error_code": None,
    }
    assert told["job.finished", str(broken.job.id)]["status"] == "failed"
    assert len(payloads) == len(told) == 5


async def test_nothing_of_what_a_document_says_is_told(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.add(receiver.url)
        await hooks.own.upload(b"# Zanzibar\n\nZanzibar.\n", "zanzibar", filename="zanzibar.md")
        await hooks.own.work_until_empty()
        await hooks.after(timedelta(minutes=1))

    assert len(receiver.received) == 2
    assert "zanzibar" not in repr(receiver.received).lower()


async def test_a_transaction_that_fails_tells_nothing(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook = await hooks.add(receiver.url)
        with pytest.raises(Undo):
            await hooks.emit(fails_with=Undo())
        await hooks.after(timedelta(0))

    assert await hooks.deliveries(webhook.id) == []
    assert receiver.received == []


async def test_only_what_was_asked_for_is_told(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.add(receiver.url, events=["document.deleted"])
        await hooks.emit()
        await hooks.after(timedelta(0))

    assert receiver.received == []


async def test_a_webhook_removed_meanwhile_does_not_fail_what_happens(hooks: Hooks) -> None:
    webhook = await hooks.add("http://receiver.example/")
    database = hooks.tools.database
    async with database.tenant(hooks.tenant_id, viewer=None) as removing:
        await delete_webhook(removing, webhook.id)
        emitting = asyncio.create_task(hooks.emit())
        # It waits for the row, which is gone when this ends.
        done, _ = await asyncio.wait({emitting}, timeout=0.2)
        assert not done

    await emitting


async def test_a_delivery_that_failed_comes_again_with_its_id(hooks: Hooks) -> None:
    async with receiving(500, 200) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit()
        await hooks.after(timedelta(0))
        [delivery] = await hooks.deliveries(webhook.id)
        due_after = delivery.due_at - hooks.clock.now
        await hooks.after(RETRY_AFTER[0])

    [delivered] = await hooks.deliveries(webhook.id)
    assert due_after == RETRY_AFTER[0]
    assert delivered.status == "succeeded"
    assert [each["status_code"] for each in delivered.attempts] == [500, 200]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(delivery.id)
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert (await hooks.webhook(webhook.id)).failing_since is None


async def test_attempts_end_after_three_days(hooks: Hooks) -> None:
    async with receiving(500) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit()
        await hooks.after(timedelta(0))
        for delay in RETRY_AFTER:
            await hooks.after(delay)
        await hooks.after(timedelta(days=30))

    [delivery] = await hooks.deliveries(webhook.id)
    assert delivery.status == "failed"
    assert len(receiver.received) == len(delivery.attempts) == len(RETRY_AFTER) + 1
    times = [datetime.fromisoformat(each["at"]) for each in delivery.attempts]
    assert [later - earlier for earlier, later in pairwise(times)] == list(RETRY_AFTER)


async def test_what_failed_for_good_can_be_sent_again_by_hand(hooks: Hooks) -> None:
    statuses = [500] * (len(RETRY_AFTER) + 1)
    async with receiving(*statuses, 200) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit()
        for delay in (timedelta(0), *RETRY_AFTER):
            await hooks.after(delay)
        [delivery] = await hooks.deliveries(webhook.id)
        async with hooks.tools.database.tenant(hooks.tenant_id, viewer=None) as scope:
            await retry_delivery(scope, webhook.id, delivery.id, now=hooks.clock.now)
        await hooks.after(timedelta(0))

    [delivered] = await hooks.deliveries(webhook.id)
    assert (delivery.status, delivered.status) == ("failed", "succeeded")


async def test_an_endpoint_that_is_gone_is_disabled(hooks: Hooks) -> None:
    async with receiving(410) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit(2)
        await hooks.after(timedelta(0))
        await hooks.after(timedelta(days=1))

    assert len(receiver.received) == 1
    assert (await hooks.webhook(webhook.id)).disabled_reason == "gone"


async def test_an_endpoint_that_fails_for_days_is_disabled_and_its_events_wait(
    hooks: Hooks,
) -> None:
    async with receiving(500, 500, 200) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit(2)
        await hooks.after(timedelta(0))
        await hooks.after(DISABLE_AFTER + timedelta(seconds=1))
        disabled = await hooks.webhook(webhook.id)
        await hooks.emit()
        await hooks.after(timedelta(days=1))
        sent_while_disabled = len(receiver.received)
        async with hooks.tools.database.tenant(hooks.tenant_id, viewer=None) as scope:
            await enable_webhook(scope, webhook.id, now=hooks.clock.now)
        await hooks.after(timedelta(0))

    assert (disabled.is_enabled, disabled.disabled_reason) == (False, "failing")
    assert sent_while_disabled == 2
    # The two that waited; the one in between passed it by.
    assert len(receiver.received) == 4
    assert {each.status for each in await hooks.deliveries(webhook.id)} == {"succeeded"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 3600\r\n", 3600),
        ("Retry-After: 99999999999999999999\r\n", 24 * 3600),
        ("Retry-After: soon\r\n", RETRY_AFTER[0].total_seconds()),
        ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", RETRY_AFTER[0].total_seconds()),
    ],
)
async def test_an_endpoint_may_ask_to_wait(hooks: Hooks, header: str, seconds: float) -> None:
    async with receiving(429, headers=header) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit()
        await hooks.after(timedelta(0))

    [delivery] = await hooks.deliveries(webhook.id)
    assert (delivery.due_at - hooks.clock.now).total_seconds() == seconds


async def test_a_redirect_is_not_followed(hooks: Hooks) -> None:
    async with receiving() as target:
        leads_on = f"Location: {target.url}\r\n"
        async with receiving(302, headers=leads_on) as receiver:
            webhook = await hooks.add(receiver.url)
            await hooks.emit()
            await hooks.after(timedelta(0))

    [delivery] = await hooks.deliveries(webhook.id)
    assert (delivery.status, delivery.attempts[0]["status_code"]) == ("pending", 302)
    assert target.received == []


async def test_a_private_address_is_not_called(hooks: Hooks) -> None:
    webhook = await hooks.add("http://inside.corp/hook")
    await hooks.emit()
    await hooks.after(timedelta(0))

    [delivery] = await hooks.deliveries(webhook.id)
    assert [each["error"] for each in delivery.attempts] == ["outbound_refused"]


async def test_a_slow_endpoint_holds_up_no_other(hooks: Hooks) -> None:
    hold = asyncio.Event()
    async with receiving(hold=hold) as slow, receiving() as quick:
        await hooks.add(slow.url)
        await hooks.add(quick.url)
        await hooks.emit(3)
        delivering = asyncio.create_task(deliver_due(hooks.tools))
        async with asyncio.timeout(60):
            await slow.arrived.wait()
            while len(quick.received) < 3:
                await quick.arrived.wait()
                quick.arrived.clear()
        held = len(slow.received)
        hold.set()
        await delivering

    assert held == 1
    assert len(slow.received) == 3


async def test_an_endpoint_with_much_to_come_makes_room(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "TURN_SECONDS", 0.0)
    async with receiving() as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit(3)
        served = []
        for _ in range(3):
            async with hooks.tools.database.system() as system:
                leased = await lease_due_webhooks(
                    system, limit=1, lasting=LEASE, now=hooks.clock.now
                )
            served += leased
            await deliveries._serve(hooks.tools, *leased[0])
            hooks.clock.now += timedelta(seconds=1)

    assert served == [(hooks.tenant_id, webhook.id)] * 3
    assert len(receiver.received) == 3


async def test_a_dead_endpoint_is_asked_once_in_a_while_whatever_waits(hooks: Hooks) -> None:
    async with receiving(503) as receiver:
        await hooks.add(receiver.url)
        await hooks.emit(50)
        await hooks.after(timedelta(0))
        at_once = len(receiver.received)
        for _ in range(20):
            await hooks.after(LONGEST_PAUSE)

    assert at_once == 1
    assert len(receiver.received) == 21


async def test_a_worker_that_dies_while_it_sends_loses_nothing(hooks: Hooks) -> None:
    hold = asyncio.Event()
    async with receiving(hold=hold) as receiver:
        webhook = await hooks.add(receiver.url)
        await hooks.emit()
        dying = asyncio.create_task(deliver_due(hooks.tools))
        async with asyncio.timeout(60):
            await receiver.arrived.wait()
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        hold.set()
        await hooks.after(LEASE / 2)
        while_leased = len(receiver.received)
        await hooks.after(LEASE)

    [delivery] = await hooks.deliveries(webhook.id)
    assert while_leased == 1
    assert delivery.status == "succeeded"
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1


async def test_two_workers_do_not_serve_one_endpoint(hooks: Hooks) -> None:
    await hooks.add("http://receiver.example/")
    await hooks.emit()

    async with hooks.tools.database.system() as one, hooks.tools.database.system() as two:
        leases = [
            await lease_due_webhooks(each, limit=10, lasting=LEASE, now=hooks.clock.now)
            for each in (one, two)
        ]

    assert [len(each) for each in leases] == [1, 0]


async def test_a_worker_delivers_by_itself(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.add(receiver.url)
        await hooks.emit()
        working = asyncio.create_task(keep_delivering(hooks.tools))
        async with asyncio.timeout(60):
            await receiver.arrived.wait()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    assert len(receiver.received) == 1


async def test_old_and_new_secrets_sign_until_the_overlap_ends(hooks: Hooks) -> None:
    async with receiving() as receiver:
        old = await hooks.add(receiver.url)
        async with hooks.tools.database.tenant(hooks.tenant_id, viewer=None) as scope:
            new = await rotate_secret(
                scope, old.id, new_secret(), overlap=timedelta(hours=1), now=hooks.clock.now
            )
        await hooks.emit()
        await hooks.after(timedelta(0))
        both = receiver.received[0]
        for each in (old, new):
            Verifier(each.secrets[0]["secret"]).verify(both.body, dict(both.headers))
        await hooks.emit()
        await hooks.after(timedelta(hours=1))
        later = receiver.received[1]

    assert len(both.headers["webhook-signature"].split(" ")) == 2
    assert len(later.headers["webhook-signature"].split(" ")) == 1
    with pytest.raises(WebhookVerificationError):
        Verifier(old.secrets[0]["secret"]).verify(later.body, dict(later.headers))


async def test_a_webhook_disabled_while_it_is_served_is_left(hooks: Hooks) -> None:
    webhook = await hooks.add("http://receiver.example/")
    await hooks.emit()
    async with hooks.tools.database.tenant(hooks.tenant_id, viewer=None) as scope:
        await disable_webhook(scope, webhook.id, "by_request", now=hooks.clock.now)

        taken = await take_next(scope, webhook.id, lasting=LEASE, now=hooks.clock.now)

    assert taken is None


async def test_the_payload_has_type_time_and_data(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.add(receiver.url)
        await hooks.emit()
        await hooks.after(timedelta(0))

    payload = json.loads(receiver.received[0].body)
    assert payload == {
        "type": "reindex.finished",
        "timestamp": rfc3339(hooks.clock.now),
        "data": {"id": "0"},
    }
    assert receiver.received[0].headers["content-type"] == "application/json"
