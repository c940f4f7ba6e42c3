"""For every route: what a caller may not see is answered like what never existed."""

from collections.abc import Awaitable, Callable, Mapping

import pytest
from fastapi.routing import iter_route_contexts
from pydantic import JsonValue

from app.http.main import build_app
from tests.service import Person, Service
from tests.tenancy.names import Names, never_existing, shown
from tests.tenancy.route_cases import OPERATION, PROBES, ROUTES, Probe, RouteCase
from tests.tenancy.world import ANA, HR, World, upload_secret

Intruder = Callable[[World], Awaitable[Person]]

INTRUDERS: Mapping[str, tuple[Intruder, Callable[[World], Names]]] = {
    "colleague": (lambda world: world.one.ana(), lambda world: world.secret),
    "gateway for a colleague": (lambda world: world.one.gateway(ANA), lambda world: world.secret),
    "other tenant": (lambda world: world.two.everybody(), lambda world: world.secret),
    "gateway of the other tenant": (
        lambda world: world.two.gateway(f"{ANA},{HR}"),
        lambda world: world.secret,
    ),
    "other tenant, what everybody there reads": (
        lambda world: world.two.everybody(),
        lambda world: world.shared,
    ),
}
"""Who asks, and for what."""

COLLEAGUES = {"colleague", "gateway for a colleague"}

every_probe = pytest.mark.parametrize(
    ("case", "probe"),
    [pytest.param(case, probe, id=name) for name, case, probe in PROBES],
)


def test_every_route_has_a_case(service: Service) -> None:
    app = build_app(service.resources)

    routes = {
        # A parameter that may hold slashes is one like others.
        (method, (route.path or "").replace(":path}", "}"))
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert routes == ROUTES.keys() | OPERATION


def test_the_schema_hides_no_route(service: Service) -> None:
    app = build_app(service.resources)

    operations = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }

    page = {(method, path) for method, path in OPERATION if path.startswith("/docs")}
    assert operations == ROUTES.keys() | (OPERATION - page - {("GET", "/openapi.json")})


@pytest.mark.parametrize("intruder", INTRUDERS)
@every_probe
async def test_what_is_hidden_looks_as_if_it_never_existed(
    world: World, intruder: str, case: RouteCase, probe: Probe
) -> None:
    if case.is_for_admins and intruder in COLLEAGUES:
        pytest.skip("what admins manage belongs to all admins of the tenant")
    make_person, hidden_from = INTRUDERS[intruder]
    person, hidden = await make_person(world), hidden_from(world)
    never = never_existing(hidden)

    response = await probe.send(person, hidden)

    expected = await probe.send(person, never)
    assert response.status_code < 500
    assert shown(response, hidden) == shown(expected, never)


@pytest.mark.parametrize(
    ("case", "probe"),
    [pytest.param(case, probe, id=name) for name, case, probe in PROBES if probe.is_telling],
)
async def test_who_may_see_it_is_shown_something_else(
    world: World, service: Service, case: RouteCase, probe: Probe
) -> None:
    hr, secret = world.hr, world.secret
    if case.is_changing:
        hr = await service.person(await service.new_tenant(), HR)
        secret = await upload_secret(hr, is_ingested=False)
    never = never_existing(secret)

    response = await probe.send(hr, secret)

    expected = await probe.send(hr, never)
    assert shown(response, secret) != shown(expected, never)
    assert response.status_code < 500


@pytest.mark.parametrize(
    "route", [route for route, case in ROUTES.items() if case.is_changing], ids=" ".join
)
async def test_an_intruder_changes_nothing(world: World, route: tuple[str, str]) -> None:
    before = await _state(world)

    for intruder, (make_person, hidden_from) in INTRUDERS.items():
        if ROUTES[route].is_for_admins and intruder in COLLEAGUES:
            continue
        person = await make_person(world)
        for probe in ROUTES[route].probes:
            await probe.send(person, hidden_from(world))

    assert await _state(world) == before


async def _state(world: World) -> list[JsonValue]:
    """What can be seen of the documents that intruders are after, by those who may."""
    everybody = await world.one.everybody()
    paths = [
        path
        for names in (world.secret, world.shared)
        for path in (
            f"/v1/documents/{names.document}",
            f"/v1/documents/{names.document}/versions",
            f"/v1/documents/{names.document}/chunks",
            f"/v1/jobs/{names.job}",
            f"/v1/answers/{names.answer}",
        )
    ]
    paths.append(f"/v1/sources/{world.secret.source}")
    responses = [await everybody.request("GET", path) for path in paths]
    assert {response.status_code for response in responses} == {200}
    return [response.json() for response in responses]
