"""HTTP to addresses that others chose: public ones only, with limits on all that may come back.

Each connection, that of a redirect too, goes to an address that was checked (`public_addresses`).
Name and certificate stay those of the URL. There are no proxies, no cookies, and no decompression
beyond what may be kept.
"""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from ssl import SSLContext
from time import monotonic
from typing import Any, Final, Literal
from urllib.parse import urljoin

import httpcore
import httpx
from typing_extensions import override

from kb.errors import OutboundFailed, OutboundRefused, OutboundTimedOut, OutboundTooLarge
from kb.public_addresses import PublicAddresses

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
MAX_URL_CHARS: Final = 2_048
MAX_ADDRESSES: Final = 4
"""Of one name, tried one after the other."""

PORT_BY_SCHEME: Final = {"http": 80, "https": 443}
FIRST_FREE_PORT: Final = 1024
"""Below it only those of HTTP: others are mail, remote shells, name servers."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USER_AGENT: Final = "Footnote"
GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

_deadline: ContextVar[float] = ContextVar("deadline")


def certificate_context() -> SSLContext:
    """The authorities of the packaged list, and those of the system."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


@dataclass(frozen=True, kw_only=True)
class OutboundRequest:
    """A request; its headers go to the URL's own origin alone.

    `max_bytes` bounds the body as it is after decompression; None: the body is not read.
    With `max_redirects` 0 a redirect is a response like any other.
    """

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    max_bytes: int | None
    max_redirects: int = 0
    total_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class OutboundResponse:
    """A response of any status; `url` is where the last redirect led."""

    url: str
    status: int
    headers: httpx.Headers
    content: bytes


def checked_url(text: str, *, base: str = "") -> httpx.URL:
    """The URL, as it reads on the page `base`.

    OutboundRefused for one that nothing may be asked of, wherever its host may be.
    """
    if len(text) > MAX_URL_CHARS:
        raise OutboundRefused(f"A URL has at most {MAX_URL_CHARS:,} characters.")
    try:
        url = httpx.URL(urljoin(base, text))
    except (httpx.InvalidURL, ValueError) as error:
        raise OutboundRefused("This is not a URL.") from error
    if url.scheme not in PORT_BY_SCHEME or not url.raw_host:
        raise OutboundRefused("The URL must start with 'https://' or 'http://' and name a host.")
    if url.userinfo:
        raise OutboundRefused("The URL must not contain a user name or password.")
    if not (_port(url) in PORT_BY_SCHEME.values() or FIRST_FREE_PORT <= _port(url) < 2**16):
        raise OutboundRefused(f"The port must be 80, 443, or {FIRST_FREE_PORT} or more.")
    return url


def _port(url: httpx.URL) -> int:
    return PORT_BY_SCHEME[url.scheme] if url.port is None else url.port


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _arguments(request: OutboundRequest) -> dict[str, Any]:  # of httpcore's `stream`
    url = checked_url(request.url)
    return {
        "method": request.method,
        "url": httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        "headers": {
            **request.headers,
            "Host": url.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "gzip",
        },
        "content": request.content,
        "extensions": {
            "timeout": {
                "connect": CONNECT_SECONDS,
                "read": READ_SECONDS,
                "write": READ_SECONDS,
                "pool": request.total_seconds,
            }
        },
    }


def _next_request(
    request: OutboundRequest, status: int, headers: httpx.Headers
) -> OutboundRequest | None:
    """The request that a redirect asks for; None when this response is the last."""
    if request.max_redirects == 0 or status not in REDIRECTS or "location" not in headers:
        return None
    here = checked_url(request.url)
    there = checked_url(headers["location"], base=str(here))
    if here.scheme == "https" and there.scheme == "http":
        raise OutboundRefused("A redirect leads from https to http.")
    if request.max_redirects == 1:
        raise OutboundRefused("The redirects do not come to an end.")
    is_same = (here.scheme, _host(here), _port(here)) == (there.scheme, _host(there), _port(there))
    return replace(
        request,
        url=str(there),
        headers=request.headers if is_same else {},
        max_redirects=request.max_redirects - 1,
    )


class _Body:
    """Collects a body up to a limit, and unpacks it no further than that."""

    def __init__(self, headers: httpx.Headers, max_bytes: int) -> None:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise OutboundFailed("The response has an encoding that was not asked for.")
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > max_bytes:
            raise OutboundTooLarge
        self._unpacker = zlib.decompressobj(GZIP_WINDOW) if "gzip" in encoding else None
        self._max_bytes = max_bytes
        self._content = bytearray()
        self._is_begun = False

    def add(self, part: bytes) -> None:
        """OutboundTooLarge once it has more than the limit."""
        self._is_begun = self._is_begun or bool(part)
        if self._unpacker is not None and part:
            try:
                part = self._unpacker.decompress(part, self._max_bytes + 1 - len(self._content))
            except zlib.error as error:
                raise OutboundFailed("The response cannot be unpacked.") from error
        self._content += part
        if len(self._content) > self._max_bytes:
            raise OutboundTooLarge

    def whole(self) -> bytes:
        """The body; OutboundFailed when its packed form was cut off or goes on behind its end."""
        unpacker = self._unpacker
        if unpacker is not None and self._is_begun and (not unpacker.eof or unpacker.unused_data):
            raise OutboundFailed("The response cannot be unpacked.")
        return bytes(self._content)


