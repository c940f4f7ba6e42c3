"""Webhooks by HTTP: made, changed, rotated, tested and looked into."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

import pytest
from standardwebhooks import Webhook as Verifier

from ingest.deliveries import WebhookTools, deliver_due
from kb.store.webhooks import MAX_WEBHOOKS, new_secret
from tests.fakes.receivers import outbound_client, receiving
from tests.service import Person, Service

HOOKS = "/v1/webhooks"
EVENTS = ["job.finished", "document.ready"]


@pytest.fixture
async def admin(service: Service) -> AsyncIterator[Person]:
    """An administrator of a new tenant, at a service that may call *.example."""
    async with aclosing(outbound_client()) as outbound:
        resources = replace(service.resources, outbound=outbound)
        async with service.with_resources(resources) as local:
            yield await local.person(await local.new_tenant())


@pytest.fixture
def tools(admin: Person) -> WebhookTools:
    """What a worker delivers with."""
    resources = admin.service.resources
    return WebhookTools(
        database=resources.database,
        client=resources.outbound,
        metrics=resources.metrics,
        clock=resources.clock,
        draw=lambda: 0.0,
    )


async def create(
    admin: Person, url: str = "https://receiver.example/", **body: object
) -> dict[str, object]:
    response = await admin.request("POST", HOOKS, json={"url": url, "events": EVENTS, **body})
    assert response.status_code == 201, response.text
    created: dict[str, object] = response.json()
    return created


async def test_the_secret_is_shown_once(admin: Person) -> None:
    created = await create(admin)

    shown = (await admin.request("GET", f"{HOOKS}/{created['id']}")).json()
    listed = (await admin.request("GET", HOOKS)).json()["data"]
    secret = str(created.pop("secret"))
    assert secret.startswith("whsec_")
    assert shown == created == listed[0]
    assert shown["events"] == sorted(EVENTS)
    assert (shown["enabled"], shown["disabled_reason"]) == (True, None)


async def test_an_own_secret_is_taken(admin: Person) -> None:
    secret = new_secret()

    assert (await create(admin, secret=secret))["secret"] == secret


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_c2hvcnQ=", "c2hvcnQ" * 9, "whsec_!" + "a" * 40]
)
async def test_a_secret_of_another_shape_is_refused(admin: Person, secret: str) -> None:
    response = await admin.request(
        "POST", HOOKS, json={"url": "https://x.example", "events": EVENTS, "secret": secret}
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/",
        "http://169.254.169.254/latest/meta-data/",
        "http://inside.corp/",
        "https://user:pass@receiver.example/",
        "ftp://receiver.example/",
        "receiver.example",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused(admin: Person, url: str) -> None:
    created = await create(admin)

    made = await admin.request("POST", HOOKS, json={"url": url, "events": EVENTS})
    changed = await admin.request("PATCH", f"{HOOKS}/{created['id']}", json={"url": url})

    for response in (made, changed):
        assert (response.status_code, response.json()["code"]) == (422, "outbound_refused")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://x.example", "events": []},
        {"url": "https://x.example", "events": ["document.read"]},
        {"url": "https://x.example"},
        {"url": "https://x.example", "events": EVENTS, "secrets": []},
    ],
)
async def test_a_malformed_request_is_refused(admin: Person, body: dict[str, object]) -> None:
    response = await admin.request("POST", HOOKS, json=body)

    assert response.status_code == 422


async def test_a_repeated_request_makes_one_webhook(admin: Person) -> None:
    body = {"url": "https://receiver.example/", "events": EVENTS}
    headers = {"Idempotency-Key": str(uuid4())}

    first = await admin.request("POST", HOOKS, headers, json=body)
    second = await admin.request("POST", HOOKS, headers, json=body)

    assert first.json() == second.json()
    assert len((await admin.request("GET", HOOKS)).json()["data"]) == 1


async def test_a_tenant_has_so_many_webhooks_and_no_more(admin: Person) -> None:
    for _ in range(MAX_WEBHOOKS):
        await create(admin)

    response = await admin.request(
        "POST", HOOKS, json={"url": "https://x.example", "events": EVENTS}
    )

    assert (response.status_code, response.json()["code"]) == (422, "limit_exceeded")
    page = (await admin.request("GET", HOOKS, params={"limit": 15})).json()
    rest = await admin.request("GET", HOOKS, params={"limit": 15, "cursor": page["next_cursor"]})
    assert (len(page["data"]), len(rest.json()["data"])) == (15, 5)


async def test_a_webhook_is_changed_and_removed(admin: Person) -> None:
    one = f"{HOOKS}/{(await create(admin))['id']}"

    changed = await admin.request(
        "PATCH", one, json={"url": "https://other.example/", "events": ["job.finished"]}
    )
    disabled = await admin.request("PATCH", one, json={"enabled": False})
    enabled = await admin.request("PATCH", one, json={"enabled": True})
    removed = await admin.request("DELETE", one)
    gone = await admin.request("GET", one)

    assert changed.json()["url"] == "https://other.example/"
    assert changed.json()["events"] == ["job.finished"]
    assert disabled.json()["disabled_reason"] == "by_request"
    assert enabled.json()["enabled"] is True
    assert removed.status_code == 204
    assert (gone.status_code, gone.json()["code"]) == (404, "webhook_not_found")


async def test_a_test_event_arrives_signed_and_is_logged(
    admin: Person, tools: WebhookTools
) -> None:
    async with receiving() as receiver:
        created = await create(admin, receiver.url)
        one = f"{HOOKS}/{created['id']}"
        sent = await admin.request("POST", f"{one}:test")
        await deliver_due(tools)

    mine = [each for each in receiver.received if each.headers["webhook-id"] == sent.json()["id"]]
    payload = Verifier(str(created["secret"])).verify(mine[0].body, dict(mine[0].headers))
    assert sent.status_code == 202
    assert sent.json()["status"] == "pending"
    assert (payload["type"], payload["data"]) == ("webhook.test", {})
    [logged] = (await admin.request("GET", f"{one}/deliveries")).json()["data"]
    assert (logged["status"], logged["next_attempt_at"]) == ("succeeded", None)
    assert [each["status_code"] for each in logged["attempts"]] == [200]


async def test_a_delivery_is_sent_again_on_demand(admin: Person, tools: WebhookTools) -> None:
    async with receiving() as receiver:
        one = f"{HOOKS}/{(await create(admin, receiver.url))['id']}"
        sent = (await admin.request("POST", f"{one}:test")).json()
        await deliver_due(tools)
        again = await admin.request("POST", f"{one}/deliveries/{sent['id']}:retry")
        await deliver_due(tools)
        absent = await admin.request("POST", f"{one}/deliveries/{uuid4()}:retry")

    assert again.status_code == 202
    assert [each.headers["webhook-id"] for each in receiver.received] == [sent["id"]] * 2
    assert (absent.status_code, absent.json()["code"]) == (404, "delivery_not_found")


async def test_deliveries_come_newest_first_in_pages(admin: Person) -> None:
    one = f"{HOOKS}/{(await create(admin))['id']}"
    ids = [(await admin.request("POST", f"{one}:test")).json()["id"] for _ in range(3)]

    first = (await admin.request("GET", f"{one}/deliveries", params={"limit": 2})).json()
    cursor = first["next_cursor"]
    second = (await admin.request("GET", f"{one}/deliveries", params={"cursor": cursor})).json()

    assert [each["id"] for each in first["data"] + second["data"]] == ids[::-1]
    assert second["has_more"] is False


async def test_a_rotation_shows_the_new_secret_and_both_sign(
    admin: Person, tools: WebhookTools
) -> None:
    async with receiving() as receiver:
        created = await create(admin, receiver.url)
        one = f"{HOOKS}/{created['id']}"
        rotated = (await admin.request("POST", f"{one}:rotate", json={})).json()
        await admin.request("POST", f"{one}:test")
        await deliver_due(tools)
        [both] = receiver.received
        at_once = await admin.request("POST", f"{one}:rotate", json={"overlap_seconds": 0})
        await admin.request("POST", f"{one}:test")
        await deliver_due(tools)

    assert rotated["secret"] != created["secret"]
    for secret in (rotated["secret"], created["secret"]):
        Verifier(str(secret)).verify(both.body, dict(both.headers))
    last = receiver.received[-1]
    Verifier(at_once.json()["secret"]).verify(last.body, dict(last.headers))
    # Of the three, the first overlaps by a day; the second was ended at once.
    assert len(last.headers["webhook-signature"].split(" ")) == 2
