"""The HTTP server, with bounds on what somebody can hold of it who has not even asked yet.

uvicorn has none: a header has any size, a request may be half sent for ever. What it has itself,
the time between requests and the time to stop, is set here as well.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Literal, assert_never

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.http.problems import PROBLEM_MEDIA_TYPE, unread_problem
from kb import stopping

GRACEFUL_STOP_SECONDS: Final = 3
"""A stop within 10 s is promised."""

CLEAN_UP_SECONDS: Final = 1
"""For requests that are cut off: they free what they hold, such as an Idempotency-Key."""

Wait = Literal["header", "body", "body pace", "write"]


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """The limits of one connection, and their number."""

    max_header_bytes: int = 32 * 1024
    """Request line and headers: hundreds of principals fit."""

    header_seconds: float = 10
    """Until the headers are there, from the connection or the first byte of a further request."""

    body_pace_seconds: float = 30
    """The interval at which the pace of a body is checked while somebody waits for it."""

    min_body_bytes_per_second: int = 1_000
    """A byte now and then holds a place; the slowest link that carries documents is faster."""

    body_seconds: float = 600
    """For a whole body: 75 MB at 1 Mbit/s."""

    idle_seconds: float = 75
    """Between two requests: longer than proxies keep a connection, so that they close it first."""

    write_seconds: float = 60
    """For a client that does not read what it asked for, and for a response that is the last."""

    max_pipelined: int = 8
    """Requests behind the one that is being answered; hardly a client sends two."""

    max_connections: int = 512
    """At once, in one process, which may open 1,024 files on most systems."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Called once each: when the server listens, and when it begins to stop."""

    on_listening: Callable[[], Awaitable[None]]
    on_stopping: Callable[[], Awaitable[None]]


class Server(uvicorn.Server):
    """One that is stopped by the process's own handling of signals."""

    def __init__(self, config: uvicorn.Config, moments: Moments | None) -> None:
        super().__init__(config)
        self._moments = moments
        self.cut_off = 0
        """Requests that were not answered within the time to stop."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._moments is not None:
            await self._moments.on_listening()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._moments is not None:
            await self._moments.on_stopping()
        tasks = list(self.server_state.tasks)
        await super().shutdown(sockets)
        self.cut_off = sum(task.cancelling() > 0 for task in tasks)

    @override
    async def _wait_tasks_to_complete(self) -> None:
        # uvicorn cancels what is late and goes on at once, which closes the database under it.
        try:
            async with asyncio.timeout(GRACEFUL_STOP_SECONDS):
                await super()._wait_tasks_to_complete()
        except TimeoutError:
            for connection in self.server_state.connections:
                if isinstance(connection, LimitedProtocol):
                    connection.break_off()
            late = list(self.server_state.tasks)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CLEAN_UP_SECONDS)

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with stopping.on_request(self._finish):
            yield

    def _finish(self) -> None:
        self.should_exit = True


def http_server(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits | None = None,
    moments: Moments | None = None,
) -> Server:
    """The server of the application, not yet started."""
    limits = limits or ConnectionLimits()
    protocol: Any = partial(LimitedProtocol, limits=limits, waiting={})
    keep_alive: Any = limits.idle_seconds  # annotated as whole seconds; a fraction will do
    config = uvicorn.Config(
        _ended_when_canceled(app),
        host=host,
        port=port,
        http=protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive,
    )
    return Server(config, moments)


def _ended_when_canceled(app: ASGIApp) -> ASGIApp:
    """The application, whose requests the server may cancel; any other failure is uvicorn's."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise

    return run


