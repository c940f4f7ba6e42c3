"""Attacks that need no key: costly headers, and requests that never end."""

import contextlib
import selectors
import socket
from collections.abc import Sequence
from functools import partial
from itertools import product
from time import monotonic, perf_counter, sleep

import httpx

from evals.attack.finding import Finding, Probe, judge
from evals.attack.processes import sampled
from evals.attack.searchers import beside
from evals.attack.target import Target

ANSWER_TIMEOUT_SECONDS = 8.0
"""A header that costs more than this has frozen the service."""

PATHOLOGICAL = {
    "digits": "1" * 63 + "a",
    "groups of digits": " ".join(["1" * 40 + "a"] * 3),
    "long digits": "1" * 7_000 + "a",
    "a trace of digits": f"00-{'1' * 31}a-{'1' * 15}a-01",
    "a trace of nines": f"00-{'9' * 32}-{'9' * 15}f-01",
    "dashes and dots": "+1" + "-1.1 (1)" * 500 + "a",
    "at signs": "a@" * 2_000 + "!",
    "dotted labels": "a@" + "a." * 2_000 + "-",
    "card groups": "4111 " * 1_000 + "x",
    "letters and digits": "DE44" + "0A " * 1_500 + "!",
}
"""Near misses of what patterns for personal data look for."""

HEADER_NAMES = ("X-Request-Id", "traceparent", "Authorization", "Content-Type", "If-Match")
HEADER_LIMITS = {"worst_cpu_seconds": 0.1, "worst_seconds": 1.0}

HUGE_BYTES = 100_000_000
PIECE = b"a" * 65_536
HUGE_LIMITS = {"sent_bytes": 16_000_000, "cpu_seconds": 1.0, "memory_growth_bytes": 20_000_000}
"""`sent_bytes` includes the kernel's buffers, which a sender fills before it notices the end."""

HALF_REQUESTS = 500
OPEN_SECONDS = 90.0
"""A connection that says nothing for so long should have been closed."""

BESIDE_LIMITS = {"still_open": 0, "beside_worst_milliseconds": 1_000}
SLOW_BODIES = 50
SLOW_SECONDS = 75.0
DRIP_SECONDS = 1.0


def pathological_headers(target: Target) -> Finding:
    """A header that patterns of personal data nearly match costs no time."""
    worst_cpu = worst_seconds = 0.0
    worst = ""
    for (shape, value), name in product(PATHOLOGICAL.items(), HEADER_NAMES):
        before, started = target.usage("api").cpu_seconds, perf_counter()
        # A status of any kind will do. What a request costs after its response, the next one feels.
        with contextlib.suppress(httpx.HTTPError):
            for sent in ({name: value}, {}):
                url = f"{target.url}/v1/documents"
                httpx.get(url, headers=sent, timeout=ANSWER_TIMEOUT_SECONDS)
        seconds = perf_counter() - started
        cpu = target.usage("api").cpu_seconds - before

        if cpu > worst_cpu:
            worst_cpu, worst = cpu, f"{name}: {shape}"
        worst_seconds = max(worst_seconds, seconds)
        if seconds >= ANSWER_TIMEOUT_SECONDS:
            # It may go on for ever: a killed service comes back for the next probe.
            target.end()
            target.ensure_up()
    return judge(
        {"worst_cpu_seconds": round(worst_cpu, 3), "worst_seconds": round(worst_seconds, 3)},
        HEADER_LIMITS,
        also={"worst": worst, "headers": len(PATHOLOGICAL) * len(HEADER_NAMES)},
    )


def huge_header(target: Target) -> Finding:
    """A header of 100 MB is refused before it is read."""
    before = target.usage("api")
    sent = 0
    with (
        sampled(partial(target.usage, "api"), every_seconds=0.25) as samples,
        _connected(target) as connection,
    ):
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Huge: ")
            while sent < HUGE_BYTES:
                connection.sendall(PIECE)
                sent += len(PIECE)
            connection.sendall(b"\r\n\r\n")
        status = _status(connection)
    after = target.usage("api")
    most = max(each.memory_bytes for each in samples)
    return judge(
        {
            "sent_bytes": sent,
            "cpu_seconds": round(after.cpu_seconds - before.cpu_seconds, 2),
            "memory_growth_bytes": most - before.memory_bytes,
        },
        HUGE_LIMITS,
        also={"status": status},
        faults=["the request was answered"] if status.startswith("2") else [],
    )


