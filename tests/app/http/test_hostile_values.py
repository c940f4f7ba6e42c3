"""Every parameter of every route, found in the API's own description, with hostile values.

A parameter that no case reaches fails the test: what is added later cannot be forgotten.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from app.http.documents.schemas import UploadFields
from app.http.main import build_app
from app.http.openai_problems import is_chat_path
from tests.service import Person, Service

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Place: TypeAlias = tuple[str | int, ...]
Route: TypeAlias = tuple[str, str]

TIME: Final = "2026-03-01T09:00:00Z"
SEARCHED: Final[dict[str, Json]] = {
    "collections": ["default"],
    "filter": {"metadata.a": 1},
    "as_of": TIME,
    "top_k": 2,
}
FIELDS: Final[dict[str, Json]] = {
    "collection": "default",
    "external_id": "a",
    "mode": "upsert",
    "title": "T",
    "source_uri": "https://example.org/a",
    "language": "en",
    "metadata": {"a": ["b", {"c": 1}]},
    "principals": ["tenant:*"],
    "effective_at": TIME,
    "expires_at": TIME,
    "supersedes": str(uuid4()),
}
BODIES: Final[Mapping[Route, dict[str, Json]]] = {
    ("POST", "/v1/documents"): {**FIELDS, "text": "A note."},
    ("PATCH", "/v1/documents/{document_id}"): {
        name: FIELDS[name]
        for name in ("title", "metadata", "principals", "effective_at", "expires_at")
    },
    ("POST", "/v1/search"): {
        **SEARCHED,
        "query": "note",
        "mode": "hybrid",
        "rerank": False,
        "explain": True,
    },
    ("POST", "/v1/answers"): {
        **SEARCHED,
        "question": "What is a note?",
        "history": [{"role": "user", "content": "Hello"}],
        "max_context_tokens": 100,
        "max_output_tokens": 100,
        "model": "x",
        "prompt": "answer",
        "stream": False,
        "include_retrieved": True,
    },
    ("POST", "/v1/chat/completions"): {
        "model": "footnote/default",
        "messages": [
            {"role": "user", "content": "What is a note?", "name": "ana"},
            {
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No."}],
                "refusal": "No.",
                "annotations": [{}],
                "audio": None,
                "tool_calls": [{}],
                "function_call": {},
            },
            {"role": "tool", "content": "x", "tool_call_id": "a"},
            {"role": "user", "content": [{"type": "text", "text": "What is a note?"}]},
        ],
        "stream": False,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "max_tokens": 100,
        "max_completion_tokens": 100,
        "n": 1,
        "temperature": 0.5,
        "top_p": 0.5,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "seed": 1,
        "user": "ana",
        "metadata": {"a": "b"},
        "stop": ["x"],
        "store": False,
        "prediction": {"type": "content", "content": "x"},
        "reasoning_effort": "low",
        "verbosity": "low",
        "service_tier": "auto",
        "safety_identifier": "x",
        "prompt_cache_key": "x",
        "prompt_cache_retention": "24h",
        "prompt_cache_options": {"mode": "implicit"},
        "parallel_tool_calls": False,
        "tools": [],
        "tool_choice": "none",
        "functions": [],
        "function_call": "none",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "audio": None,
        "logprobs": False,
        "top_logprobs": 0,
        "logit_bias": {},
        "web_search_options": None,
        "moderation": None,
    },
    ("POST", "/v1/grounding:check"): {
        "answer": "A note is a text.",
        "claims": ["A note is a text."],
        "sources": [{"id": "a", "text": "A note is a text."}],
    },
}
"""A request with every field, for each route that takes JSON; it need not be accepted."""

HUGE: Final = "\x01huge\x01"
"""Stands for a number that JSON can say and Python's writer cannot: 1e400."""

TEXTS: Final = ("a\0b", "\ud800", "", "\x01\x1f\x7f", "\u202ea\u2066", "a" * 1_000_000)
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


@dataclass(frozen=True, kw_only=True)
class Described:
    """What the API says of its routes."""

    schema: dict[str, Json]

    def routes(self) -> Iterator[tuple[Route, dict[str, Json]]]:
        paths = cast("dict[str, dict[str, dict[str, Json]]]", self.schema["paths"])
        for path, operations in paths.items():
            for method, operation in operations.items():
                yield (method.upper(), path), operation

    def parameters(self, place: str) -> list[tuple[Route, str]]:
        return [
            (route, str(parameter["name"]))
            for route, operation in self.routes()
            for parameter in cast("list[dict[str, Json]]", operation.get("parameters", []))
            if parameter["in"] == place
        ]

    def fields(self, route: Route) -> set[str]:
        """The names of all fields of its JSON body, with those that they are in."""
        operation = dict(self.routes())[route]
        body = cast("dict[str, dict[str, dict[str, Json]]]", operation.get("requestBody", {}))
        json_body = body.get("content", {}).get("application/json", {})
        return set(self._names(cast("dict[str, Json]", json_body.get("schema", {})), ""))

    def _names(self, schema: dict[str, Json], prefix: str) -> Iterator[str]:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name == "DocumentFilter":  # it holds itself, and has tests of its own
                return
            components = cast("dict[str, dict[str, dict[str, Json]]]", self.schema["components"])
            schema = components["schemas"][name]
        for option in cast("list[dict[str, Json]]", schema.get("anyOf", [])):
            yield from self._names(option, prefix)
        if "items" in schema:
            yield from self._names(cast("dict[str, Json]", schema["items"]), prefix)
        properties = cast("dict[str, dict[str, Json]]", schema.get("properties", {}))
        for name, field in properties.items():
            yield prefix + name
            yield from self._names(field, f"{prefix}{name}.")


