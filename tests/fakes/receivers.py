"""A server that webhooks are delivered to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_network

from kb.outbound import OutboundClient, certificate_context
from kb.public_addresses import PublicAddresses

LOCAL = "127.0.0.1"
HOST = "receiver.example"


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request that arrived."""

    headers: Mapping[str, str]
    body: str


@dataclass
class Receiver:
    """Answers with the statuses in turn, the last one for ever after."""

    statuses: Sequence[int] = (200,)
    headers: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """Answers wait for it."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its name is looked up by `outbound_client`."""
        return f"http://{HOST}:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.split("\r\n")[1:-2]
                headers = {
                    line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines
                }
                body = (await reader.readexactly(int(headers["content-length"]))).decode()
                status = self.statuses[min(len(self.received), len(self.statuses) - 1)]
                self.received.append(Received(headers=headers, body=body))
                self.arrived.set()
                if self.hold is not None:
                    await self.hold.wait()
                phrase = HTTPStatus(status).phrase
                start = f"HTTP/1.1 {status} {phrase}\r\nContent-Length: 0\r\n"
                writer.write(f"{start}{self.headers}\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    *statuses: int, headers: str = "", hold: asyncio.Event | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(statuses=statuses or (200,), headers=headers, hold=hold)
    server = await asyncio.start_server(receiver.serve, LOCAL, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def outbound_client() -> OutboundClient:
    """The real client, for which *.example is this machine, and everything else private."""

    def look_up(host: str, _port: int) -> list[str]:
        return [LOCAL if host.endswith(".example") else "10.0.0.1"]

    addresses = PublicAddresses(private_networks=[ip_network(LOCAL)], look_up=look_up)
    return OutboundClient(addresses, certificates=certificate_context())
