"""Webhooks of another tenant look as if they never existed."""

from uuid import uuid4

import pytest

from kb.store.choices import EVENT_TYPES
from kb.store.webhook_deliveries import add_test_delivery
from kb.store.webhooks import create_webhook, get_webhook, new_secret
from tests.service import Service
from tests.tenancy.route_cases import HOOK, WEBHOOKS

BODY_BY_ROUTE = {
    ("PATCH", HOOK): {"url": "https://8.8.8.8/"},
    ("POST", f"{HOOK}:rotate"): {"overlap_seconds": 0},
}
OF_ONE = [(method, path) for method, path in WEBHOOKS if "{webhook_id}" in path]


@pytest.mark.parametrize(("method", "path"), OF_ONE)
async def test_what_another_tenant_has_cannot_be_told_from_nothing(
    service: Service, method: str, path: str
) -> None:
    owner, other = await service.new_tenant(), await service.new_tenant()
    now = service.resources.clock()
    async with service.resources.database.tenant(owner, viewer=None) as scope:
        webhook = await create_webhook(
            scope, url="https://x", events=EVENT_TYPES, secret=new_secret(), now=now
        )
        delivery = await add_test_delivery(scope, webhook.id, now=now)
    intruder = await service.person(other)

    responses = [
        await intruder.request(
            method,
            path.format(webhook_id=webhook_id, delivery_id=delivery_id),
            json=BODY_BY_ROUTE.get((method, path)),
        )
        for webhook_id, delivery_id in ((webhook.id, delivery.id), (uuid4(), uuid4()))
    ]

    seen = [
        {name: value for name, value in each.json().items() if name != "request_id"}
        for each in responses
    ]
    assert {each.status_code for each in responses} == {404}
    assert seen[0] == seen[1]
    async with service.resources.database.tenant(owner, viewer=None) as scope:
        assert await get_webhook(scope, webhook.id) == webhook


async def test_a_list_has_the_webhooks_of_the_tenant_alone(service: Service) -> None:
    owner, other = await service.new_tenant(), await service.new_tenant()
    for tenant, url in ((owner, "https://one.example"), (other, "https://two.example")):
        async with service.resources.database.tenant(tenant, viewer=None) as scope:
            await create_webhook(
                scope,
                url=url,
                events=EVENT_TYPES,
                secret=new_secret(),
                now=service.resources.clock(),
            )

    listed = (await (await service.person(owner)).request("GET", "/v1/webhooks")).json()

    assert [each["url"] for each in listed["data"]] == ["https://one.example"]
