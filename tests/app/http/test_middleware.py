"""Ids, log lines, metrics and body limits, around every request."""

import io
import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request, UploadFile
from pydantic import BaseModel
from starlette.types import ASGIApp
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app.http.middleware import RequestBoundsMiddleware, RequestMiddleware
from app.http.problems import register_error_handlers
from kb.errors import DocumentNotFound
from kb.logs import clean_event
from kb.telemetry import Metrics

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"

log = structlog.get_logger(__name__)


pytestmark = pytest.mark.usefixtures("every_level_is_logged")


class Note(BaseModel):
    text: str


router = APIRouter(prefix="/documents")


@router.get("/{document_id}")
async def read(document_id: str) -> dict[str, str]:
    structlog.contextvars.bind_contextvars(tenant_id="t1")
    return {"id": document_id}


@router.get("/{document_id}/missing")
async def missing(document_id: str) -> None:
    raise DocumentNotFound


@router.post("")
async def create(note: Note) -> int:
    return len(note.text)


@router.post(":upload")
async def upload(file: UploadFile) -> int:
    return len(await file.read())


@router.post(":raw")
async def raw(request: Request) -> int:
    return sum([len(part) async for part in request.stream()])


@router.get(":crash")
async def crash() -> None:
    raise RuntimeError


@router.get(":rated")
async def rated(request: Request) -> str:
    request.state.response_headers["RateLimit-Limit"] = "9"
    return str(request.state.request_id)


def build_app(metrics: Metrics) -> FastAPI:
    app = FastAPI()
    app.include_router(router, prefix="/v1")

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    register_error_handlers(app)
    app.add_middleware(RequestBoundsMiddleware, max_body_bytes=100, max_form_bytes=1000)
    app.add_middleware(RequestMiddleware, metrics=metrics)
    return app


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    app: ASGIApp = build_app(metrics)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    structlog.contextvars.clear_contextvars()


def handled(logs: list[EventDict]) -> EventDict:
    (entry,) = [entry for entry in logs if entry["event"] == "request.handled"]
    return entry


async def test_sane_request_id_is_echoed(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/documents/1", headers={"X-Request-Id": "Job-7.a_b"})

    assert response.headers["x-request-id"] == "Job-7.a_b"


@pytest.mark.parametrize("header", ["X-Request-Id", "traceparent", "X-Other"])
@pytest.mark.parametrize("sent", ["1" * 63 + "a", " ".join(["1" * 40 + "a"] * 3)])
async def test_a_header_that_could_be_telephone_numbers_is_logged_and_answered(
    client: httpx.AsyncClient, header: str, sent: str
) -> None:
    structlog.configure(
        processors=[merge_contextvars, clean_event, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(io.StringIO()),
    )

    response = await client.get("/v1/documents/1", headers={header: sent})

    assert response.status_code == 200


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "é", "a\tb", "<script>"])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.get(
        "/v1/documents/1", headers=[(b"X-Request-Id", sent.encode("latin-1"))]
    )

    assert UUID(response.headers["x-request-id"]).version == 7


