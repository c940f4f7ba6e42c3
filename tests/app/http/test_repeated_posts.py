"""Every POST honours `Idempotency-Key`: a route that is added later fails here until it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, text

from app.http.main import build_app
from kb.store.choices import SCOPES
from kb.store.source_items import Item, store_items
from kb.store.sources import SourceSettings, create_source
from kb.store.tables import idempotency_keys
from tests.app.http.described import Described
from tests.service import Person, Service

KEY: Final = "Idempotency-Key"
QUESTION: Final = "How many days of annual leave does everyone have?"
HOOK: Final = {"url": "https://8.8.8.8", "events": ["job.finished"]}
OTHER_REQUEST: Final = {"claims": ["a"], "sources": [{"id": "a", "text": "another request"}]}
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A request that succeeds, with what stands in its path; `other` is another body for it."""

    body: Mapping[str, object] = field(default_factory=dict)
    other: Mapping[str, object] | None = None


REQUESTS: Final[Mapping[str, Repeated]] = {
    "/v1/documents": Repeated(body={"text": "A note."}, other={"text": "Another."}),
    "/v1/documents:batch": Repeated(
        body={"items": [{"text": "A note."}]}, other={"items": [{"text": "Another."}]}
    ),
    "/v1/jobs/{job_id}:retry": Repeated(),
    "/v1/jobs/{job_id}:cancel": Repeated(),
    "/v1/search": Repeated(body={"query": "leave"}, other={"query": "leave", "top_k": 3}),
    "/v1/answers": Repeated(body={"question": QUESTION}, other={"question": "What is leave?"}),
    "/v1/answers/{answer_id}/feedback": Repeated(
        body={"rating": 1, "comment": "Good."}, other={"rating": 1, "comment": "Very good."}
    ),
    "/v1/chat/completions": Repeated(
        body={
            "model": "footnote/default",
            "messages": [{"role": "user", "content": QUESTION}],
        },
        other={"model": "footnote/default", "messages": [{"role": "user", "content": "Leave?"}]},
    ),
    "/v1/grounding:check": Repeated(
        body={"claims": ["Leave is 31 days."], "sources": [{"id": "a", "text": "31 days."}]},
        other={"claims": ["Leave is 33 days."], "sources": [{"id": "a", "text": "31 days."}]},
    ),
    "/v1/reindex": Repeated(other={"only_changed": False}),
    "/v1/sources": Repeated(
        body={"name": "wiki", "uri": "https://8.8.8.8/list", "principals": ["tenant:*"]},
        other={"name": "wiki", "uri": "https://8.8.8.8/other", "principals": ["tenant:*"]},
    ),
    "/v1/sources/{name}:sync": Repeated(),
    "/v1/sources/{name}:confirm": Repeated(),
    "/v1/webhooks": Repeated(body=HOOK, other={**HOOK, "events": ["document.ready"]}),
    "/v1/webhooks/{webhook_id}:rotate": Repeated(
        body={"overlap_seconds": 60}, other={"overlap_seconds": 61}
    ),
    "/v1/webhooks/{webhook_id}:test": Repeated(),
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:retry": Repeated(),
}
"""By path; the parts in braces are filled with what the tenant has."""

SAME_FOR_ALL: Final = {
    "/v1/grounding:check",
    "/v1/jobs/{job_id}:retry",
    "/v1/jobs/{job_id}:cancel",
}
"""Another caller's response may equal the first: it is made of the request, or of one job."""


@dataclass(frozen=True, kw_only=True)
class Furnished:
    """A tenant with one of each thing that a path names, two colleagues, and a stranger."""

    ana: Person
    colleague: Person
    stranger: Person
    things: Mapping[str, str]

    async def post(self, person: Person, route: str, key: str, body: object) -> httpx.Response:
        if route.endswith(":confirm"):
            await self.hold()
        return await person.request("POST", route.format_map(self.things), {KEY: key}, json=body)

    async def hold(self) -> None:
        """Something waits for confirmation."""
        database, tenant_id = self.ana.service.resources.database, self.ana.tenant_id
        async with database.tenant(tenant_id, viewer=None) as scope:
            await scope.connection.execute(text("UPDATE source_items SET state = 'held'"))

    async def forget(self, key: str) -> None:
        """Makes the request with that key one that still runs."""
        database, tenant_id = self.ana.service.resources.database, self.ana.tenant_id
        async with database.tenant(tenant_id, viewer=None) as scope:
            await scope.connection.execute(
                text(
                    "UPDATE idempotency_keys SET status_code = NULL, response = NULL"
                    " WHERE key = :key"
                ),
                {"key": key},
            )


@pytest.fixture(scope="module")
async def furnished(service: Service) -> Furnished:
    tenant_id = await service.new_tenant()
    scopes = [scope for scope in SCOPES if scope != "act_as"]
    ana = await service.person(tenant_id, "user:ana", scopes=scopes)
    await ana.upload("Everyone has 31 days of annual leave.")
    waiting = (await ana.post_file("A note that waits.", "waiting.md")).json()["job"]["id"]
    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        settings = SourceSettings(uri="https://8.8.8.8/list", principals=("tenant:*",))
        source = await create_source(scope, "docs", settings, is_operators=False, now=NOW)
        await store_items(scope, source.id, [Item(path="gone.md", id=uuid4())], now=NOW)
    webhook = (await ana.request("POST", "/v1/webhooks", json=HOOK)).json()["id"]
    sent = await ana.request("POST", f"/v1/webhooks/{webhook}:test")
    return Furnished(
        ana=ana,
        colleague=await service.person(tenant_id, "user:bob", scopes=scopes),
        stranger=await service.person(await service.new_tenant(), "user:ana", scopes=scopes),
        things={
            "job_id": waiting,
            "answer_id": (await ana.ask(QUESTION)).json()["id"],
            "name": "docs",
            "webhook_id": webhook,
            "delivery_id": sent.json()["id"],
        },
    )


def test_every_post_has_a_case(service: Service) -> None:
    posts = {
        route.path
        for route in iter_route_contexts(build_app(service.resources).routes)
        if "POST" in (route.methods or set())
    }

    assert posts == REQUESTS.keys()


def test_the_description_of_every_post_names_the_header(described: Described) -> None:
    names = {route for route, name in described.parameters("header") if name.lower() == KEY.lower()}

    assert names == {("POST", path) for path in REQUESTS}


@pytest.mark.parametrize("route", REQUESTS)
async def test_the_first_response_comes_again_to_the_same_request_alone(
    furnished: Furnished, route: str
) -> None:
    request, key = REQUESTS[route], f"repeated {route}"

    first = await furnished.post(furnished.ana, route, key, request.body)
    again = await furnished.post(furnished.ana, route, key, request.body)
    other = await furnished.post(furnished.ana, "/v1/grounding:check", key, OTHER_REQUEST)
    others = [other]
    if request.other is not None:
        others.append(await furnished.post(furnished.ana, route, key, request.other))

    assert first.is_success, first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert [code_of(each) for each in others] == [(422, "idempotency_key_reused")] * len(others)


@pytest.mark.parametrize("route", REQUESTS)
async def test_while_the_first_request_runs_the_second_is_told_when_to_come_again(
    furnished: Furnished, route: str
) -> None:
    request, key = REQUESTS[route], f"running {route}"
    body = {**request.body, **({"name": "intranet"} if route == "/v1/sources" else {})}
    first = await furnished.post(furnished.ana, route, key, body)
    await furnished.forget(key)

    second = await furnished.post(furnished.ana, route, key, body)

    assert first.is_success, first.text
    assert code_of(second) == (409, "still_running")
    assert int(second.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("route", REQUESTS)
async def test_nobody_elses_key_gives_the_first_response(furnished: Furnished, route: str) -> None:
    request, key = REQUESTS[route], f"of several {route}"
    body = {**request.body, **({"name": "mine"} if route == "/v1/sources" else {})}
    first = await furnished.post(furnished.ana, route, key, body)

    for person in (furnished.colleague, furnished.stranger):
        response = await furnished.post(person, route, key, body)

        assert code_of(response)[1] not in {"idempotency_key_reused", "still_running"}
        assert route in SAME_FOR_ALL or response.json() != first.json()
        if response.is_success:
            async with person.service.resources.database.tenant(
                person.tenant_id, viewer=None
            ) as scope:
                owners = await scope.connection.execute(
                    select(idempotency_keys.c.owner).where(
                        idempotency_keys.c.tenant_id == person.tenant_id,
                        idempotency_keys.c.key == key,
                    )
                )
                assert len(owners.all()) == (2 if person is furnished.colleague else 1)


def code_of(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem, in either shape."""
    body = response.json()
    return response.status_code, str((body.get("error") or body).get("code", ""))
