"""Every error has a status and a code, and tells nothing that the caller should not know."""

import errno
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, ValidationError
from structlog.testing import capture_logs

from app.http.problem_schemas import Problem
from app.http.problems import (
    error_status,
    invalid_fields,
    problem_of,
    register_error_handlers,
)
from app.http.rate_limit import KeyRateLimited
from app.http.search.schemas import SearchRequest
from kb import errors
from kb.errors import KnowledgeBaseError, LlmUnavailable, RateLimited


def subclasses(parent: type[KnowledgeBaseError]) -> Iterator[type[KnowledgeBaseError]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


def made(kind: type[KnowledgeBaseError]) -> KnowledgeBaseError:
    return kind(retry_after_seconds=7) if issubclass(kind, RateLimited) else kind()


ALL_ERRORS = sorted(
    (kind for kind in set(subclasses(KnowledgeBaseError)) if kind.__module__ == errors.__name__),
    key=lambda kind: kind.__name__,
)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    numbers: list[int] = []


def build_app() -> FastAPI:
    app = FastAPI()
    register_error_handlers(app)

    @app.get("/raise/{name}")
    async def raise_named(name: str) -> None:
        raise made(next(kind for kind in ALL_ERRORS if kind.__name__ == name))

    @app.get("/rated")
    async def rated() -> None:
        raise KeyRateLimited(retry_after_seconds=7, headers={"RateLimit-Limit": "2"})

    @app.get("/busy")
    async def busy() -> None:
        raise LlmUnavailable(retry_after_seconds=11.2)

    @app.get("/secret/{name}")
    async def raise_with_secret(name: str) -> None:
        raise getattr(errors, name)("host db-7.internal SECRET")

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("SELECT SECRET FROM /var/lib")

    @app.get("/system/{name}")
    async def raise_of_the_system(name: str) -> None:
        raise OSError(getattr(errno, name), "SECRET", "/tmp/SECRET")  # noqa: S108  # raised only

    @app.post("/body")
    async def body(body: Body, limit: Annotated[int, Query(ge=1)] = 1) -> Body:
        return body

    @app.post("/search")
    async def search(request: SearchRequest) -> None:
        raise AssertionError(request)

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem(response: httpx.Response) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    parsed = Problem.model_validate(response.json())
    assert parsed.status == response.status_code
    assert parsed.type == f"/docs/errors#{parsed.code}"
    assert parsed.title
    return parsed


async def test_every_error_is_a_problem_with_its_code_and_status(client: httpx.AsyncClient) -> None:
    """Which status that is stands in docs/reference.md, which tests/architecture compares."""
    told: dict[str, int] = {}
    for kind in ALL_ERRORS:
        response = await client.get(f"/raise/{kind.__name__}")
        told[problem(response).code] = response.status_code

    assert told == {kind.code: error_status(kind) for kind in ALL_ERRORS}


def test_the_root_itself_is_a_500() -> None:
    assert error_status(KnowledgeBaseError) == 500


def test_a_crash_is_told_alike_wherever_it_ends() -> None:
    told = problem_of(KnowledgeBaseError("secret"), request_id="r")

    assert (told.title, told.code) == ("Internal Server Error", "internal_error")
    assert told.detail == "Something went wrong on our side. The request id names the log entry."


@pytest.mark.parametrize(
    ("name", "challenge"),
    [("CredentialMissing", "Bearer"), ("CredentialInvalid", 'Bearer error="invalid_token"')],
)
async def test_missing_credential_is_challenged(
    client: httpx.AsyncClient, name: str, challenge: str
) -> None:
    response = await client.get(f"/raise/{name}")

    assert response.headers["www-authenticate"] == challenge


async def test_rate_limited_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    response = await client.get("/rated")

    assert response.headers["retry-after"] == "7"
    assert response.headers["ratelimit-limit"] == "2"
    assert problem(response).retry_after == 7


async def test_failed_dependency_may_be_tried_again(client: httpx.AsyncClient) -> None:
    response = await client.get("/raise/DatabaseUnavailable")

    assert response.headers["retry-after"] == "5"
    assert problem(response).retry_after == 5


async def test_a_language_model_that_asks_for_time_is_told_in_whole_seconds(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/busy")

    assert response.status_code == 503
    assert response.headers["retry-after"] == "12"


async def test_other_errors_have_no_retry_after(client: httpx.AsyncClient) -> None:
    response = await client.get("/raise/DocumentNotFound")

    assert "retry-after" not in response.headers
    assert "retry_after" not in response.json()
    assert "errors" not in response.json()


async def test_message_is_shown_below_500(client: httpx.AsyncClient) -> None:
    response = await client.get("/secret/AlreadyExists")

    assert problem(response).detail == "host db-7.internal SECRET"
    assert problem(response).title == "A thing with that name or external_id exists already."


@pytest.mark.parametrize("name", ["SchemaOutOfDate", "DatabaseUnavailable", "LlmOutputInvalid"])
async def test_message_is_for_the_log_from_500_on(client: httpx.AsyncClient, name: str) -> None:
    with capture_logs() as logs:
        response = await client.get(f"/secret/{name}")

    assert "SECRET" not in response.text
    (entry,) = logs
    assert entry["event"] == "request.failed"
    assert "SECRET" in str(entry["exc_info"])


async def test_crash_is_a_500_that_says_nothing(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await client.get("/crash")

    shown = problem(response)
    assert (shown.status, shown.code) == (500, "internal_error")
    assert "SECRET" not in response.text
    assert "RuntimeError" not in response.text
    (entry,) = logs
    assert entry["event"] == "request.crashed"
    assert isinstance(entry["exc_info"], RuntimeError)
    assert entry["exc_info"].__traceback__ is not None


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT"])
async def test_a_full_disk_of_temporary_files_is_told(client: httpx.AsyncClient, name: str) -> None:
    with capture_logs() as logs:
        response = await client.get(f"/system/{name}")

    shown = problem(response)
    assert (shown.status, shown.code, shown.retry_after) == (503, "disk_full", 5)
    assert response.headers["retry-after"] == "5"
    assert "SECRET" not in response.text
    [entry] = logs
    assert (entry["event"], entry["error"]) == ("disk.full", "ENOSPC")


@pytest.mark.parametrize("name", ["EIO", "EMFILE"])
async def test_another_error_of_the_system_is_a_crash(client: httpx.AsyncClient, name: str) -> None:
    with capture_logs() as logs:
        response = await client.get(f"/system/{name}")

    assert problem(response).code == "internal_error"
    assert "SECRET" not in response.text
    [entry] = logs
    assert entry["event"] == "request.crashed"


async def test_invalid_fields_are_named_and_their_values_are_not(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/body?limit=-31337", json={"number": "SECRET", "nmbr": "SECRET", "numbers": ["SECRET"]}
    )

    shown = problem(response)
    assert (shown.status, shown.code) == (422, "invalid_request")
    assert shown.errors is not None
    assert {tuple(each.loc): each.type for each in shown.errors} == {
        ("query", "limit"): "greater_than_equal",
        ("body", "number"): "int_parsing",
        ("body", "numbers", 0): "int_parsing",
        ("body", "nmbr"): "extra_forbidden",
    }
    assert "SECRET" not in response.text
    assert "-31337" not in response.text


async def test_number_of_field_problems_is_bounded(client: httpx.AsyncClient) -> None:
    response = await client.post("/body", json={"number": 1, "numbers": ["x"] * 1000})

    shown = problem(response)
    assert shown.errors is not None
    assert len(shown.errors) == 20


@pytest.mark.parametrize(
    "body", [b'{"number": ', b'{"number": 1, "\\ud800": 1}', b"", b"[" * 100_000, b"\xff", b"1"]
)
async def test_malformed_json_is_refused_and_never_a_crash(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.post(
        "/body", content=body, headers={"content-type": "application/json"}
    )

    assert problem(response).code in {"invalid_request", "bad_request"}


async def test_long_field_name_is_cut(client: httpx.AsyncClient) -> None:
    response = await client.post("/body", json={"number": 1, "x" * 5000: 1})

    assert len(response.text) < 1000


async def test_unknown_path_is_a_404_problem(client: httpx.AsyncClient) -> None:
    response = await client.get("/nowhere")

    assert (response.status_code, problem(response).code) == (404, "not_found")


async def test_wrong_method_says_which_are_right(client: httpx.AsyncClient) -> None:
    response = await client.delete("/body")

    assert (response.status_code, problem(response).code) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_error_raised_while_a_body_is_validated_keeps_its_code(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/search", json={"query": "x", "filter": {"titel": "x"}})

    assert (response.status_code, problem(response).code) == (422, "invalid_filter")
    assert "'titel'" in problem(response).detail


def test_fields_validated_by_a_route_are_placed_in_the_body() -> None:
    with pytest.raises(ValidationError) as refused:
        Body.model_validate({"number": "SECRET"})

    converted = invalid_fields(refused.value)

    assert [each["loc"] for each in converted.errors()] == [("body", "number")]
    assert "SECRET" not in json.dumps(converted.errors())
