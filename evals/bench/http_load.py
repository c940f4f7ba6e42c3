"""A client that costs little: what it takes, the service on the same cores would lack.

It keeps its connections, and reads just as much of HTTP/1.1 as the service writes.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter, process_time
from typing import Final
from urllib.parse import urlsplit

from evals.bench.footnote_process import BenchmarkFailed

FIRST_CLAIM: Final = b"event: claim.verified\n"
LIMIT_BYTES: Final = 16_000_000
"""Of a response that is read ahead."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """A body, the milliseconds until its end, and until a stream's first claim (None: it has none).

    The body of a stream is its events.
    """

    body: bytes
    milliseconds: float
    first_claim_milliseconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """Responses in the order of their requests, and what all of them took together."""

    responses: Sequence[Response]
    seconds: float
    client_cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Target:
    """A service's address and the headers of every request to it."""

    url: str
    key: str

    def request(self, path: str, body: Mapping[str, object]) -> bytes:
        """The bytes of a POST."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


def send_all(
    target: Target, path: str, bodies: Sequence[Mapping[str, object]], *, clients: int
) -> Load:
    """Sends each body once; every client takes the next one when it has its response.

    BenchmarkFailed when one is refused.
    """
    requests = [target.request(path, body) for body in bodies]
    return asyncio.run(_send_all(target, requests, clients))


async def _send_all(target: Target, requests: Sequence[bytes], clients: int) -> Load:
    address = urlsplit(target.url)
    if address.hostname is None or address.port is None:
        raise ValueError(f"{target.url!r} names no host and port")
    opened = [
        await asyncio.open_connection(address.hostname, address.port, limit=LIMIT_BYTES)
        for _ in range(clients)
    ]
    connections = [_Connection(*each) for each in opened]
    waiting = iter(enumerate(requests))
    responses: dict[int, Response] = {}
    cpu, started = process_time(), perf_counter()
    try:
        await asyncio.gather(*(_send_in_turn(each, waiting, responses) for each in connections))
        seconds, cpu = perf_counter() - started, process_time() - cpu
    finally:
        for connection in connections:
            connection.writer.close()
        closing = [connection.writer.wait_closed() for connection in connections]
        await asyncio.gather(*closing, return_exceptions=True)
    return Load(
        responses=[responses[number] for number in range(len(requests))],
        seconds=seconds,
        client_cpu_seconds=cpu,
    )


async def _send_in_turn(
    connection: "_Connection", waiting: Iterator[tuple[int, bytes]], responses: dict[int, Response]
) -> None:
    for number, request in waiting:
        responses[number] = await connection.send(request)


@dataclass(frozen=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    parts: list[bytes] = field(default_factory=list)

    async def send(self, request: bytes) -> Response:
        started = perf_counter()
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        first_claim: float | None = None
        self.parts.clear()
        if b"transfer-encoding: chunked" in head:
            while part := await self._chunk():
                self.parts.append(part)
                if first_claim is None and FIRST_CLAIM in part:
                    first_claim = (perf_counter() - started) * 1000
        else:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            self.parts.append(await self.reader.readexactly(length))
        milliseconds = (perf_counter() - started) * 1000
        body = b"".join(self.parts)
        if status != HTTPStatus.OK:
            raise BenchmarkFailed(f"A request got {status}: {body[:300]!r}")
        return Response(body=body, milliseconds=milliseconds, first_claim_milliseconds=first_claim)

    async def _chunk(self) -> bytes:
        """The next part of a chunked body; empty at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]
