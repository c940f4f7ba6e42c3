"""A server that gives the responses of a script, and remembers what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

LOCAL = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  # of any shape
        """The body."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is sent back; `is_cut`: the connection breaks before the promised end."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


CUT = Reply(is_cut=True)
"""The connection breaks without a word."""

Script: TypeAlias = Sequence[Reply] | Callable[[Sent], Reply]


def reply(
    body: object, status: int = 200, media_type: str = "application/json", **headers: str
) -> Reply:
    """The body as JSON; headers with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": media_type, **named},
    )


def problem(status: int, code: str, **headers: str) -> Reply:
    """A problem with that code."""
    body = {
        "type": f"/errors/{code}",
        "title": code,
        "status": status,
        "detail": "What went wrong.",
        "code": code,
        "request_id": "request-1",
    }
    return reply(body, status, "application/problem+json", **headers)


def events(*described: tuple[int, str, object], is_cut: bool = False) -> Reply:
    """Numbered events, after which the connection may break."""
    lines = [
        f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\nid: {number}\n\n"
        for number, name, content in described
    ]
    return Reply(
        body=": ping\n\n".join(["", *lines]).encode(),
        headers={"Content-Type": "text/event-stream"},
        is_cut=is_cut,
    )


@dataclass
class ScriptedService:
    """Answers one request of each connection; after the script, 500."""

    script: Script
    sent: list[Sent] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOCAL}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")[:-2]
            headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = first.split(" ")
            sent = Sent(method=method, path=path, headers=headers, body=body)
            self.sent.append(sent)
            self._reply(writer, self._scripted(sent))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _scripted(self, sent: Sent) -> Reply:
        if callable(self.script):
            return self.script(sent)
        number = len(self.sent) - 1
        return self.script[number] if number < len(self.script) else problem(500, "internal_error")

    def _reply(self, writer: asyncio.StreamWriter, scripted: Reply) -> None:
        if scripted == CUT:
            return
        promised = len(scripted.body) + (1000 if scripted.is_cut else 0)
        headers = {"Connection": "close", "Content-Length": str(promised), **scripted.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        phrase = HTTPStatus(scripted.status).phrase
        writer.write(f"HTTP/1.1 {scripted.status} {phrase}\r\n{lines}\r\n".encode())
        writer.write(scripted.body)


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ScriptedService]:
    """A service that follows the script, on a port of its own."""
    service = ScriptedService(script=script)
    server = await asyncio.start_server(service.serve, LOCAL, 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        await server.wait_closed()
