"""What HTTP asks of every route: methods, conditional requests, times, and errors that lead on."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Annotated
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from typing_extensions import override

from app.http.error_page import error_rows
from app.http.main import build_app
from app.http.schemas import ResponseModel
from tests.service import Person, Service

QUESTION = "How many days of annual leave does everyone have?"
EAST = timezone(timedelta(hours=3))
OTHER_TIME = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:?\d\d)?"')
"""A JSON string that is a time and does not end in Z."""


@pytest.fixture(scope="module")
async def ana(service: Service) -> Person:
    """An administrator with a document."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload("Everyone has 31 days of annual leave.", "leave.md")
    return ana


# --- Methods -------------------------------------------------------------------------------------


async def test_allow_names_all_methods_of_the_path(service: Service) -> None:
    methods: dict[str, set[str]] = {}
    for route in iter_route_contexts(build_app(service.resources).routes):
        template = (route.path or "").replace(":path}", "}")
        methods.setdefault(template, set()).update(route.methods or ())
    told: dict[str, set[str]] = {}

    for template in methods:
        response = await service.http.request("TRACE", re.sub(r"\{\w+\}", "a", template))
        assert (response.status_code, response.json().get("code")) in {
            (405, "method_not_allowed"),
            (405, None),  # the chat route's shape
        }
        told[template] = set(response.headers["allow"].split(", "))

    assert len(methods["/v1/documents/{document_id}"]) == 3
    assert told == methods


async def test_no_request_waits_for_routes_to_be_built(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = build_app(service.resources)
    monkeypatch.delattr("fastapi.routing._EffectiveRouteContext.from_api_route")

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://footnote") as client:
        response = await client.get("/healthz")

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/jobs/a:retry", "/v1/webhooks/a:test"])
async def test_an_action_is_no_id_of_the_path_before_it(ana: Person, path: str) -> None:
    response = await ana.request("GET", path)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_asked_for_without_its_body(service: Service, path: str) -> None:
    response = await service.http.head(path)

    assert (response.status_code, response.content) == (200, b"")


# --- Conditional requests ------------------------------------------------------------------------


@pytest.fixture
async def pages(ana: Person) -> list[str]:
    """The path of a document and of an answer."""
    document = await ana.upload("The kitchen is closed on Sundays.")
    answer = (await ana.ask(QUESTION)).json()["id"]
    return [f"/v1/documents/{document}", f"/v1/answers/{answer}"]


async def test_who_has_it_already_is_told_so(ana: Person, pages: list[str]) -> None:
    for page in pages:
        first = await ana.request("GET", page)
        tag = first.headers["ETag"]

        for named in (tag, f"W/{tag}", "*", f'"x", {tag}'):
            again = await ana.request("GET", page, {"If-None-Match": named})
            assert (again.status_code, again.content) == (304, b""), named
            assert again.headers["ETag"] == tag
        other = await ana.request("GET", page, {"If-None-Match": '"x"'})
        assert (other.status_code, other.json()) == (200, first.json())


async def test_the_tag_changes_with_the_body_and_only_then(ana: Person, pages: list[str]) -> None:
    changes = (
        ("PATCH", pages[0], {"title": "Kitchen"}),
        ("PATCH", pages[0], {"metadata": {"floor": 2}}),
        ("POST", f"{pages[1]}/feedback", {"rating": 1}),
        ("POST", f"{pages[1]}/feedback", {"rating": -1}),
    )
    for method, path, body in changes:
        page = path.removesuffix("/feedback")
        before = await ana.request("GET", page)

        await ana.request(method, path, json=body)

        after = await ana.request("GET", page, {"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        assert after.json() != before.json()
        assert after.headers["ETag"] != before.headers["ETag"]
        same = await ana.request("GET", page, {"If-None-Match": after.headers["ETag"]})
        assert same.status_code == 304


async def test_a_tag_opens_nothing(service: Service, ana: Person, pages: list[str]) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    stranger = await service.person(await service.new_tenant(), "user:ana")
    tags = [(await ana.request("GET", page)).headers["ETag"] for page in pages]
    await ana.request("PATCH", pages[0], json={"principals": ["user:ana"]})

    for page, tag, person in zip(pages, tags, (bob, stranger), strict=True):
        for named in (tag, "*"):
            response = await person.request("GET", page, {"If-None-Match": named})
            assert response.status_code == 404


async def test_a_change_may_be_meant_for_one_state_alone(ana: Person, pages: list[str]) -> None:
    tag = (await ana.request("GET", pages[0])).headers["ETag"]

    weak = await ana.request("PATCH", pages[0], {"If-Match": f"W/{tag}"}, json={"title": "A"})
    listed = await ana.request("PATCH", pages[0], {"If-Match": f'"x", {tag}'}, json={"title": "B"})
    late = await ana.request("PATCH", pages[0], {"If-Match": tag}, json={"title": "C"})

    assert [weak.status_code, listed.status_code, late.status_code] == [412, 200, 412]


# --- Times ---------------------------------------------------------------------------------------


def response_models(kind: type[ResponseModel] = ResponseModel) -> Iterator[type[ResponseModel]]:
    for child in kind.__subclasses__():
        yield child
        yield from response_models(child)


def adapter(field: FieldInfo) -> TypeAdapter[object]:
    kept: object = Annotated[field.annotation, "", *field.metadata]
    return TypeAdapter(kept)  # type: ignore[arg-type]  # a type that is known only here


def test_every_time_of_every_body_is_written_in_utc_with_a_z(service: Service) -> None:
    build_app(service.resources)
    moment = datetime(2026, 3, 1, 12, tzinfo=EAST)
    written = {}
    for model in response_models():
        for name, field in model.model_fields.items():
            time = adapter(field)
            schema = time.json_schema(mode="serialization")
            if "date-time" in {each.get("format") for each in [schema, *schema.get("anyOf", [])]}:
                value = time.dump_json(time.validate_python(moment)).decode()
                written[f"{model.__name__}.{name}"] = value

    assert len(written) > 20
    assert {name for name, time in written.items() if time != '"2026-03-01T09:00:00Z"'} == set()


async def test_no_event_has_a_time_without_a_z(service: Service, ana: Person) -> None:
    response = await ana.post_file("A note.", "a.md", effective_at="2026-03-01T09:00:00+03:00")
    uploaded = response.json()
    await service.run_job(ana.tenant_id, uploaded["job"]["id"])
    stream = await ana.ask(QUESTION, stream=True, include_retrieved=True)
    texts = [
        stream.text,
        *[
            (await ana.request("GET", path)).text
            for path in (
                "/v1/documents",
                f"/v1/documents/{uploaded['document']['id']}/versions",
                f"/v1/jobs/{uploaded['job']['id']}/events",
            )
        ],
    ]

    assert "answer.created" in stream.text
    assert [OTHER_TIME.findall(text) for text in texts] == [[]] * len(texts)


# --- Errors --------------------------------------------------------------------------------------


class Anchors(HTMLParser):
    """The ids on a page, and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"src", "href"} and value:
                self.loaded.append(value)


async def test_the_type_of_a_problem_leads_to_its_code(service: Service, ana: Person) -> None:
    problems = [
        (await ana.request("GET", f"/v1/documents/{uuid4()}")).json(),
        (await ana.request("GET", "/nowhere")).json(),
        (await ana.request("DELETE", "/healthz")).json(),
        (await service.http.get("/v1/documents")).json(),
    ]

    for problem in problems:
        target = httpx.URL(str(service.http.base_url)).join(problem["type"])
        page = await service.http.get(target)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert Anchors(page.text).ids.count(target.fragment) == 1
        assert target.fragment == problem["code"]


async def test_the_page_has_every_code_once_and_loads_nothing(service: Service) -> None:
    page = Anchors((await service.http.get("/docs/errors")).text)

    assert page.ids == [row.code for row in error_rows()]
    assert len(page.ids) == len(set(page.ids)) > 50
    assert page.loaded == []


async def test_413_names_the_limit(service: Service, ana: Person) -> None:
    limits = service.resources.request_limits
    declared = await ana.request("POST", "/v1/search", json={"query": "a" * 2_000_001})
    content = "a" * (limits.max_upload_bytes + 1)
    uploaded = await ana.post_file(content, "a.txt")

    assert [declared.status_code, uploaded.status_code] == [413, 413]
    assert "2000000 bytes" in declared.json()["detail"]
    assert str(limits.max_upload_bytes) in uploaded.json()["detail"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.zip", b"PK\x03\x04" + bytes(40)), ("a.png", b"\x89PNG\r\n\x1a\n\0\0"), ("a.xml", b"<a/>")],
)
async def test_415_says_what_is_accepted(ana: Person, name: str, content: bytes) -> None:
    form = {"file": (name, content)}
    response = await ana.request("POST", "/v1/documents", files=form)

    assert response.status_code == 415
    for accepted in ("Markdown", "PDF", "DOCX", "XLSX", "e-mail"):
        assert accepted in response.json()["detail"]