def many_small_headers(target: Target) -> Finding:
    """A request of 20,000 headers is refused, or costs nothing."""
    lines = "".join(f"X-{number}: 1\r\n" for number in range(20_000))
    before = target.usage("api")
    with _connected(target) as connection:
        _send(connection, f"GET /healthz HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
        status = _status(connection)
    cpu = target.usage("api").cpu_seconds - before.cpu_seconds
    return judge({"cpu_seconds": round(cpu, 2)}, {"cpu_seconds": 0.5}, also={"status": status})


def half_sent_requests(target: Target) -> Finding:
    """500 requests whose headers never end are closed, and nobody waits for them."""
    return _held_open(target, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Never: ends\r\n")


def silent_connections(target: Target) -> Finding:
    """500 connections that say nothing are closed, and nobody waits for them."""
    return _held_open(target, b"")


def idle_connections(target: Target) -> Finding:
    """500 connections that were used once are closed, and nobody waits for them."""
    return _held_open(target, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")


def slow_bodies(target: Target) -> Finding:
    """50 bodies of a byte a second are given up, and nobody waits for them."""
    key = target.key()
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
    )
    return _held_open(target, head.encode(), count=SLOW_BODIES, drip=b" ", seconds=SLOW_SECONDS)


def _held_open(
    target: Target,
    beginning: bytes,
    *,
    count: int = HALF_REQUESTS,
    drip: bytes = b"",
    seconds: float = OPEN_SECONDS,
) -> Finding:
    """Opens connections with this beginning and waits for the service to close them."""
    target.key()
    started = monotonic()
    with contextlib.ExitStack() as stack, beside(target, "/healthz", clients=2) as waits:
        connections = [stack.enter_context(_connected(target)) for _ in range(count)]
        for connection in connections:
            _send(connection, beginning)
        left = open_after(connections, drip=drip, seconds=seconds)
        closed_after = monotonic() - started
        opened = len(connections)
    return judge(
        {
            "still_open": left,
            "beside_worst_milliseconds": round(max(waits.milliseconds, default=1e6)),
        },
        BESIDE_LIMITS,
        also={"opened": opened, "waited_seconds": round(closed_after, 1)},
        faults=waits.faults,
    )


def open_after(connections: Sequence[socket.socket], *, drip: bytes, seconds: float) -> int:
    """The number of connections still open after that time; returns early when all are closed."""
    deadline, next_drip = monotonic() + seconds, monotonic() + DRIP_SECONDS
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map() and monotonic() < deadline:
            for key, _ in selector.select(timeout=0.2):
                if _is_closed(key.fileobj):
                    selector.unregister(key.fileobj)
            if drip and monotonic() >= next_drip:
                next_drip += DRIP_SECONDS
                for key in list(selector.get_map().values()):
                    _send(key.fileobj, drip)
        return len(selector.get_map())


def _is_closed(connection: object) -> bool:
    assert isinstance(connection, socket.socket)  # noqa: S101  # only sockets are registered
    try:
        return not connection.recv(65_536)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _send(connection: object, content: bytes) -> None:
    """Drops what the other side no longer takes."""
    assert isinstance(connection, socket.socket)  # noqa: S101  # only sockets are registered
    with contextlib.suppress(OSError):
        connection.sendall(content)


def _connected(target: Target) -> socket.socket:
    for attempt in range(20):
        try:
            return socket.create_connection(target.address, timeout=ANSWER_TIMEOUT_SECONDS)
        except OSError:
            # A full backlog.
            sleep(0.05 * attempt)
    raise ConnectionError("The service takes no connections.")


def _status(connection: socket.socket) -> str:
    """The status of the response, or why there is none."""
    try:
        first = connection.recv(1024)
    except OSError as error:
        return type(error).__name__
    return first.split(b" ", 2)[1].decode("latin-1") if first.startswith(b"HTTP/") else "closed"


PROBES: tuple[Probe, ...] = (
    pathological_headers,
    huge_header,
    many_small_headers,
    half_sent_requests,
    silent_connections,
    idle_connections,
    slow_bodies,
)