@pytest.fixture
def described(service: Service) -> Described:
    return Described(schema=build_app(service.resources).openapi())


@pytest.fixture
async def ana(service: Service) -> Person:
    scopes = ("documents:write", "documents:read", "search", "answers", "act_as")
    return await service.person(await service.new_tenant(), scopes=scopes)


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


def must_be_refused_properly(response: httpx.Response, what: object) -> None:
    told = f"{what!r:.300}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500, told
    if response.status_code >= 400:
        is_chat = is_chat_path(response.url.path)
        media_type = "application/json" if is_chat else "application/problem+json"
        assert response.headers["content-type"] == media_type, told
        assert (response.json()["error"] if is_chat else response.json())["code"], told


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
                path.format(document_id=document_id),
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
            path.format(document_id=uuid4()),
            {"Content-Type": "application/json"},
            content=body,
        )
        must_be_refused_properly(response, body[:100])
        assert response.status_code >= 400


SENT_IN_ADDRESS: Final = (
    *("%00", "a%00b", "%ED%A0%80", "%FF", "%01%1F%7F", "%E2%80%AE", "", "NaN", "1e400", "-0"),
    *("9" * 400, "%7B%22a%22:1%7D", "[" * 5_000, "a" * 9_000, "%22%5Cud800%22", "true", "null"),
)


async def test_no_value_in_a_path_is_too_much(ana: Person, described: Described) -> None:
    for (method, path), name in described.parameters("path"):
        for value in SENT_IN_ADDRESS:
            response = await ana.request(method, path.replace(f"{{{name}}}", value))
            if response.status_code != 307:
                must_be_refused_properly(response, (path, value))


async def test_no_value_in_a_query_string_is_too_much(ana: Person, described: Described) -> None:
    for (method, path), name in described.parameters("query"):
        for value in SENT_IN_ADDRESS:
            filled = path.format(document_id=uuid4(), job_id=uuid4(), answer_id=uuid4())
            response = await ana.request(method, f"{filled}?{quote(name)}={value}")
            must_be_refused_properly(response, (path, name, value))


SENT_IN_HEADER: Final = (
    *(b"", b"\xed\xa0\x80", b"\xff", b"\xe2\x80\xae", b"NaN", b"1e400", b"-0", b"9" * 400),
    *(b"a" * 9_000, b'"\\ud800"', b"user:\xe2\x80\xae", b",,,", b"a\tb"),
)


async def test_no_value_in_a_header_is_too_much(ana: Person, described: Described) -> None:
    for route, name in described.parameters("header"):
        method, path = route
        for value in SENT_IN_HEADER:
            response = await ana.service.http.request(
                method,
                path.format(
                    document_id=uuid4(), job_id=uuid4(), answer_id=uuid4(), model_id="footnote/x"
                ),
                headers=[
                    *(
                        []
                        if name == "authorization"
                        else [(b"Authorization", f"Bearer {ana.key}".encode())]
                    ),
                    (name.encode(), value),
                ],
                json=BODIES.get(route) if method in {"POST", "PATCH"} else None,
            )
            must_be_refused_properly(response, (route, name, value))


FORM_PLACES: Final = (*UploadFields.model_fields, "file", "filename", "name", "type", "field name")


@pytest.mark.parametrize("place", FORM_PLACES)
async def test_no_value_in_a_form_is_too_much(ana: Person, place: str) -> None:
    texts = [text.encode(errors="surrogatepass") for text in TEXTS]

    for value in [
        *texts,
        b"\xff",
        b"1e400",
        b"[" * 5_000,
        b"NaN",
        b'"\\u0000"',
        b'{"a":"\\ud800"}',
    ]:
        fields = {place: value} if place in UploadFields.model_fields else {}
        file = {"filename": b"a.txt", "type": b"text/plain", "name": b"file", "file": b"A note."}
        file |= {place: value} if place in file else {}
        field_name = value if place == "field name" else b"title"
        parts = [
            *[
                (b'form-data; name="%s"' % name.encode(), b"", text)
                for name, text in fields.items()
            ],
            *([(b'form-data; name="%s"' % field_name, b"", b"T")] if place == "field name" else []),
            (
                b'form-data; name="%s"; filename="%s"' % (file["name"], file["filename"]),
                b"\r\nContent-Type: " + file["type"],
                file["file"],
            ),
        ]
        body = b"".join(b"--x\r\nContent-Disposition: %s%s\r\n\r\n%s\r\n" % part for part in parts)
        response = await ana.request(
            "POST",
            "/v1/documents",
            {"Content-Type": "multipart/form-data; boundary=x"},
            content=body + b"--x--\r\n",
        )
        must_be_refused_properly(response, (place, value[:100]))
