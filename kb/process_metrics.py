"""The metrics of a process beside another, which shows them among its own.

A parent holds a listening socket of the loopback interface for each process that it starts, and
hands it down: a process that starts again is found without a port that somebody has to choose, and
no file is left behind. A connection gets all metrics as text, and is closed. prometheus_client's
own way for several processes, files that all map, has no `process_*` and keeps the dead's counts.
"""

import asyncio
import socket
from typing import Final

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kb.telemetry import Metrics, labelled

END: Final = b"# EOF\n"
"""Without it at its end a text was cut off, perhaps in the middle of a number."""

READ_SECONDS: Final = 4.0
"""For a process that is busy; one that is starting does not answer. Prometheus waits for 10 s."""


def listening_socket() -> socket.socket:
    """Where a process that inherits it may show its metrics."""
    return socket.create_server(("127.0.0.1", 0))


async def show_metrics(metrics: Metrics, descriptor: int) -> asyncio.Server:
    """Shows the metrics of this process on the inherited socket, until the server is closed."""

    async def show(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(generate_latest(metrics.registry) + END)
        writer.close()

    return await asyncio.start_server(show, sock=socket.socket(fileno=descriptor))


async def read_metrics(
    shown_at: socket.socket, *, process: str, timeout_seconds: float = READ_SECONDS
) -> list[Metric]:
    """The metrics of the process that has inherited the socket, each with a label of its name.

    Empty while there is none that answers.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(*shown_at.getsockname())
            try:
                text = await reader.read()
            finally:
                writer.close()
    except OSError:
        return []
    if not text.endswith(END):
        return []
    return labelled(text_string_to_metric_families(text.decode()), process)
