"""No route of the API works without a key that is known, in force and made for it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.choices import SCOPES, Scope
from kb.store.credentials import create_key
from kb.store.tables import credentials
from tests.service import EVERY_SCOPE, Person, Service
from tests.tenancy.names import Names, fresh_names, shown
from tests.tenancy.route_cases import OPERATION, ROUTES, filled_path
from tests.tenancy.world import HR, World

every_route = pytest.mark.parametrize("route", ROUTES, ids=" ".join)


async def key_of(database: Database, tenant_id: TenantId, *, expires_at: datetime | None) -> str:
    async with database.system() as system:
        created = await create_key(
            system, tenant_id, scopes=EVERY_SCOPE, principals=[HR], expires_at=expires_at
        )
    return created.key


async def expired_key(world: World) -> str:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    database = world.one.service.resources.database
    return await key_of(database, world.one.id, expires_at=yesterday)


async def revoked_key(world: World) -> str:
    database = world.one.service.resources.database
    key = await key_of(database, world.one.id, expires_at=None)
    prefix = key.rsplit("_", 1)[0] if key.count("_") == 2 else "_".join(key.split("_")[:2])
    revoke = update(credentials).where(credentials.c.prefix == prefix)
    async with database.system() as system:
        await system.connection.execute(revoke.values(revoked_at=datetime.now(UTC)))
    return key


async def ordinary(person: Person, route: tuple[str, str], names: Names) -> httpx.Response:
    """The response to the route's first probe."""
    return await ROUTES[route].probes[0].send(person, names)


def problem(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    return response.status_code, body.get("error", body)["code"]


@every_route
async def test_without_a_key_nothing_is_answered(world: World, route: tuple[str, str]) -> None:
    method, path = route
    filled = filled_path(path, world.secret)

    for authorization in (None, "", "Bearer", "Basic YTpi", "fn_0_0"):
        headers = {} if authorization is None else {"Authorization": authorization}
        response = await world.one.service.http.request(method, filled, headers=headers)

        assert problem(response) == (401, "credential_missing"), authorization
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route[0] in {"POST", "PATCH"}], ids=" ".join
)
@pytest.mark.parametrize("body", [b"", b"[]", b'{"unknown": 1}'])
async def test_without_a_key_no_body_is_judged(
    world: World, route: tuple[str, str], body: bytes
) -> None:
    method, path = route
    headers = {"Content-Type": "application/json"}

    response = await world.one.service.http.request(
        method, path.format_map(defaultdict(lambda: "no-uuid")), headers=headers, content=body
    )

    assert problem(response) == (401, "credential_missing")


@every_route
async def test_unknown_expired_and_revoked_keys_are_refused_alike(
    world: World, route: tuple[str, str]
) -> None:
    valid = await key_of(world.one.service.resources.database, world.one.id, expires_at=None)
    keys = {
        "never made": f"fn_{'0' * 12}_{'x' * 43}",
        "malformed": "secret",
        "right prefix, wrong secret": f"{valid[:-4]}xxxx",
        "expired": await expired_key(world),
        "revoked": await revoked_key(world),
    }

    responses = {
        name: await ordinary(replace(world.hr, key=key), route, world.secret)
        for name, key in keys.items()
    }

    assert {problem(response) for response in responses.values()} == {(401, "credential_invalid")}
    first, *others = (shown(response, world.secret) for response in responses.values())
    assert all(other == first for other in others)


@every_route
async def test_a_key_without_the_routes_scope_is_refused(
    world: World, service: Service, route: tuple[str, str]
) -> None:
    useless = [scope for scope in SCOPES if scope not in ROUTES[route].scopes]
    person = await service.person(world.one.id, HR, scopes=useless)

    hidden = await ordinary(person, route, world.secret)
    never = await ordinary(person, route, fresh_names())

    assert problem(hidden) == problem(never) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("route", "scope"), [(route, scope) for route, case in ROUTES.items() for scope in case.scopes]
)
async def test_a_key_with_just_the_routes_scope_is_enough(
    world: World, service: Service, route: tuple[str, str], scope: Scope
) -> None:
    person = await service.person(world.one.id, HR, scopes=[scope])

    response = await ordinary(person, route, fresh_names())

    # 207 has a status for each part; 422 is the tenant that names the server's own disk.
    assert response.status_code in {200, 201, 202, 207, 404, 422}


@every_route
async def test_acting_for_others_needs_a_key_for_it(world: World, route: tuple[str, str]) -> None:
    person = await world.one.hr()

    for named in ("user:ana", "group:hr", ""):
        response = await with_header(person, route, named)

        assert problem(response) == (403, "act_as_not_allowed"), named


@every_route
async def test_malformed_principals_are_refused(world: World, route: tuple[str, str]) -> None:
    gateway = await world.one.gateway(HR)

    for named in ("ana", "user:ana,hr", "User:ana", "user:", ":ana", "user:a na", "user:a group:b"):
        response = await with_header(gateway, route, named)

        assert problem(response) == (422, "invalid_principal"), named


@pytest.mark.parametrize("path", sorted(path for _, path in OPERATION))
async def test_operation_needs_no_key_and_names_no_tenant(world: World, path: str) -> None:
    response = await world.one.service.http.get(path)

    assert response.status_code == 200
    assert str(world.one.id) not in response.text


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_is_known_to_a_route_or_said_to_be_for_later(scope: Scope) -> None:
    needed = {needed for case in ROUTES.values() for needed in case.scopes}
    no_route_yet: Mapping[str, str] = {
        "act_as": "is about whose viewer, not about a route",
    }

    assert (scope in needed) != (scope in no_route_yet)


async def with_header(person: Person, route: tuple[str, str], named: str) -> httpx.Response:
    method, path = route
    names = fresh_names()
    filled = filled_path(path, names)
    return await person.request(method, filled, {"Footnote-Principals": named})


@every_route
@pytest.mark.parametrize("name", ["Authorization", "Footnote-Principals"])
async def test_a_header_that_is_sent_twice_is_refused(
    world: World, route: tuple[str, str], name: str
) -> None:
    gateway = await world.one.gateway(HR)
    method, path = route
    names = fresh_names()
    filled = filled_path(path, names)
    values = {"Authorization": f"Bearer {gateway.key}", "Footnote-Principals": HR}
    sent = [*values.items(), (name, values[name])]

    response = await world.one.service.http.request(method, filled, headers=sent)

    assert problem(response) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/documents", "Idempotency-Key"),
        ("POST", "/v1/documents", "Content-Type"),
        ("POST", "/v1/answers", "Last-Event-ID"),
        ("PATCH", f"/v1/documents/{UUID(int=1)}", "If-Match"),
    ],
)
async def test_no_header_that_a_route_reads_may_be_sent_twice(
    world: World, method: str, path: str, name: str
) -> None:
    hr = await world.one.hr()
    headers = [("Authorization", f"Bearer {hr.key}"), (name, "1"), (name, "1")]

    response = await world.one.service.http.request(method, path, headers=headers)

    assert problem(response) == (422, "invalid_request")
