"""Every field of every JSON body, found in the API's own description, with hostile values.

A field that no case reaches fails the test: what is added later cannot be forgotten.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias, cast
from uuid import uuid4

import pytest

from kb.store.choices import SCOPES
from tests.app.http.described import BODIES, TEXTS, Described, Json, Route, must_be_refused_properly
from tests.service import Person, Service

Place: TypeAlias = tuple[str | int, ...]

HUGE: Final = "\x01huge\x01"
"""Stands for a number that JSON can say and Python's writer cannot: 1e400."""

VALUES: Final[tuple[Json, ...]] = (
    *TEXTS,
    HUGE,
    10**400,
    -0.0,
    float("nan"),
    float("inf"),
    2**63,
    None,
    True,
    [],
    {},
    cast("Json", {"\0": "\ud800"}),
)


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), scopes=SCOPES)


def places(value: Json, here: Place = ()) -> Iterator[Place]:
    if here:
        yield here
    pairs = value.items() if isinstance(value, dict) else ()
    for name, inner in pairs:
        yield from places(inner, (*here, name))
    for index, inner in enumerate(value if isinstance(value, list) else ()):
        yield from places(inner, (*here, index))


def with_value(body: Json, place: Place, value: Json) -> Json:
    if not place:
        return value
    first, *rest = place
    if isinstance(body, dict):
        return {
            name: with_value(inner, tuple(rest), value) if name == first else inner
            for name, inner in body.items()
        }
    assert isinstance(body, list)
    return [
        with_value(inner, tuple(rest), value) if index == first else inner
        for index, inner in enumerate(body)
    ]


def dotted(place: Place) -> str:
    return ".".join(part for part in place if isinstance(part, str))


def test_every_field_of_every_body_has_a_case(described: Described) -> None:
    missing = {
        (route, name)
        for route, _ in described.routes()
        for name in described.fields(route)
        - {dotted(place) for place in places(BODIES.get(route, {}))}
    }

    assert missing == set()


@pytest.mark.parametrize("route", BODIES, ids=" ".join)
async def test_no_value_of_a_field_is_too_much(ana: Person, route: Route) -> None:
    method, path = route
    document_id = await ana.upload("A note.", external_id="other")

    for place in places(BODIES[route]):
        for value in VALUES:
            body = json.dumps(with_value(BODIES[route], place, value))
            response = await ana.request(
                method,
                path.format_map(defaultdict(uuid4, document_id=document_id)),
                {"Content-Type": "application/json"},
                content=body.replace(json.dumps(HUGE), "1e400"),
            )
            must_be_refused_properly(response, (place, value))


@pytest.mark.parametrize("route", BODIES, ids=" ".join)
async def test_no_bytes_of_a_body_are_too_much(ana: Person, route: Route) -> None:
    method, path = route
    bodies = [
        b'{"a": "\xed\xa0\x80"}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
    ]

    for body in [*bodies, b"\0", b"", b'{"a\0": 1}']:
        response = await ana.request(
            method,
            path.format_map(defaultdict(uuid4)),
            {"Content-Type": "application/json"},
            content=body,
        )
        must_be_refused_properly(response, body[:100])
        assert response.status_code >= 400
