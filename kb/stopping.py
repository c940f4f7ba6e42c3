"""Stopping on a signal: one deadline for all parts of a process, and kill handlers at its end.

The first signal starts the deadline and unwinds the stack, or calls a handler that ends a service
in good order. A second signal, or the deadline, kills what is left, so that nothing that hangs
delays a stop.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from types import FrameType

STOP_SECONDS = 9.0
"""A stop within 10 s is promised; the rest is for a loaded host."""

LAST_SECONDS = 4.0
"""Seconds of these that are kept for killing what does not end and for stopping the database.

A killed process needs the processor once more to end: with a high niceness on a loaded host, that
takes seconds.
"""

SAME_REQUEST_SECONDS = 0.5
"""A terminal and a supervisor may pass on one and the same request as two signals."""

AT_ONCE_SECONDS = 0.5
"""For the database, when a second signal says that nobody wants to wait."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

KillHandler = Callable[[float], None]
"""Ends something by force, within so many seconds; may run in any thread, and twice."""


@dataclass(kw_only=True)
class _Stop:
    """The state of the stop. Signals belong to the whole process, and so does this."""

    requested_at: float | None = None
    exit_code: int = 0
    reason: str | None = None
    sigterm_is_success: bool = False
    has_failed: bool = False
    is_told: bool = False
    on_request: Callable[[], object] | None = None
    kill_handlers: list[KillHandler] = field(default_factory=list)


_stop = _Stop()


def obey_signals() -> None:
    """SIGTERM, SIGINT and SIGHUP stop this process; exit code 128 and the signal's number."""
    for number in SIGNALS:
        signal.signal(number, _on_signal)


def treat_sigterm_as_success() -> None:
    """Makes SIGTERM end this process with exit code 0, as the usual end of a service."""
    _stop.sigterm_is_success = True


def tell_of_stops() -> None:
    """Has a signal, a second one and an end by force say on stdout what happens."""
    _stop.is_told = True


def seconds_since_request() -> float | None:
    """The time since the first signal; None before it."""
    return None if _stop.requested_at is None else monotonic() - _stop.requested_at


def stop_with_failure() -> None:
    """Stops this process from any thread, as a signal does, with exit code 1."""
    _stop.has_failed = True
    os.kill(os.getpid(), signal.SIGTERM)


def is_requested() -> bool:
    """True once a signal has come."""
    return _stop.requested_at is not None


def reason() -> str | None:
    """The name of the first signal, such as SIGTERM; None before it."""
    return _stop.reason


def exit_code() -> int:
    """The exit code that the first signal calls for; 0 before it."""
    return _stop.exit_code


def seconds_left(at_most: float, *, keep: float = 0.0) -> float:
    """The seconds to the deadline less `keep`, from 0 to `at_most`; `at_most` before a signal."""
    if _stop.requested_at is None:
        return at_most
    return max(0.0, min(at_most, _stop.requested_at + STOP_SECONDS - keep - monotonic()))


@contextmanager
def on_request(handler: Callable[[], object]) -> Iterator[None]:
    """In this block a signal calls `handler` in the main thread and does not unwind the stack."""
    before, _stop.on_request = _stop.on_request, handler
    try:
        yield
    finally:
        _stop.on_request = before


@contextmanager
def on_kill(handler: KillHandler) -> Iterator[None]:
    """In this block `handler` is called when the process has to end at once; the latest first."""
    _stop.kill_handlers.append(handler)
    try:
        yield
    finally:
        _stop.kill_handlers.remove(handler)


def exit_now(exit_code: int) -> None:
    """Ends this process without waiting for threads that still compute."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _stop.requested_at is not None:
        if monotonic() - _stop.requested_at > SAME_REQUEST_SECONDS:
            _tell("Stopping at once.")
            _kill(128 + number, AT_ONCE_SECONDS)
        return
    _stop.requested_at = monotonic()
    _stop.reason = signal.Signals(number).name
    is_usual_end = _stop.sigterm_is_success and number == signal.SIGTERM
    _stop.exit_code = 1 if _stop.has_failed else 0 if is_usual_end else 128 + number
    watch = threading.Timer(STOP_SECONDS - LAST_SECONDS, _kill_in_time)
    watch.daemon = True
    watch.start()
    _tell("Stopping; Ctrl-C once more stops at once.")
    if _stop.on_request is None:
        raise SystemExit(_stop.exit_code)
    _stop.on_request()


def _kill_in_time() -> None:
    _kill(_stop.exit_code, seconds_left(LAST_SECONDS))


def _kill(exit_code: int, seconds: float) -> None:
    """Calls the kill handlers, the latest first, and exits."""
    for handler in reversed(_stop.kill_handlers):
        # An exception of one handler keeps neither the others nor the exit from happening.
        with suppress(Exception):
            handler(seconds)
    _tell(f"Stopped by force after {seconds_since_request() or 0:.1f} s.")
    exit_now(exit_code)


def _tell(line: str) -> None:
    """Past Python's buffer, in which the signal may have come."""
    if _stop.is_told:
        with suppress(OSError):
            os.write(1, f"{line}\n".encode())
