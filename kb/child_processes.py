"""Runs one call in a process of its own, within limits of memory, processor time and time.

Such a call reads input from outside: when it crashes, hangs or fills the memory, the child ends
and nothing else does. Each call gets a fresh child, so that nothing of one tenant's document
is left in memory for the next. Children are forked from a server process that has imported the code
already, which takes milliseconds.

Not pebble or concurrent.futures: the children of their pools share one pipe, and one that is killed
while it writes breaks the pool for all.
"""

import asyncio
import ctypes
import fcntl
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import resource_tracker, util
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from time import monotonic
from types import ModuleType
from typing import Any, Final, Literal, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

END_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

FIRST_TO_END: Final = "1000"
"""The kernel that runs out of memory ends a child before its parent. See proc(5), oom_score_adj."""


MAX_TEMPORARY_BYTES: Final = 70
"""Of a folder below which multiprocessing makes sockets; a socket's path has at most 107."""


@dataclass(frozen=True, kw_only=True)
class ChildLimits:
    """The limits of one call."""

    memory_bytes: int
    """Private, writable memory, about 0.2 GB of loaded code included; not enforced on macOS."""
    processor_time: timedelta
    """Rounded up to seconds, on all threads together."""
    time: timedelta
    """From the start of the child to its result."""
    niceness: int = 0
    """Its priority below that of other processes, 0 to 19."""


Reason = Literal["memory", "time", "crash", "ended"]
"""It ran out of memory or time; it crashed; somebody else ended it."""


class ChildFailed(Exception):
    """The call ended without a result, for this reason."""

    def __init__(self, reason: Reason, exit_code: int | None) -> None:
        """A negative exit code is the signal that ended the child."""
        super().__init__(reason, exit_code)
        self.reason = reason
        self.exit_code = exit_code


class ChildProcesses:
    """Runs calls in children, at most `count` at a time; the others wait their turn."""

    def __init__(self, *, count: int, limits: ChildLimits, preload: Sequence[str]) -> None:
        """`preload` names the modules that every child finds imported."""
        _choose_folder_of_sockets()
        self._limits = limits
        self._context = multiprocessing.get_context("forkserver")
        # The first one to ask starts the server, with these modules.
        self._context.set_forkserver_preload(list(preload))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="child")
        self._places = asyncio.Semaphore(count)

    async def run(
        self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """The function's result, or the exception it raises; arguments and result must pickle.

        Raises ChildFailed when the child ends without a result. When cancelled, it kills the child
        and returns once the child is gone.
        """
        async with self._places:
            stop_reader, stop_writer = os.pipe()
            running = asyncio.get_running_loop().run_in_executor(
                self._threads, self._supervise, stop_reader, (function, args, kwargs)
            )
            try:
                result: Result = await asyncio.shield(running)
            finally:
                os.close(stop_writer)
                await _end_of(running)
                os.close(stop_reader)
            return result

    def close(self) -> None:
        """Takes no more calls; those that run have been cancelled or have ended."""
        self._threads.shutdown()

    def _supervise(self, stop: int, call: tuple[Callable[..., Any], Any, Any]) -> Any:  # noqa: ANN401
        deadline = monotonic() + self._limits.time.total_seconds()
        reader, writer = self._context.Pipe(duplex=False)
        child = self._context.Process(
            target=_run_in_child, args=(writer, self._limits, call), daemon=True
        )
        with reader:
            try:
                with _without_main_module(), _without_signals():
                    child.start()
            except (OSError, EOFError) as error:
                # The server of children was ended; the next call starts another one.
                raise ChildFailed("ended", None) from error
            finally:
                writer.close()
            try:
                return _result(child, reader, stop, deadline)
            finally:
                child.kill()
                child.join()
                child.close()


def _choose_folder_of_sockets() -> None:
    """Lets multiprocessing make its sockets in /tmp where the path of TMPDIR is too long for them.

    Python does so itself from 3.14 on.
    """
    if len(os.fsencode(tempfile.gettempdir())) <= MAX_TEMPORARY_BYTES:
        return
    with _STARTING:
        before, tempfile.tempdir = tempfile.tempdir, "/tmp"  # noqa: S108  # a folder of its own in it
        try:
            # Makes one, and keeps to it.
            util.get_temp_dir()
        finally:
            tempfile.tempdir = before


@contextmanager
def _without_signals() -> Iterator[None]:
    """Children started in this block, and their server, get no signal sent to all of a service.

    A service manager tells every process of a service to stop, and the caller decides when its
    children end: with SIGKILL. What is blocked here is blocked in what is started here.
    """
    # Its start ends with SIGTERM unblocked, and the server's start begins with it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def _end_of(running: "asyncio.Future[Any]") -> None:
    """Returns when the call has ended, however often the caller is cancelled meanwhile."""
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])
    if not running.cancelled():
        # Retrieved, so that asyncio does not report an exception that nobody retrieved.
        running.exception()


@contextmanager
def _without_main_module() -> Iterator[None]:
    """A child started in this block does not run the program's main script once more.

    multiprocessing has each child import it, for functions that are defined there: 2.5 s of
    processor time where that script is `footnote`. Nothing of ours is defined there.
    """
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


_STARTING: Final = Lock()


def _result(child: BaseProcess, reader: Connection, stop: int, deadline: float) -> Any:  # noqa: ANN401
    """The child's result, or what it raised."""
    ready = wait([reader, stop], timeout=max(0.0, deadline - monotonic()))
    if stop in ready:
        raise ChildFailed("crash", None)
    if not ready:
        raise ChildFailed("time", None)
    try:
        is_error, value = pickle.loads(reader.recv_bytes())  # noqa: S301  # our own child
    except (EOFError, OSError) as error:
        child.join()
        match child.exitcode:
            case -24:  # SIGXCPU
                reason: Reason = "time"
            case None | 255 | -9:
                # The cause is unknown: the server was killed, or the kernel needed memory.
                reason = "ended"
            case _:
                reason = "crash"
        raise ChildFailed(reason, child.exitcode) from error
    if isinstance(value, MemoryError):
        raise ChildFailed("memory", None) from value
    if is_error:
        raise value
    return value


def _run_in_child(
    writer: Connection, limits: ChildLimits, call: tuple[Callable[..., Any], Any, Any]
) -> None:
    function, args, kwargs = call
    _limit_this_process(limits)
    try:
        # Packing the result can be what needs too much memory.
        outcome = pickle.dumps((False, function(*args, **kwargs)))
    except Exception as error:  # noqa: BLE001  # raised again in the parent
        outcome = pickle.dumps((True, error))
    writer.send_bytes(outcome)
    writer.close()


def _limit_this_process(limits: ChildLimits) -> None:
    # A library that reads a document may print of it: a warning, the message of a panic.
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(silence, descriptor)
    # A terminal sends Ctrl-C to all; the parent decides when a child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # In case nobody is left to end it in time.
    signal.setitimer(signal.ITIMER_REAL, limits.time.total_seconds() + 1)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
        # The kernel ends this process also when the one that called it is gone: its parent is the
        # server, which lives as long as its children do.
        caller = multiprocessing.parent_process()
        assert caller is not None  # noqa: S101  # this is a child
        pipe = int(caller.sentinel)
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
        if wait([pipe], timeout=0):
            # It was gone before.
            os.kill(os.getpid(), signal.SIGKILL)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END)
    os.nice(limits.niceness)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seconds = -(-limits.processor_time // timedelta(seconds=1))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
