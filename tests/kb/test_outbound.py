"""Requests to addresses that others chose, against real servers on this machine.

127.0.0.1 stands for the public, as a private network that may be called; 127.0.0.2 is private.
"""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest

from kb.errors import OutboundFailed, OutboundRefused, OutboundTimedOut, OutboundTooLarge
from kb.outbound import (
    BlockingOutboundClient,
    OutboundClient,
    OutboundRequest,
    OutboundResponse,
    certificate_context,
    checked_url,
)
from kb.public_addresses import LookUp, PublicAddresses
from tests.fakes.certificates import write_certificate

PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"
SILENT = "127.0.0.3"
"""May be called, but nobody listens there."""

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
Send = Callable[..., Awaitable[OutboundResponse]]


@dataclass
class Server:
    """What reached a server."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    server_names: list[str] = field(default_factory=list)


@asynccontextmanager
async def listening(
    answer: Answer, *, address: str = PUBLIC, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            server.requests.append(head)
            await answer(head, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, address, 0, ssl=tls)
    server = Server(port=listener.sockets[0].getsockname()[1])
    if tls is not None:

        def note(_socket: object, name: str | None, _context: object) -> None:
            server.server_names.append(name or "")

        tls.sni_callback = note
    try:
        yield server
    finally:
        listener.close()


def answering(response: bytes) -> Answer:
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    return answer


def with_body(body: bytes, **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return answering(head.encode() + body)


def redirect(location: str) -> Answer:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return answering(head.encode())


class Names:
    """A name server; a name with several answers gives them one look-up after the other."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        answers = self._answers.get(host.partition(".")[0], [PUBLIC])
        return [answers.pop(0) if len(answers) > 1 else answers[0]]


@pytest.fixture(params=["async", "blocking"])
def sender(request: pytest.FixtureRequest) -> Callable[..., Send]:
    """Makes the function that sends with either client."""

    def make(names: LookUp | None = None, certificates: ssl.SSLContext | None = None) -> Send:
        addresses = PublicAddresses(
            private_networks=[ip_network(PUBLIC), ip_network(SILENT)], look_up=names or Names()
        )
        context = certificates or certificate_context()
        client = OutboundClient(addresses, certificates=context)
        blocking = BlockingOutboundClient(addresses, certificates=context)

        async def send(url: str, **arguments: object) -> OutboundResponse:
            wanted = OutboundRequest(url=url, **{"max_bytes": 1_000, **arguments})  # type: ignore[arg-type]
            try:
                if request.param == "async":
                    return await client.send(wanted)
                return await asyncio.to_thread(blocking.send, wanted)
            finally:
                await client.aclose()
                blocking.close()

        return send

    return make


@pytest.fixture
def send(sender: Callable[..., Send]) -> Send:
    return sender()


async def test_a_response_comes_back_whole(send: Send) -> None:
    async with listening(with_body(b"hello", ETag='"1"')) as server:
        response = await send(f"http://host.example:{server.port}/a?b=c")

    assert (response.status, response.content, response.headers["etag"]) == (200, b"hello", '"1"')
    assert server.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: host.example:{server.port}\r\n".encode() in server.requests[0]


async def test_a_name_is_looked_up_once(sender: Callable[..., Send]) -> None:
    names = Names(rebinding=[PUBLIC, PRIVATE])
    async with listening(with_body(b"public")) as server:
        response = await sender(names)(f"http://rebinding.example:{server.port}/")

    assert response.content == b"public"
    assert names.asked == ["rebinding.example"]


async def test_a_private_server_is_not_connected_to(sender: Callable[..., Send]) -> None:
    async with listening(answering(EMPTY), address=PRIVATE) as server:
        with pytest.raises(OutboundRefused):
            await sender(Names(inside=[PRIVATE]))(f"http://inside.corp:{server.port}/")

    assert server.requests == []


async def test_a_redirect_to_a_private_server_is_refused(sender: Callable[..., Send]) -> None:
    names = Names(inside=[PRIVATE])
    async with listening(answering(EMPTY), address=PRIVATE) as private:
        leads_inside = redirect(f"http://inside.corp:{private.port}/")
        async with listening(leads_inside) as public:
            with pytest.raises(OutboundRefused):
                await sender(names)(f"http://host.example:{public.port}/", max_redirects=5)

    assert private.requests == []
    assert names.asked == ["host.example", "inside.corp"]


