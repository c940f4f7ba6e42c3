"""Odd requests are made from any description of routes, and bad responses are told from good."""

import json
import socket

import pytest
from httpx import Response

from evals.attack.fuzz import Shot, fault_of, form_shots, places, shots
from evals.attack.headers import open_after
from evals.attack.openapi import Operation, described, sample
from evals.attack.soak import fault_of as soak_fault_of

PROBLEM = "application/problem+json"
SEARCH = Shot(what="", method="POST", path=b"/v1/search")
DESCRIPTION = {
    "paths": {
        "/v1/things/{thing_id}": {
            "patch": {
                "parameters": [
                    {"name": "thing_id", "in": "path", "required": True},
                    {"name": "limit", "in": "query"},
                    {"name": "if-match", "in": "header"},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
            },
            "parameters": [],
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    "lost": {"$ref": "#/components/schemas/Lost"},
                },
            },
            "Part": {"type": "object", "properties": {"size": {"type": "integer"}}},
        }
    },
}


@pytest.fixture
def operation() -> Operation:
    return next(described(DESCRIPTION))


@pytest.mark.parametrize(
    ("status", "media_type", "content"),
    [
        (500, PROBLEM, b'{"code": "internal_error"}'),
        (422, PROBLEM, b"{}"),
        (422, "application/json", b'{"code": "invalid_request"}'),
        (400, "text/plain", b"Invalid HTTP request received."),
    ],
)
def test_a_response_without_a_problem_is_a_fault(
    status: int, media_type: str, content: bytes
) -> None:
    assert fault_of(SEARCH, status, media_type, content)


def test_a_problem_with_a_code_is_none() -> None:
    assert not fault_of(SEARCH, 422, PROBLEM, b'{"code": "invalid_request"}')


def test_a_header_that_is_none_may_be_refused_in_plain_words() -> None:
    shot = Shot(what="", method="GET", path=b"/", headers={"A": b"\x00"})

    assert not fault_of(shot, 400, "text/plain", b"no")


def test_openai_s_door_has_errors_of_its_own() -> None:
    shot = Shot(what="", method="POST", path=b"/v1/chat/completions")

    assert not fault_of(shot, 422, "application/json", b'{"error": {"code": "invalid_request"}}')
    assert fault_of(shot, 422, "application/json", b'{"error": {}}')


def test_every_place_of_a_route_is_shot_at(operation: Operation) -> None:
    what = {shot.what.rpartition(":")[0] for shot in shots(operation, {})}

    assert {"path thing_id", "query limit", "header if-match"} <= what
    assert {"body name", "body parts", "body parts.0.size"} <= what


def test_an_odd_value_stands_where_it_should(operation: Operation) -> None:
    by_what = {shot.what: shot for shot in shots(operation, {})}
    body = by_what["body parts.0.size: huge exponent"].body

    assert body == b'{"parts": [{"size": 1e400}], "name": "sample"}'
    assert rb"a\u0000b" in (by_what["body name: NUL"].body or b"")


def test_a_reference_to_nothing_describes_nothing(operation: Operation) -> None:
    assert sample(operation.body) == {"name": "sample"}
    assert ("lost",) in set(places(operation.body))


def test_forms_are_shot_at_by_file_name_and_field() -> None:
    by_what = {shot.what: shot for shot in form_shots()}

    assert b'filename="a\x00b"' in (by_what["file name: NUL"].body or b"")
    assert by_what["many fields"].body


@pytest.mark.parametrize(
    ("action", "status", "is_fault"),
    [
        ("search", 200, False),
        ("search", 404, True),
        ("search", 500, True),
        ("search", 503, True),
        ("err", 422, False),
        ("err", 200, True),
        ("err", 500, True),
    ],
)
def test_the_soak_wants_what_was_promised(action: str, status: int, *, is_fault: bool) -> None:
    assert bool(soak_fault_of(action, Response(status))) == is_fault


def test_a_service_may_ask_for_patience() -> None:
    assert not soak_fault_of("search", Response(503, headers={"Retry-After": "5"}))


def test_connections_that_stay_open_are_counted() -> None:
    ours, theirs = socket.socketpair()
    closed, closing = socket.socketpair()
    closing.close()
    with ours, theirs, closed:
        assert open_after([closed], drip=b"", seconds=60) == 0
        assert open_after([ours, closed], drip=b"", seconds=0) == 2


def test_bodies_are_what_json_libraries_would_not_write(operation: Operation) -> None:
    odd = [shot.body for shot in shots(operation, {}) if shot.what.endswith("lone surrogate")]

    assert all(json.loads(body) for body in odd if body and body.startswith(b"{"))
