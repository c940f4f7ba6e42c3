"""Keeps one child process running."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger(__name__)

RESTART_DELAY_SECONDS = 1.0
"""Short enough that nobody waits, long enough that a child failing at once does not spin."""

POLL_SECONDS = 0.2
"""How soon a dead child is noticed."""

STOP_TIMEOUT_SECONDS = 7.0
"""A stop of everything within 10 s is promised."""


class Supervisor:
    """Starts the command, starts it again when it dies, and stops it at the end of the block."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """`environment` is added to this process's own."""
        self._command = list(command)
        self._environment = {**os.environ, **environment}  # noqa: TID251  # handed on, not read
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Starts the child."""
        self._process = self._start()
        self._watcher.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops the child, kindly first."""
        self._stopping.set()
        # The watcher starts no child after this.
        self._watcher.join()
        if self._process is not None:
            _stop(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment)  # noqa: S603  # our own command

    def _watch(self) -> None:
        while self._process is not None:
            while self._process.poll() is None:
                if self._stopping.wait(POLL_SECONDS):
                    return
            if self._stopping.wait(RESTART_DELAY_SECONDS):
                return
            log.warning("worker.restarted", exit_code=self._process.returncode)
            self._process = self._start()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