async def test_a_redirect_looks_the_name_up_again(sender: Callable[..., Send]) -> None:
    names = Names(rebinding=[PUBLIC, PRIVATE])
    # Another port is another connection.
    async with listening(answering(EMPTY)) as second:
        leads_on = redirect(f"http://rebinding.example:{second.port}/")
        async with listening(leads_on) as first:
            with pytest.raises(OutboundRefused):
                await sender(names)(f"http://rebinding.example:{first.port}/", max_redirects=5)

    assert second.requests == []


async def test_headers_do_not_follow_a_redirect_to_another_origin(send: Send) -> None:
    async with listening(answering(EMPTY)) as second:
        leads_on = redirect(f"http://other.example:{second.port}/x")
        async with listening(leads_on) as first:
            response = await send(
                f"http://host.example:{first.port}/",
                headers={"Authorization": "Bearer secret", "X-Api-Key": "secret"},
                max_redirects=5,
            )

    assert b"secret" in first.requests[0]
    assert b"secret" not in second.requests[0]
    assert response.url == f"http://other.example:{second.port}/x"


@pytest.mark.parametrize("location", ["http://[::1", "http://[x]/", "ftp://host.example/", "//"])
async def test_a_redirect_to_no_proper_url_is_refused(send: Send, location: str) -> None:
    async with listening(redirect(location)) as server:
        with pytest.raises(OutboundRefused):
            await send(f"http://host.example:{server.port}/", max_redirects=5)


async def test_redirects_without_end_are_refused(send: Send) -> None:
    async with listening(redirect("/again")) as server:
        with pytest.raises(OutboundRefused):
            await send(f"http://host.example:{server.port}/", max_redirects=3)

    assert len(server.requests) == 4


async def test_a_redirect_is_an_answer_when_none_is_followed(send: Send) -> None:
    async with listening(redirect("http://inside.corp/")) as server:
        response = await send(f"http://host.example:{server.port}/")

    assert response.status == 302


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ssl.SSLContext]:
    """The two sides of TLS for host.example, whose certificate signs itself."""
    folder = tmp_path_factory.mktemp("certificates")
    return {"server": _server_context(folder), "client": _client_context(folder)}


