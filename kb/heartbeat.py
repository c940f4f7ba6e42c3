"""Reports every few seconds that a worker is alive, from a process of its own.

In the worker's process the reports would wait for whatever blocks its interpreter or event loop,
and a worker without reports loses its jobs. The process ends with the worker, whose end closes its
standard input. It imports psycopg and nothing of Footnote, which takes a tenth of a second.
"""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final, NotRequired, TypedDict

import psycopg

BEAT: Final = """
    INSERT INTO procrastinate.procrastinate_workers (id, last_heartbeat)
    OVERRIDING SYSTEM VALUE VALUES (%s, now())
    ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""
"""Inserts, because a worker without reports is deleted, and could take no jobs after that."""

APPLICATION: Final = "footnote heartbeat"
"""Begins the name of the connection, before the worker's number. Postgres notes in memory when it
was last used: that tells of life also while a full disk takes no reports."""

MAX_ORDER_BYTES: Final = 65_536


class Order(TypedDict):
    """The worker to report for, and how often."""

    conninfo: str
    worker_id: int
    interval_seconds: float
    parent: NotRequired[int]


class Heartbeat:
    """The reporting process; it can be started before there is a worker to report for.

    It has the niceness that its parent had when it was started.
    """

    def __init__(self) -> None:
        """Starts the process."""
        self._order: Order | None = None
        self.process = _start()

    def report_for(self, order: Order) -> None:
        """Reports from now on that this worker is alive."""
        self._order = order
        _send(self.process, order)

    def keep_alive(self) -> bool:
        """False when the process had ended and was started again."""
        if self.process.poll() is None:
            return True
        self.close()
        self.process = _start()
        if self._order is not None:
            _send(self.process, self._order)
        return False

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            # An order that it did not read is of no use any more.
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def _start() -> subprocess.Popen[bytes]:
    # -P: its own folder is none to import from; -s and -E: nothing slows its start down.
    command = [sys.executable, "-P", "-s", "-E", str(Path(__file__))]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  # our own file


def _send(process: subprocess.Popen[bytes], order: Order) -> None:
    assert process.stdin is not None  # noqa: S101  # it was started with a pipe
    message = {**order, "parent": os.getpid()}
    try:
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        # It has just ended; `keep_alive` starts the next one.
        return


def main() -> None:
    """Reports until the parent ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal to the whole group: the worker has documents in hand until it has stopped.
        signal.signal(number, signal.SIG_IGN)
    received = b""
    while not received.endswith(b"\n"):
        read = os.read(0, MAX_ORDER_BYTES)
        if not read:
            return
        received += read
    order: Order = json.loads(received)
    connection: psycopg.Connection[tuple[object, ...]] | None = None
    is_over = False
    while not is_over:
        begun = monotonic()
        if not is_stopped(order.get("parent", os.getppid())):
            connection = _beat(connection, order)
        pause = max(0.0, order["interval_seconds"] - (monotonic() - begun))
        is_over = bool(select.select([0], [], [], pause)[0])


def _beat(
    connection: psycopg.Connection[tuple[object, ...]] | None, order: Order
) -> psycopg.Connection[tuple[object, ...]] | None:
    """The connection for the next time; None when it is lost."""
    try:
        if connection is None:
            connection = psycopg.connect(
                order["conninfo"],
                autocommit=True,
                connect_timeout=5,
                tcp_user_timeout=5_000,
                application_name=f"{APPLICATION} {order['worker_id']}",
            )
        connection.execute(BEAT, (order["worker_id"],), prepare=False)
    except psycopg.Error:
        # Of a full disk it is kept: that it was used is the report.
        if connection is not None and connection.broken:
            connection.close()
            return None
    return connection


def is_stopped(process_id: int) -> bool:
    """True for a process that SIGSTOP or a debugger has halted: others should go on for it."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] in {"T", "t"}


if __name__ == "__main__":
    main()
