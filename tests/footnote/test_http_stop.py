"""Requests that are in work when the server stops, over real sockets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app.http.middleware import RequestMiddleware
from footnote.http_server import Moments, Server, http_server
from kb.telemetry import Metrics

pytestmark = pytest.mark.usefixtures("every_level_is_logged")

SOON = 0.05


@pytest.fixture(autouse=True)
def a_short_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footnote.http_server.GRACEFUL_STOP_SECONDS", SOON)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A server that serves one request, and the client's ends of it."""

    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def response_at_a_stop(self) -> bytes:
        """All that the client gets when the server stops now."""
        self.server.should_exit = True
        return await self.reader.read()


@asynccontextmanager
async def asked(app: ASGIApp, path: str, steps: list[str] | None = None) -> AsyncIterator[Asked]:
    """The block runs while the server does; behind it the server has stopped."""
    listens = asyncio.Event()

    async def on_listening() -> None:
        listens.set()

    async def on_stopping() -> None:
        if steps is not None:
            steps.append("stopping")

    moments = Moments(on_listening=on_listening, on_stopping=on_stopping)
    server = http_server(app, host="127.0.0.1", port=0, moments=moments)
    serving = asyncio.create_task(server.serve())
    await listens.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    try:
        yield Asked(server=server, reader=reader, writer=writer)
    finally:
        server.should_exit = True
        await serving
        writer.close()


async def test_a_request_that_is_cut_off_frees_what_it_holds_first() -> None:
    in_work, steps = asyncio.Event(), list[str]()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            steps.append("closed")
            await send({"type": "lifespan.shutdown.complete"})
            return
        in_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(SOON)
            steps.append("freed")

    async with asked(slow, "/", steps):
        await in_work.wait()

    assert steps == ["stopping", "freed", "closed"]


def slow_app(in_work: asyncio.Event) -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestMiddleware, metrics=Metrics())

    @app.get("/v1/search")
    @app.get("/v1/chat/completions")
    async def hang() -> None:
        in_work.set()
        await asyncio.Event().wait()

    @app.get("/v1/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "begun"
            await hang()

        return StreamingResponse(parts())

    @app.get("/v1/faulty")
    async def faulty() -> None:
        raise asyncio.CancelledError

    return app


def ended(logs: list[EventDict]) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == "request.handled"]


def handled(logs: list[EventDict]) -> tuple[int, str | None]:
    (entry,) = ended(logs)
    return entry["status"], entry["code"]


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/v1/search", "application/problem+json"), ("/v1/chat/completions", "application/json")],
)
async def test_a_request_that_is_cut_off_is_told_that_the_service_stops(
    path: str, media_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    in_work = asyncio.Event()

    with capture_logs() as logs:
        async with asked(slow_app(in_work), path) as request:
            await in_work.wait()
            response = await request.response_at_a_stop()

    head, _, body = response.decode().partition("\r\n\r\n")
    first_line, *headers = head.lower().split("\r\n")
    assert first_line.split()[1] == "503"
    assert {f"content-type: {media_type}", "retry-after: 5", "connection: close"} <= {*headers}
    assert any(header.startswith("x-request-id: ") for header in headers)
    problem = json.loads(body)
    assert problem.get("error", problem)["code"] == "stopping"
    assert handled(logs) == (503, "stopping")
    assert request.server.cut_off == 1
    assert failures(caplog) == []


async def test_a_response_that_is_cut_off_does_not_look_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    in_work = asyncio.Event()

    with capture_logs() as logs:
        async with asked(slow_app(in_work), "/v1/stream") as request:
            await in_work.wait()
            response = await request.response_at_a_stop()

    # The last piece of a whole one is empty.
    assert response.endswith(b"\r\n\r\n5\r\nbegun\r\n")
    assert handled(logs) == (200, "stopping")
    assert failures(caplog) == []


async def test_a_client_that_leaves_is_no_stop(caplog: pytest.LogCaptureFixture) -> None:
    in_work = asyncio.Event()

    with capture_logs() as logs:
        async with asked(slow_app(in_work), "/v1/stream") as request:
            await in_work.wait()
            request.writer.close()
            async with asyncio.timeout(30):
                while not ended(logs):  # noqa: ASYNC110  # the server tells nobody
                    await asyncio.sleep(0.01)

    assert handled(logs) == (200, None)
    assert failures(caplog) == []


async def test_work_that_is_canceled_without_a_stop_is_a_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with capture_logs() as logs:
        async with asked(slow_app(asyncio.Event()), "/v1/faulty") as request:
            response = await request.reader.read()

    assert json.loads(response.partition(b"\r\n\r\n")[2])["code"] == "internal_error"
    assert handled(logs) == (500, "internal_error")
    assert failures(caplog) == ["Exception in ASGI application\n"]