def _server_context(folder: Path) -> ssl.SSLContext:
    certificate, key = write_certificate(folder, "host.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _client_context(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))


async def test_tls_names_and_verifies_the_host_of_the_url(
    sender: Callable[..., Send], authority: Mapping[str, ssl.SSLContext]
) -> None:
    async with listening(with_body(b"safe"), tls=authority["server"]) as server:
        send = sender(certificates=authority["client"])
        response = await send(f"https://host.example:{server.port}/")

    assert response.content == b"safe"
    assert server.server_names == ["host.example"]


async def test_a_certificate_for_another_name_is_refused(
    sender: Callable[..., Send], authority: Mapping[str, ssl.SSLContext]
) -> None:
    async with listening(with_body(b"safe"), tls=authority["server"]) as server:
        send = sender(certificates=authority["client"])
        with pytest.raises(OutboundFailed):
            await send(f"https://other.example:{server.port}/")

    assert server.requests == []


async def test_a_redirect_to_plain_http_is_refused(
    sender: Callable[..., Send], authority: Mapping[str, ssl.SSLContext]
) -> None:
    async with listening(answering(EMPTY)) as plain:
        leads_down = redirect(f"http://host.example:{plain.port}/")
        async with listening(leads_down, tls=authority["server"]) as server:
            send = sender(certificates=authority["client"])
            with pytest.raises(OutboundRefused):
                await send(f"https://host.example:{server.port}/", max_redirects=5)

    assert plain.requests == []


def slowly(start: bytes) -> Answer:
    """Sends the start, and then a byte every moment for ever."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    return answer


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_server_that_drips_for_ever_is_left(send: Send, start: bytes) -> None:
    async with listening(slowly(start)) as server:
        with pytest.raises(OutboundTimedOut):
            await send(f"http://host.example:{server.port}/", max_bytes=10**9, total_seconds=0.3)


async def test_headers_without_end_are_refused(send: Send) -> None:
    async with listening(answering(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 300_000)) as server:
        with pytest.raises(OutboundFailed):
            await send(f"http://host.example:{server.port}/")


async def test_a_body_that_is_too_large_is_refused(send: Send) -> None:
    async with listening(answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_001)) as server:
        with pytest.raises(OutboundTooLarge):
            await send(f"http://host.example:{server.port}/", max_bytes=1_000)


async def test_a_packed_body_is_unpacked(send: Send) -> None:
    async with listening(
        with_body(gzip.compress(b"a" * 1_000, mtime=0), Content_Encoding="gzip")
    ) as server:
        response = await send(f"http://host.example:{server.port}/", max_bytes=1_000)

    assert response.content == b"a" * 1_000


async def test_a_bomb_is_not_unpacked_beyond_the_limit(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    unpacked = []

    class Counting:
        def __init__(self, window: int) -> None:
            self._unpacker = decompressobj(window)

        def decompress(self, part: bytes, limit: int) -> bytes:
            unpacked.append(self._unpacker.decompress(part, limit))
            return unpacked[-1]

    decompressobj = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    async with listening(with_body(bomb, Content_Encoding="gzip")) as server:
        with pytest.raises(OutboundTooLarge):
            await send(f"http://host.example:{server.port}/", max_bytes=len(bomb))

    assert sum(map(len, unpacked)) <= len(bomb) + 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate"])
async def test_an_encoding_that_was_not_asked_for_is_refused(send: Send, encoding: str) -> None:
    async with listening(with_body(b"x", Content_Encoding=encoding)) as server:
        with pytest.raises(OutboundFailed):
            await send(f"http://host.example:{server.port}/")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"whole", mtime=0)[:-4],
        gzip.compress(b"whole", mtime=0) + b"more",
        b"not packed",
    ],
)
async def test_a_packed_body_that_is_damaged_is_refused(send: Send, body: bytes) -> None:
    async with listening(with_body(body, Content_Encoding="gzip")) as server:
        with pytest.raises(OutboundFailed):
            await send(f"http://host.example:{server.port}/")


async def test_a_body_that_is_cut_off_is_refused(send: Send) -> None:
    async with listening(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) as server:
        with pytest.raises(OutboundFailed):
            await send(f"http://host.example:{server.port}/")


async def test_a_body_that_nobody_wants_is_not_read(send: Send) -> None:
    async with listening(slowly(b"HTTP/1.1 410 Gone\r\n\r\n")) as server:
        response = await send(f"http://host.example:{server.port}/", max_bytes=None)

    assert (response.status, response.content) == (410, b"")


async def test_the_next_address_is_tried_when_one_does_not_answer(
    sender: Callable[..., Send],
) -> None:
    def look_up(*_: object) -> list[str]:
        return [SILENT, PUBLIC]

    async with listening(with_body(b"reached")) as server:
        response = await sender(look_up)(f"http://host.example:{server.port}/")

    assert response.content == b"reached"


async def test_no_proxy_of_the_environment_is_used(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with listening(with_body(b"direct")) as server:
        response = await send(f"http://host.example:{server.port}/")

    assert response.content == b"direct"


async def test_a_server_that_is_away_has_failed_for_now(send: Send) -> None:
    async with listening(answering(EMPTY)) as server:
        pass

    with pytest.raises(OutboundFailed):
        await send(f"http://host.example:{server.port}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host.example",
        "ftp://host.example/",
        "file:///etc/passwd",
        "gopher://host.example/",
        "http://",
        "http:///path",
        "http://user@host.example/",
        "http://user:password@host.example/",
        "http://host.example:22/",
        "http://host.example:0/",
        "http://host.example:99999/",
        "http://[::1/",
        "http://host\x00.example/",
        "http://\ud800.example/",
        "http://host.example/a b\nc",
        "https://host.example/" + "a" * 3_000,
    ],
)
def test_a_url_of_a_wrong_shape_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example",
        "http://host.example:8080/a?b",
        "https://münchen.example/",
        "http://[::1]",
    ],
)
def test_a_url_of_the_right_shape_is_taken(url: str) -> None:
    assert checked_url(url).raw_host


async def test_a_check_looks_up_and_does_not_call() -> None:
    names = Names(inside=[PRIVATE])
    addresses = PublicAddresses(private_networks=[ip_network(PUBLIC)], look_up=names)
    client = OutboundClient(addresses, certificates=certificate_context())

    await client.check("https://host.example/")
    with pytest.raises(OutboundRefused):
        await client.check("https://inside.corp/")

    assert names.asked == ["host.example", "inside.corp"]
