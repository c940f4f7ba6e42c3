"""The embedded Postgres: shared, killed, found half-made, and stopped by the last who uses it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from kb.errors import Misconfigured
from kb.postgres.embedded_postgres import EmbeddedPostgres
from kb.postgres.postmaster import Postmaster, is_gone, is_running, postmaster_of

USE = """
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from kb.logs import configure_logging
from kb.postgres.embedded_postgres import EmbeddedPostgres
configure_logging("error")
server = EmbeddedPostgres(Path(sys.argv[1]))
server.enter()
print("in", flush=True)
sys.stdin.readline()
server.leave(10)
"""
"""Another process of the home, which leaves when its input ends."""

BUSY = "SELECT sum(sqrt(i)) FROM generate_series(1, 2000000000) AS i"
"""Longer than any test; a backend at work does not look whether its postmaster lives."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    """In use by this process."""
    server = EmbeddedPostgres(home)
    server.enter()
    yield server
    server.leave(10)


def postmaster(home: Path) -> psutil.Process | None:
    return postmaster_of(home).process()


def kill(home: Path) -> None:
    """The postmaster, on the spot."""
    process = postmaster(home)
    assert process is not None
    process.kill()
    assert is_gone([process], timeout_seconds=10)


@contextmanager
def another_user(home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that uses the server, and leaves at the end of the block."""
    command = [sys.executable, "-c", USE, str(home)]
    with subprocess.Popen(  # noqa: S603  # our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        yield process


def test_a_killed_server_comes_back_with_its_data_under_the_same_address(
    server: EmbeddedPostgres, home: Path
) -> None:
    url = server.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")

    kill(home)
    assert not server.is_alive()
    assert server.start_again()

    assert server.url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(42,)]


def test_a_backend_that_outlives_its_postmaster_is_in_nobodys_way(
    server: EmbeddedPostgres, home: Path
) -> None:
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        backend = psutil.Process(connection.info.backend_pid)
        connection.pgconn.send_query(BUSY.encode())
        while backend.cpu_times().user < 0.05:
            """Until it works."""
        kill(home)
        assert is_running(backend)

        assert server.start_again()

    assert server.is_alive()
    assert not is_running(backend)


def test_only_one_of_those_who_notice_starts_it(server: EmbeddedPostgres, home: Path) -> None:
    other = EmbeddedPostgres(home)
    other.enter()
    kill(home)

    assert server.start_again()
    assert not other.start_again()

    other.leave(10)
    assert server.is_alive()


def test_the_last_who_leaves_stops_it_also_after_another_was_killed(home: Path) -> None:
    with another_user(home) as other:
        server = EmbeddedPostgres(home)
        server.enter()
        other.send_signal(signal.SIGKILL)
        other.wait()

    assert server.is_alive()
    server.leave(10)

    assert postmaster(home) is None


def test_it_stays_while_another_process_uses_it(home: Path) -> None:
    with another_user(home):
        server = EmbeddedPostgres(home)
        server.enter()
        server.leave(10)

        assert postmaster(home) is not None

    assert postmaster(home) is None


@pytest.mark.parametrize("lines", [[], ["1"], [str(os.getpid()), "/elsewhere", "1", "5432"]])
def test_a_stale_or_half_written_process_id_stops_no_start(home: Path, lines: list[str]) -> None:
    postmaster_of(home).ensure_made()
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines))
    server = EmbeddedPostgres(home)

    server.enter()

    assert server.is_alive()
    server.leave(10)
    assert psutil.pid_exists(os.getpid())


def test_a_stop_that_may_not_take_long_is_still_a_stop(home: Path) -> None:
    server = EmbeddedPostgres(home)
    server.enter()

    server.leave(0.1)

    assert postmaster(home) is None


def test_a_folder_that_was_being_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(tmp_path)

    server.enter()

    assert server.is_alive()
    server.leave(10)
    assert not (tmp_path / "postgres.new").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "mine.txt").write_text("mine")
    server = EmbeddedPostgres(tmp_path)

    with pytest.raises(Misconfigured):
        server.enter()

    server.leave(10)

    assert (tmp_path / "postgres" / "mine.txt").read_text() == "mine"


def test_a_database_of_another_release_of_postgres_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9")
    server: Postmaster = postmaster_of(tmp_path)

    with pytest.raises(Misconfigured, match="Postgres 9"):
        server.ensure_made()
