"""What a connection may take of the server, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from footnote.http_server import ConnectionLimits, http_server

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n"
PATIENT = ConnectionLimits(
    header_seconds=60, body_pace_seconds=60, body_seconds=60, idle_seconds=60
)
"""Each test makes impatient what it is about."""

SOON = 0.05


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body is."""
    assert scope["type"] == "http"
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect:
        return
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@dataclass(frozen=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> tuple[int, bytes]:
        """Status and body of one response that names its length."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers more than the buffers on the way hold."""
    await PlainTextResponse("a" * 100_000_000)(scope, receive, send)


@dataclass(frozen=True)
class Running:
    port: int
    connections: Collection[object]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    async def is_well(self) -> bool:
        async with self.connected() as connection:
            await connection.send(GET)
            return await connection.response() == (200, b"0")


@asynccontextmanager
async def running(limits: ConnectionLimits, served: ASGIApp = app) -> AsyncIterator[Running]:
    server = http_server(served, host="127.0.0.1", port=0, limits=limits)
    serving = asyncio.create_task(server._serve(None))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Running(port, server.server_state.connections)
    finally:
        server.force_exit = server.should_exit = True
        await serving


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\n" + b"X: a\r\n" * 10_000,
        b"GET /" + b"a" * 40_000,
    ],
)
async def test_large_headers_are_refused(head: bytes) -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        await connection.send(head)

        status, body = await connection.response()

        assert status == 431
        assert json.loads(body)["code"] == "headers_too_large"
        assert await connection.rest() == b""
        assert await server.is_well()


async def test_endless_headers_are_not_kept() -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        sent = 0
        try:
            await connection.send(GET[:-2])
            while sent < 100_000_000:
                await connection.send(b"X: " + b"a" * 64_000)
                sent += 64_000
        except ConnectionError:
            pass

        # What the sockets' own buffers take, and not more.
        assert sent < 20_000_000
        assert await server.is_well()


async def test_headers_of_an_ordinary_size_pass() -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        await connection.send(GET[:-2] + b"X: " + b"a" * 30_000 + b"\r\n\r\n")

        assert await connection.response() == (200, b"0")


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET / HTTP/1.1\r\n", GET + GET[:-4]])
async def test_headers_that_do_not_come_end_the_connection(begun: bytes) -> None:
    limits = replace(PATIENT, header_seconds=SOON)
    async with running(limits) as server, server.connected() as connection:
        await connection.send(begun)

        said = await connection.rest()

        assert (b"408" in said) == bool(begun.strip())
        assert await server.is_well()


@pytest.mark.parametrize(
    "limits",
    [replace(PATIENT, body_pace_seconds=SOON), replace(PATIENT, body_seconds=SOON)],
    ids=["too slow", "for all of it"],
)
async def test_a_body_that_does_not_come_ends_the_connection(limits: ConnectionLimits) -> None:
    async with running(limits) as server, server.connected() as connection:
        await connection.send(POST + b"some")

        status, body = await connection.response()

        assert status == 408
        assert json.loads(body)["code"] == "request_too_slow"
        assert await connection.rest() == b""
        assert await server.is_well()


async def test_a_body_that_trickles_ends_the_connection() -> None:
    limits = replace(PATIENT, body_pace_seconds=0.2, min_body_bytes_per_second=1_000)
    async with running(limits) as server, server.connected() as connection:
        await connection.send(POST)
        answered = asyncio.create_task(connection.response())
        # Less than a byte in 10 ms, where ten are wanted.
        while not (await asyncio.wait({answered}, timeout=0.01))[0]:
            await connection.send(b"a")

        assert (await answered)[0] == 408
        assert await server.is_well()


async def test_a_body_that_comes_fast_enough_takes_its_time() -> None:
    limits = replace(PATIENT, body_pace_seconds=SOON, min_body_bytes_per_second=0)
    async with running(limits) as server, server.connected() as connection:
        await connection.send(POST)
        for _ in range(10):
            await connection.send(b"a" * 100)
            await asyncio.sleep(SOON / 2)

        assert await connection.response() == (200, b"1000")


async def test_a_body_in_pieces_passes() -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        await connection.send(POST)
        for _ in range(10):
            await connection.send(b"a" * 100)

        assert await connection.response() == (200, b"1000")


async def test_an_idle_connection_is_closed() -> None:
    limits = replace(PATIENT, idle_seconds=SOON)
    async with running(limits) as server, server.connected() as connection:
        await connection.send(GET)

        assert await connection.response() == (200, b"0")
        assert await connection.rest() == b""


async def test_a_connection_is_used_again() -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        for _ in range(3):
            await connection.send(GET)
            assert await connection.response() == (200, b"0")
        await connection.send(GET * 3)
        assert [await connection.response() for _ in range(3)] == [(200, b"0")] * 3


async def test_half_sent_requests_keep_nobody_out() -> None:
    limits = replace(PATIENT, max_connections=20)
    async with running(limits) as server:
        half_sent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(500)]
        for _, writer in half_sent:
            writer.write(GET[:-2])

        assert await server.is_well()

        closed = await asyncio.gather(*(ended(reader) for reader, _ in half_sent[:400]))
        assert all(closed)
        for _, writer in half_sent:
            writer.transport.abort()


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_half_sent_bodies_keep_nobody_out() -> None:
    limits = replace(PATIENT, max_connections=2)
    async with running(limits) as server, server.connected() as idle, server.connected() as busy:
        for connection in (idle, busy):
            await connection.send(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
            # The application has begun to read.
            assert b"100" in await connection.reader.readuntil(b"\r\n\r\n")

        assert await server.is_well()
        await busy.send(b"a" * 1000)

        assert await busy.response() == (200, b"1000")
        assert await idle.rest() == b""


async def test_whole_requests_are_not_given_up_for_others() -> None:
    limits = replace(PATIENT, max_connections=2)
    begun, end = asyncio.Semaphore(0), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            begun.release()
            await end.wait()
        await app(scope, receive, send)

    async with (
        running(limits, slow) as server,
        server.connected() as first,
        server.connected() as second,
    ):
        for connection in (first, second):
            await connection.send(GET)
            await begun.acquire()

        async with server.connected() as third:
            status, body = await third.response()
        end.set()

        assert status == 503
        assert json.loads(body)["code"] == "too_many_connections"
        assert [await first.response(), await second.response()] == [(200, b"0")] * 2


async def test_trailers_are_bounded_and_no_headers() -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n"
    async with running(PATIENT) as server:
        async with server.connected() as connection:
            await connection.send(head + b"X-Trailer: a\r\n\r\n")
            assert await connection.response() == (200, b"4")
        async with server.connected() as connection:
            await connection.send(head + b"X-Trailer: " + b"a" * 1_000_000)
            assert (await connection.response())[0] == 431
        assert await server.is_well()


async def test_many_requests_at_once_end_the_connection() -> None:
    async with running(PATIENT) as server, server.connected() as connection:
        await connection.send(GET * 100)

        assert (await connection.rest()).count(b"HTTP/1.1") < 100
        assert await server.is_well()


async def test_who_does_not_read_gives_the_place_back() -> None:
    # Not SOON: the head must have been read by then, or it is lost with the connection.
    limits = replace(PATIENT, write_seconds=1)
    async with running(limits, large) as server, server.connected() as connection:
        await connection.send(GET)
        # The stream of asyncio takes a little in by itself, and no more.
        await connection.reader.readuntil(b"\r\n\r\n")

        async with asyncio.timeout(30):
            while server.connections:  # noqa: ASYNC110  # the server tells nobody
                await asyncio.sleep(0.01)
