"""A process that was told to stop: one deadline for all its parts, and what is done at the end.

The first signal starts the deadline and unwinds the stack, or asks what is being served to end. A
second one, or the deadline, ends what is left on the spot: nothing that hangs holds a stop up.
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
"""Of these, what is kept for killing what will not end and for stopping the database.

A killed process needs the processor once more to end: on a loaded host seconds, when it is nice.
"""

SAME_REQUEST_SECONDS = 0.5
"""A terminal and a supervisor may pass on one and the same request as two signals."""

AT_ONCE_SECONDS = 0.5
"""For the database, when a second signal says that nobody wants to wait."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

LastAct = Callable[[float], None]
"""Ends something by force, within so many seconds; may run in any thread, and twice."""


@dataclass(kw_only=True)
class _Stop:
    """What this process knows of its end. Signals are the process's, and so is this."""

    told_at: float | None = None
    exit_code: int = 0
    is_success: bool = False
    has_failed: bool = False
    ask: Callable[[], object] | None = None
    last_acts: list[LastAct] = field(default_factory=list)


_stop = _Stop()


def obey_signals() -> None:
    """SIGTERM, SIGINT and SIGHUP stop this process; exit code 128 and the signal's number."""
    for number in SIGNALS:
        signal.signal(number, _obey)


def expect_to_be_stopped() -> None:
    """For a service, for which SIGTERM is the usual end: exit code 0."""
    _stop.is_success = True


def give_up() -> None:
    """Stops this process from any thread, as a signal does, with exit code 1."""
    _stop.has_failed = True
    os.kill(os.getpid(), signal.SIGTERM)


def is_told() -> bool:
    """True once a signal has come."""
    return _stop.told_at is not None


def exit_code() -> int:
    """What this process ends with when it was told to."""
    return _stop.exit_code


def seconds_left(at_most: float, *, keep: float = 0.0) -> float:
    """`at_most`, or what is left of the deadline, less what is to be kept of it."""
    if _stop.told_at is None:
        return at_most
    return max(0.0, min(at_most, _stop.told_at + STOP_SECONDS - keep - monotonic()))


@contextmanager
def asked(ask: Callable[[], object]) -> Iterator[None]:
    """In this block a signal calls `ask`, in the main thread, and unwinds nothing by itself."""
    before, _stop.ask = _stop.ask, ask
    try:
        yield
    finally:
        _stop.ask = before


@contextmanager
def at_the_end(act: LastAct) -> Iterator[None]:
    """In this block, what is done when the process has to end on the spot; the latest first."""
    _stop.last_acts.append(act)
    try:
        yield
    finally:
        _stop.last_acts.remove(act)


def leave(exit_code: int) -> None:
    """Ends a process that was told to stop and has: no thread that still computes holds it."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)


def _obey(number: int, _frame: FrameType | None) -> None:
    if _stop.told_at is not None:
        if monotonic() - _stop.told_at > SAME_REQUEST_SECONDS:
            _end(128 + number, AT_ONCE_SECONDS)
        return
    _stop.told_at = monotonic()
    _stop.exit_code = _exit_code_of(number)
    watch = threading.Timer(STOP_SECONDS - LAST_SECONDS, _end_in_time)
    watch.daemon = True
    watch.start()
    if _stop.ask is None:
        raise SystemExit(_stop.exit_code)
    _stop.ask()


def _exit_code_of(number: int) -> int:
    if _stop.has_failed:
        return 1
    return 0 if _stop.is_success and number == signal.SIGTERM else 128 + number


def _end_in_time() -> None:
    _end(_stop.exit_code, seconds_left(LAST_SECONDS))


def _end(exit_code: int, seconds: float) -> None:
    for act in reversed(_stop.last_acts):
        # Whatever one of them meets, the others and the end follow.
        with suppress(Exception):
            act(seconds)
    leave(exit_code)