class LimitedProtocol(HttpToolsProtocol):
    """One connection; `waiting` are all that have not sent a whole request, the idlest first."""

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401  # uvicorn's own
        limits: ConnectionLimits,
        waiting: "dict[LimitedProtocol, None]",
        **named: Any,  # noqa: ANN401  # uvicorn's own
    ) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._waiting = waiting
        self._timers: dict[Wait, asyncio.TimerHandle] = {}
        self._header_bytes = self._body_bytes = self._bytes_without_body = 0
        self._is_in_headers = self._is_in_body = self._is_refused = self._closing = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accepts; where all places are taken, the idlest of those that wait has to go."""
        is_full = len(self.connections) >= self._limits.max_connections
        super().connection_made(transport)
        if is_full and not self._waiting:
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections at the moment."
            )
            return
        if is_full:
            next(iter(self._waiting)).give_way()
        self._waiting[self] = None
        self._start("header", self._limits.header_seconds)

    def give_way(self) -> None:
        """Ends a connection that nobody is answering."""
        self.connections.discard(self)
        self._end_waits()
        self.transport.abort()

    def break_off(self) -> None:
        """Ends a response that has begun, so that its client sees that it is not whole."""
        request = self._request
        if request is not None and request.response_started:
            request.disconnected = True
            self.transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waits()
        if timer := self._timers.pop("write", None):
            timer.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        was_in_body = self._is_in_body
        self._bytes_without_body += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_body and self._bytes_without_body > self._limits.max_header_bytes:
            # Behind a body in pieces come trailers, of which the parser tells when they are whole.
            self._header_bytes += self._bytes_without_body
            self._limit_headers()
        if self._is_in_headers and not was_in_body:
            # The parser tells a header when it is whole.
            self._header_bytes += len(data)
            self._limit_headers()
        request = self._request
        is_free = request is None or request.response_complete
        if self._is_in_body:
            self._waiting.pop(self, None)
            self._waiting[self] = None
            self._start("body", self._limits.body_seconds)
            self._start("body pace", self._limits.body_pace_seconds)
        elif is_free and not self._is_refused:
            self._start("header", self._limits.header_seconds)

    @override
    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        super().pause_writing()
        self._start("write", self._limits.write_seconds)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if timer := self._timers.pop("write", None):
            timer.cancel()

    @override
    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_soon()

    @override
    def on_message_begin(self) -> None:
        if self._is_refused:
            return
        super().on_message_begin()
        self._is_in_headers = True
        self._header_bytes = 0

    @override
    def on_url(self, url: bytes) -> None:
        if self._is_refused:
            return
        self._header_bytes += len(url)
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_refused:
            return
        self._header_bytes += len(name) + len(value)
        if self._is_in_headers:
            super().on_header(name, value)
        else:
            # A trailer, behind the body: uvicorn would add it to the headers that are read already.
            self._limit_headers()

    @override
    def on_headers_complete(self) -> None:
        if self._is_refused:
            return
        self._is_in_headers = False
        self._limit_headers()
        if len(self.pipeline) >= self._limits.max_pipelined and not self._is_refused:
            # Without a word, which would stand in the middle of the response that is being sent.
            self._is_refused = True
            self._end_waits()
            self.pipeline.clear()
            self.transport.close()
            self._abort_soon()
        if not self._is_refused:
            self._end_waits()
            self._is_in_body = True
            self._body_bytes = self._bytes_without_body = 0
            super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            self._body_bytes += len(body)
            self._bytes_without_body = 0
            super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._is_refused:
            self._is_in_body = False
            self._end_waits()
            super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:
            self._waiting[self] = None
            if self._is_in_headers:
                self._start("header", self._limits.header_seconds)

    @property
    def _request(self) -> RequestResponseCycle | None:
        """The last one whose headers were whole."""
        return self.cycle

    def _limit_headers(self) -> None:
        if self._header_bytes > self._limits.max_header_bytes and not self._is_refused:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The headers are larger than this server reads.",
            )

    def _start(self, wait: Wait, seconds: float) -> None:
        if wait not in self._timers:
            self._timers[wait] = self.loop.call_later(seconds, self._overdue, wait)

    def _end_waits(self) -> None:
        """Ends the waits of the request; what is still being written goes on."""
        self._waiting.pop(self, None)
        for wait in [wait for wait in self._timers if wait != "write"]:
            self._timers.pop(wait).cancel()

    def _abort_soon(self) -> None:
        """A closed connection stays until all is read, which may be never."""
        if not self._closing:
            self._closing = True
            self.loop.call_later(self._limits.write_seconds, self.transport.abort)

    def _overdue(self, wait: Wait) -> None:
        del self._timers[wait]
        # Nobody is slow while we are not reading on.
        request = self._request
        is_unread = self.flow.read_paused or (request and request.waiting_for_100_continue)
        wanted = self._limits.min_body_bytes_per_second * self._limits.body_pace_seconds
        is_fast_enough = is_unread or self._body_bytes >= wanted
        match wait:
            case "write":
                self.transport.abort()
            case "body pace" if is_fast_enough:
                self._body_bytes = 0
                self._start(wait, self._limits.body_pace_seconds)
            case "header" | "body" | "body pace":
                if self._is_in_headers or self._is_in_body:
                    self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
                else:
                    self.transport.close()
                    self._abort_soon()
            case _:
                assert_never(wait)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Says why, where no response has begun, and closes."""
        self._is_refused = True
        self._end_waits()
        request = self._request
        if request is None or request.response_complete or not request.response_started:
            body = unread_problem(status, detail).model_dump_json(exclude_none=True).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if request is not None:
            # What the application still says goes nowhere, and it learns that nobody listens.
            request.disconnected = True
            request.message_event.set()
        self.transport.close()
        self._abort_soon()
