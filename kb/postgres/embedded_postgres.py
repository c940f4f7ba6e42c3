"""The embedded Postgres, used when no database URL is set.

All processes of one home share the server. Each holds a lock on a file while it uses it, which the
kernel takes back however the process ends; whoever leaves last stops the server.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from filelock import FileLock, Timeout

from kb import stopping
from kb.disk import home_failures_told
from kb.errors import DatabaseUnavailable
from kb.postgres.postmaster import OWNER, Postmaster, postmaster_of
from kb.postgres.reaching import wait_until_reachable
from kb.settings import Settings

START_SECONDS = 60.0
"""A new home takes seconds; so does recovery from a crash, on a loaded host tens of them."""

SERVICE_PATIENCE_SECONDS = 30.0
"""For a configured server that starts together with a service."""

PATIENCE_SECONDS = 3.0
"""The same for a command that somebody waits for: a server that restarts is back by then."""

STOP_SECONDS = 60.0
"""For the checkpoint at the end, when nobody waits for us."""


class EmbeddedPostgres:
    """One process's use of the server of its home."""

    def __init__(self, home: Path) -> None:
        """Starts nothing yet."""
        self._home = home
        self._postmaster: Postmaster = postmaster_of(home)
        # Who starts or stops the server, one at a time.
        self._gate = FileLock(home / ".postgres.lock", mode=0o600)
        self._users_path = home / ".postgres.users"
        self._use: IO[bytes] | None = None
        # The end may come from another thread, or from a signal in the middle of it.
        self._ending = threading.RLock()

    @property
    def url(self) -> str:
        """The URL of the server; the same after a restart."""
        folder = quote(str(self._postmaster.socket_folder()), safe="/")
        return f"postgresql://{OWNER}:@/{OWNER}?host={folder}"

    def enter(self) -> None:
        """Counts this process among the users; the server is ready then."""
        with home_failures_told(self._home), self._gate_within(START_SECONDS):
            self._use = self._users_path.open("wb")
            fcntl.flock(self._use, fcntl.LOCK_SH)
            self._postmaster.ensure_made()
            self._postmaster.start(timeout_seconds=START_SECONDS)

    def is_alive(self) -> bool:
        """False when somebody killed it."""
        return self._postmaster.process() is not None

    def start_again(self) -> bool:
        """Brings it back with its data; False when another process of the home did."""
        with home_failures_told(self._home), self._gate_within(START_SECONDS):
            return self._postmaster.start(timeout_seconds=START_SECONDS)

    def leave(self, timeout_seconds: float) -> None:
        """Ends this process's use, and the server when nobody else uses it."""
        if not self._ending.acquire(timeout=timeout_seconds):
            return
        try:
            with suppress(DatabaseUnavailable), self._gate_within(timeout_seconds):
                if self._use is not None:
                    # Refused while another process holds the lock that all users share.
                    with suppress(BlockingIOError):
                        fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        self._postmaster.stop(timeout_seconds=timeout_seconds)
        finally:
            if self._use is not None:
                self._use.close()
                self._use = None
            self._ending.release()

    @contextmanager
    def _gate_within(self, seconds: float) -> Iterator[None]:
        try:
            with self._gate.acquire(timeout=seconds, poll_interval=0.02):
                yield
        except Timeout as error:
            raise DatabaseUnavailable("Another process starts or stops the database.") from error


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    """The database's URL; `embedded` where the server is ours to look after."""

    url: str
    embedded: EmbeddedPostgres | None


@contextmanager
def database_server(
    settings: Settings, *, patience_seconds: float | None = None
) -> Iterator[DatabaseServer]:
    """The configured server, once it can be reached, or the embedded one, inside the block.

    Raises DatabaseUnavailable after that patience (None: that of a service), DatabaseUnfit,
    HomeUnusable and DiskFull.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        patience = SERVICE_PATIENCE_SECONDS if patience_seconds is None else patience_seconds
        wait_until_reachable(url, patience_seconds=patience)
        yield DatabaseServer(url=url, embedded=None)
        return
    embedded = EmbeddedPostgres(settings.home_path)
    with stopping.on_kill(embedded.leave):
        try:
            embedded.enter()
            yield DatabaseServer(url=embedded.url, embedded=embedded)
        finally:
            embedded.leave(stopping.seconds_left(STOP_SECONDS))


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The URL alone, for whoever needs the server no longer than a command takes."""
    with database_server(settings, patience_seconds=PATIENCE_SECONDS) as server:
        yield server.url
