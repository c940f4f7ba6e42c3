"""Keeps the parts of a service running: what dies starts again, what keeps dying ends all."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

import structlog

from kb import stopping
from kb.disk import has_room
from kb.errors import DatabaseUnavailable, DiskFull, KnowledgeBaseError
from kb.postgres.embedded_postgres import EmbeddedPostgres

log = structlog.get_logger(__name__)

RESTART_DELAY_SECONDS = 1.0
"""Short enough that nobody waits, long enough that a child failing at once does not spin."""

POLL_SECONDS = 0.2
"""The interval at which parts are checked."""

STOP_TIMEOUT_SECONDS = 8.0
"""For a child that is stopped without a signal that gave all of us a deadline."""

FULL_DISK_DELAY_SECONDS = 5.0
"""Between two starts of what a full disk keeps from living; whoever frees space waits no longer."""

DEATHS = 3
"""So many within a minute are no accident: starting once more helps nobody."""

WITHIN_SECONDS = 60.0


class KeepsDying(KnowledgeBaseError):
    """A part of the service ends as often as it is started."""

    code = "keeps_dying"


class Child:
    """A process in a session of its own, so that all it started can be ended with it."""

    restart_delay_seconds = RESTART_DELAY_SECONDS

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        descriptors: Sequence[int] = (),
        kind: str | None = None,
        has_begun: bool = True,
    ) -> None:
        """Starts it; it inherits the descriptors. Of one `kind` there may be several."""
        self.name = name
        self.has_begun = has_begun
        """False until it has said so: one that dies before that is not started again."""
        self._descriptors = descriptors
        self.where_to_look = f"the {name}'s own lines in this log say why"
        self.was_killed = False
        self._restarted = f"{kind or name}.restarted"
        self._command = list(command)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603  # our own command
                self._command, start_new_session=True, pass_fds=self._descriptors
            )
        except OSError as error:
            raise KeepsDying(f"The {self.name} cannot be started: {error.strerror}.") from error

    def is_alive(self) -> bool:
        """False once it has died."""
        # Left a zombie: its number, which is also its group's, cannot get another meaning.
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self._process.pid, how) is None
        return False

    def how_it_ended(self) -> str:
        """The exit code or the signal of one that has died."""
        with suppress(ChildProcessError):
            ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_code == os.CLD_EXITED:
                return f"exit code {ended.si_status if ended else '?'}"
            name = signal.Signals(ended.si_status).name
            hint = ": by somebody, or by the system for want of memory"
            return f"killed by {name}{hint if ended.si_status == signal.SIGKILL else ''}"
        return "gone"

    def start_again(self) -> None:
        """Ends what it left running and starts it again; KeepsDying when that fails."""
        self._kill_group()
        log.warning(self._restarted, part=self.name, exit_code=self._process.wait())
        self._process = self._start()

    def tell_to_stop(self) -> None:
        """Says that the service stops."""
        if self._process.returncode is None:
            self._process.terminate()

    def end(self, timeout_seconds: float) -> None:
        """Returns when it is gone, by force after the time."""
        if self._process.returncode is not None:
            return
        until = monotonic() + timeout_seconds
        while self.is_alive() and monotonic() < until:
            threading.Event().wait(0.02)
        self.was_killed = self.is_alive()
        self._kill_group()
        self._process.wait()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Database:
    """The embedded server of the home; it is stopped by whoever opened it."""

    name = "postgres"
    restart_delay_seconds = 0.0
    where_to_look = "the file 'postgres/log' in the home says why"

    def __init__(self, server: EmbeddedPostgres) -> None:
        """It runs already."""
        self._server = server

    def is_alive(self) -> bool:
        """False once it has died."""
        return self._server.is_alive()

    def how_it_ended(self) -> str:
        """Postgres writes its last words down."""
        return self.where_to_look

    def start_again(self) -> None:
        """Starts it unless somebody else has.

        Raises DatabaseUnavailable when that fails, and DiskFull when a full disk is why.
        """
        if self._server.start_again():
            log.warning("postgres.restarted")


Part = Child | Database
"""A part of the service that is kept running."""


class Supervisor:
    """Watches the parts while the block runs, and ends the children among them after it.

    The database outlives the block: the children need it until they are gone.
    """

    def __init__(self, parts: Sequence[Part], *, home: Path | None = None) -> None:
        """They run already. While the disk below `home` is full, a death counts for nothing."""
        self._parts = parts
        self._home = home
        self._not_before = dict.fromkeys([part.name for part in parts], 0.0)
        self._children = [part for part in parts if isinstance(part, Child)]
        self._deaths = {part.name: deque[float](maxlen=DEATHS) for part in parts}
        self._stopping = threading.Event()
        self._are_told = False
        self._failure: KnowledgeBaseError | None = None
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._at_the_end = ExitStack()

    def __enter__(self) -> Self:
        """Watches from now on."""
        self._at_the_end.enter_context(stopping.on_kill(self._end_parts))
        self._watcher.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the parts, kindly first; KeepsDying when that is why the block ended."""
        with self._at_the_end:
            self._stopping.set()
            seconds = stopping.seconds_left(STOP_TIMEOUT_SECONDS, keep=stopping.LAST_SECONDS)
            # Nothing is started after this.
            self._watcher.join(seconds)
            self._tell_parts()
            self._end_parts(seconds)
        if self._failure is not None:
            raise self._failure

    @property
    def killed(self) -> list[str]:
        """The names of the children that did not end by themselves in time."""
        return [child.name for child in self._children if child.was_killed]

    def join(self) -> None:
        """Returns when nothing is watched any more: something keeps dying, or all shall stop."""
        self._watcher.join()

    def _watch(self) -> None:
        try:
            while not self._stopping.wait(POLL_SECONDS):
                if stopping.is_requested():
                    # At once, not when the API has ended: all have the same deadline.
                    self._tell_parts()
                    return
                for part in self._parts:
                    if monotonic() >= self._not_before[part.name] and not part.is_alive():
                        self._restart(part)
        except KnowledgeBaseError as error:
            self._failure = error
            stopping.stop_with_failure()
        except Exception:  # unwatched, what dies would stay dead
            log.exception("supervisor.failed")
            self._failure = KeepsDying("What keeps the parts of the service running has failed.")
            stopping.stop_with_failure()

    def _restart(self, part: Part) -> None:
        """Starts a part that died; KeepsDying when it has died too often or cannot be started."""
        is_full = self._home is not None and not has_room(self._home)
        delay = FULL_DISK_DELAY_SECONDS if is_full else part.restart_delay_seconds
        how = part.how_it_ended()
        if isinstance(part, Child) and not part.has_begun:
            raise KeepsDying(f"The {part.name} did not start ({how}); {part.where_to_look}.")
        log.error(
            "part.died",
            part=part.name,
            how=how,
            starts_again_in_seconds=delay,
            is_disk_full=is_full,
        )
        deaths = self._deaths[part.name]
        deaths.append(monotonic())
        if is_full:
            deaths.clear()
        elif len(deaths) == DEATHS and deaths[-1] - deaths[0] < WITHIN_SECONDS:
            raise KeepsDying(
                f"The {part.name} died {DEATHS} times within a minute ({how}); "
                f"{part.where_to_look}."
            )
        if self._is_stopping_within(delay):
            return
        try:
            part.start_again()
        except DiskFull as error:
            log.error("part.cannot_start", part=part.name, code=error.code, error="ENOSPC")  # noqa: TRY400  # expected
            self._not_before[part.name] = monotonic() + FULL_DISK_DELAY_SECONDS
        except DatabaseUnavailable as error:
            raise KeepsDying(error.message) from error

    def _is_stopping_within(self, seconds: float) -> bool:
        until = monotonic() + seconds
        while not stopping.is_requested() and (left := until - monotonic()) > 0:
            if self._stopping.wait(min(left, POLL_SECONDS)):
                return True
        return stopping.is_requested() or self._stopping.is_set()

    def _tell_parts(self) -> None:
        """Once: a second signal would mean that they shall not take their time."""
        if self._are_told:
            return
        self._are_told = True
        for child in self._children:
            child.tell_to_stop()

    def _end_parts(self, timeout_seconds: float) -> None:
        until = monotonic() + timeout_seconds
        for child in self._children:
            child.end(max(0.0, until - monotonic()))