@contextmanager
def _translated(request: OutboundRequest) -> Iterator[None]:
    """Raises errors of httpcore as ours; nothing of what a server said is in them."""
    host = _host(checked_url(request.url))
    try:
        yield
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise OutboundTimedOut(f"{host!r} did not answer in time.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise OutboundFailed(f"{host!r} cannot be reached, or does not speak HTTP.") from error


class OutboundClient:
    """Sends requests from the event loop."""

    def __init__(self, addresses: PublicAddresses, *, certificates: SSLContext) -> None:
        """Connects lazily."""
        backend = _CheckedBackend(addresses)
        self._addresses = addresses
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=certificates,
            max_connections=100,
            max_keepalive_connections=10,
            keepalive_expiry=5,
            network_backend=backend,
        )

    async def check(self, url: str) -> None:
        """OutboundRefused when the URL may not be called; it is looked up, not called."""
        checked = checked_url(url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.wrap_future(self._addresses.of(_host(checked), _port(checked)))
        except TimeoutError as error:
            raise OutboundTimedOut from error

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response.

        Raises:
            OutboundRefused: the URL, or one that it redirects to, may not be called.
            OutboundTooLarge: the body has more bytes than asked for.
            OutboundFailed: the server cannot be reached; OutboundTimedOut: not in time.
        """
        with _translated(request):
            async with asyncio.timeout(request.total_seconds):
                while True:
                    response, following = await self._hop(request)
                    if following is None:
                        return response
                    request = following

    async def _hop(
        self, request: OutboundRequest
    ) -> tuple[OutboundResponse, OutboundRequest | None]:
        async with self._pool.stream(**_arguments(request)) as received:
            headers = httpx.Headers(received.headers)
            following = _next_request(request, received.status, headers)
            content = b""
            if following is None and request.max_bytes is not None:
                body = _Body(headers, request.max_bytes)
                async for part in received.aiter_stream():
                    body.add(part)
                content = body.whole()
        return _response(request, received.status, headers, content), following

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()


class BlockingOutboundClient:
    """Sends requests from a thread; each thread may use it."""

    def __init__(self, addresses: PublicAddresses, *, certificates: SSLContext) -> None:
        """Connects lazily."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates,
            max_connections=100,
            max_keepalive_connections=10,
            keepalive_expiry=5,
            network_backend=_CheckedBlockingBackend(addresses),
        )

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response; errors as of `OutboundClient.send`."""
        token = _deadline.set(monotonic() + request.total_seconds)
        try:
            with _translated(request):
                while True:
                    response, following = self._hop(request)
                    if following is None:
                        return response
                    request = following
        finally:
            _deadline.reset(token)

    def _hop(self, request: OutboundRequest) -> tuple[OutboundResponse, OutboundRequest | None]:
        with self._pool.stream(**_arguments(request)) as received:
            headers = httpx.Headers(received.headers)
            following = _next_request(request, received.status, headers)
            content = b""
            if following is None and request.max_bytes is not None:
                body = _Body(headers, request.max_bytes)
                for part in received.iter_stream():
                    body.add(part)
                content = body.whole()
        return _response(request, received.status, headers, content), following

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()


def _response(
    request: OutboundRequest, status: int, headers: httpx.Headers, content: bytes
) -> OutboundResponse:
    return OutboundResponse(url=request.url, status=status, headers=headers, content=content)


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, addresses: PublicAddresses) -> None:
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *first, last = (await asyncio.wrap_future(self._addresses.of(host, port)))[:MAX_ADDRESSES]
        for address in first:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._network.connect_tcp(address, port, timeout)
        return await self._network.connect_tcp(last, port, timeout)


class _CheckedBlockingBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, addresses: PublicAddresses) -> None:
        self._addresses = addresses
        self._network = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        *first, last = self._addresses.of(host, port).result(_time_left(None))[:MAX_ADDRESSES]
        for address in first:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return _TimedStream(self._network.connect_tcp(address, port, _time_left(timeout)))
        return _TimedStream(self._network.connect_tcp(last, port, _time_left(timeout)))


class _TimedStream(httpcore.NetworkStream):
    """Keeps to the deadline of the request; a server may send a byte at a time for ever."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _time_left(timeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _time_left(timeout))

    @override
    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, _time_left(timeout))
        )

    @override
    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    @override
    def close(self) -> None:
        self._stream.close()


def _time_left(timeout: float | None) -> float:
    """The seconds until the thread's request must end, at most the timeout."""
    left = _deadline.get() - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left if timeout is None else min(left, timeout)