async def test_requests_have_different_ids(client: httpx.AsyncClient) -> None:
    first = await client.get("/v1/documents/1")
    second = await client.get("/v1/documents/1")

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["traceparent"] != second.headers["traceparent"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/documents/1/missing", 404), ("/nowhere", 404), ("/v1/documents:crash", 500)],
)
async def test_errors_carry_the_same_id_in_header_and_body(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    response = await client.get(path, headers={"X-Request-Id": "r7"})

    assert response.status_code == status
    assert response.headers["x-request-id"] == "r7"
    assert response.headers["traceparent"]
    assert response.json()["request_id"] == "r7"


async def test_handlers_see_the_id_and_may_add_headers(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/documents:rated", headers={"X-Request-Id": "r7"})

    assert response.json() == "r7"
    assert response.headers["ratelimit-limit"] == "9"


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        (f"00-{TRACE_ID}-{PARENT_ID}-01", "01"),
        (f"00-{TRACE_ID}-{PARENT_ID}-00", "00"),
        (f"00-{TRACE_ID}-{PARENT_ID}-ff", "01"),  # of the flags only "sampled" is known
        (f"cc-{TRACE_ID}-{PARENT_ID}-01-what-the-future-brings", "01"),
    ],
)
async def test_valid_trace_goes_on_with_a_span_of_its_own(
    client: httpx.AsyncClient, sent: str, flags: str
) -> None:
    response = await client.get("/v1/documents/1", headers={"traceparent": sent})

    found = re.fullmatch(
        rf"00-{TRACE_ID}-([0-9a-f]{{16}})-{flags}", response.headers["traceparent"]
    )
    assert found is not None
    assert found[1] != PARENT_ID


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "nonsense",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{PARENT_ID}-01-more",
        f"00-{TRACE_ID}-{PARENT_ID}",
    ],
)
async def test_invalid_trace_is_not_continued(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.get("/v1/documents/1", headers={"traceparent": sent})

    started = response.headers["traceparent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", started)
    assert TRACE_ID not in started


async def test_two_traces_are_none(client: httpx.AsyncClient) -> None:
    sent = ("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01")

    response = await client.get("/v1/documents/1", headers=[sent, sent])

    assert TRACE_ID not in response.headers["traceparent"]


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "code"),
    [
        ("GET", "/v1/documents/123", "/v1/documents/{document_id}", 200, None),
        (
            "GET",
            "/v1/documents/123/missing",
            "/v1/documents/{document_id}/missing",
            404,
            "document_not_found",
        ),
        ("DELETE", "/v1/documents/123", "/v1/documents/{document_id}", 405, "method_not_allowed"),
        ("GET", "/v1/documents:rated", "/v1/documents:rated", 200, None),
        ("GET", "/ana/was/here", "unmatched", 404, "not_found"),
        ("GET", "/v1/documents:crash", "/v1/documents:crash", 500, None),
    ],
)
async def test_log_and_metrics_name_the_route_template(  # noqa: PLR0913, PLR0917 - one table
    client: httpx.AsyncClient,
    metrics: Metrics,
    method: str,
    path: str,
    route: str,
    status: int,
    code: str | None,
) -> None:
    with capture_logs() as logs:
        await client.request(method, f"{path}?external_id=SECRET")

    entry = handled(logs)
    assert (entry["method"], entry["route"], entry["status"]) == (method, route, status)
    assert entry["code"] == code
    assert entry["milliseconds"] >= 0
    assert "SECRET" not in str(entry)
    assert "123" not in str(entry["route"])
    counted = f'requests_total{{method="{method}",route="{route}",status="{status}"}} 1.0'
    assert counted in metrics.exposition().decode()


async def test_probes_are_logged_quietly(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await client.get("/healthz")
        await client.get("/v1/documents/1")

    assert [entry["log_level"] for entry in logs] == ["debug", "info"]


async def test_log_line_has_the_ids_of_its_own_request_only(client: httpx.AsyncClient) -> None:
    merge = structlog.contextvars.merge_contextvars
    with capture_logs(processors=[merge]) as logs:
        await client.get("/v1/documents/1", headers={"X-Request-Id": "r1"})
        await client.get("/healthz", headers={"X-Request-Id": "r2"})

    assert [(entry["request_id"], entry.get("tenant_id")) for entry in logs] == [
        ("r1", "t1"),
        ("r2", None),
    ]
    assert all(re.fullmatch("[0-9a-f]{32}", entry["trace_id"]) for entry in logs)


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 60):
        yield body[start : start + 60]


def note_of(size: int) -> bytes:
    return b'{"text": "' + b"x" * (size - 12) + b'"}'


JSON_HEADERS = {"content-type": "application/json"}


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413)])
async def test_declared_length_is_limited(
    client: httpx.AsyncClient, size: int, status: int
) -> None:
    response = await client.post("/v1/documents", content=note_of(size), headers=JSON_HEADERS)

    assert response.status_code == status


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413)])
@pytest.mark.parametrize("path", ["/v1/documents", "/v1/documents:raw"])
async def test_streamed_length_is_limited(
    client: httpx.AsyncClient, path: str, size: int, status: int
) -> None:
    response = await client.post(path, content=in_pieces(note_of(size)), headers=JSON_HEADERS)

    assert "content-length" not in response.request.headers
    assert response.status_code == status


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_too_large_body_is_a_problem_with_ids(
    client: httpx.AsyncClient, *, is_streamed: bool
) -> None:
    body = note_of(500)
    with capture_logs() as logs:
        response = await client.post(
            "/v1/documents",
            content=in_pieces(body) if is_streamed else body,
            headers={**JSON_HEADERS, "X-Request-Id": "r7"},
        )

    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "r7"
    assert response.json()["code"] == "upload_too_large"
    assert (handled(logs)["status"], handled(logs)["code"]) == (413, "upload_too_large")


@pytest.mark.parametrize(("size", "status"), [(700, 200), (1100, 413)])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_forms_have_a_limit_of_their_own(
    client: httpx.AsyncClient, size: int, status: int, *, is_streamed: bool
) -> None:
    form = client.build_request(
        "POST", "/v1/documents:upload", files={"file": ("a.txt", b"x" * size)}
    )
    body = form.read()
    headers = {"content-type": form.headers["content-type"]}

    response = await client.post(
        "/v1/documents:upload", content=in_pieces(body) if is_streamed else body, headers=headers
    )

    assert response.status_code == status


async def test_understated_length_does_not_lift_the_limit(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/documents",
        content=in_pieces(note_of(500)),
        headers={**JSON_HEADERS, "content-length": "5"},
    )

    assert response.status_code == 413
