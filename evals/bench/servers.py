"""The cost of an HTTP server to a request: the same application behind each that is installed.

`pip install granian hypercorn` adds the two that Footnote does not use.
"""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from app.http.middleware import RequestBoundsMiddleware, RequestMiddleware
from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.record import Outcome
from kb.logs import configure_logging
from kb.telemetry import Metrics

APPLICATION: Final = "evals.bench.servers:application"
CONNECTIONS: Final = (1, 32)
SECONDS: Final = 3.0
REQUEST: Final = (
    b"GET /healthz HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer fn_0123456789\r\n\r\n"
)
TICKS: Final = os.sysconf("SC_CLK_TCK")
START_SECONDS: Final = 30.0

OURS: Final = (
    "import asyncio, sys, uvloop; from footnote.http_server import http_server; "
    "from evals.bench.servers import application; "
    "uvloop.run(http_server(application(), host='127.0.0.1', port=int(sys.argv[1])).serve())"
)
UVICORN: Final = (
    "-m",
    "uvicorn",
    "--factory",
    APPLICATION,
    "--no-access-log",
    "--log-level",
    "error",
)
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "footnote (uvicorn, httptools, limits)": ("-c", OURS, "{port}"),
    "uvicorn, httptools": (*UVICORN, "--http", "httptools", "--port", "{port}"),
    "uvicorn, h11": (*UVICORN, "--http", "h11", "--port", "{port}"),
    "granian": (
        *("-m", "granian", "--interface", "asgi", "--factory", "--no-ws", "--loop", "uvloop"),
        *("--log-level", "error", "--port", "{port}", APPLICATION),
    ),
    "hypercorn": (
        *("-m", "hypercorn", "--worker-class", "uvloop", "--log-level", "error"),
        *("--bind", "127.0.0.1:{port}", f"{APPLICATION}()"),
    ),
}


def application() -> FastAPI:
    """Footnote's middleware around a route that answers at once."""
    configure_logging("info")
    app = FastAPI()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    app.add_middleware(RequestBoundsMiddleware, max_body_bytes=1_000_000, max_form_bytes=1_000_000)
    app.add_middleware(RequestMiddleware, metrics=Metrics())
    return app


def measure_servers(*, runs: int) -> Outcome:
    """Requests a second and CPU a request; runs of all servers take turns."""
    rates: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            if command[0] == "-m" and find_spec(command[1]) is None:
                continue
            with _serving(command) as (group, port):
                for connections in CONNECTIONS:
                    measured = asyncio.run(_load(port, connections, group))
                    rates.setdefault(name, {}).setdefault(connections, []).append(measured)
    numbers = {
        f"{name}, {connections} connections": {
            "requests_a_second": round(statistics.median(rate for rate, _ in each)),
            "cpu_microseconds_a_request": round(statistics.median(cpu for _, cpu in each)),
        }
        for name, by_connections in rates.items()
        for connections, each in by_connections.items()
    }
    limited, bare = (numbers[f"{name}, 32 connections"] for name in list(COMMANDS)[:2])
    cost = limited["cpu_microseconds_a_request"] - bare["cpu_microseconds_a_request"]
    return Outcome(
        question="CPU that the limits on connections add to a request, beside other servers",
        target="<= 20 microseconds",
        has_met_target=cost <= 20,  # noqa: PLR2004  # the target
        numbers={"limits_add_microseconds": cost, **numbers},
        warm_up=0,
    )


@contextmanager
def _serving(command: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The process group and the port of the server, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, *(part.replace("{port}", str(port)) for part in command)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.perf_counter() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError as error:
                if time.perf_counter() > deadline:
                    raise BenchmarkFailed("A server did not start.") from error
                time.sleep(0.05)
        yield process.pid, port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _load(port: int, connections: int, group: int) -> tuple[float, float]:
    """Requests a second, and microseconds of the server's CPU for each."""
    await _ask(port, time.perf_counter() + 0.5)
    cpu_before, started = _cpu_seconds(group), time.perf_counter()
    counts = await asyncio.gather(*(_ask(port, started + SECONDS) for _ in range(connections)))
    seconds = time.perf_counter() - started
    return sum(counts) / seconds, (_cpu_seconds(group) - cpu_before) / sum(counts) * 1e6


async def _ask(port: int, deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < deadline:
        writer.write(REQUEST)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
        except asyncio.IncompleteReadError:
            # hypercorn ends a connection after 1,000 requests.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        count += 1
    writer.close()
    return count


def _cpu_seconds(group: int) -> float:
    """The processor seconds that the group's processes have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS
