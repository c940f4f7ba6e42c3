"""The heartbeat, beside a worker that has no time, has stopped, or is dead."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import psycopg
import pytest

from ingest.worker import build_queue_app
from kb.heartbeat import Heartbeat, is_stopped
from kb.postgres.database import conninfo
from kb.settings import Settings
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.processes import python

PATIENCE_SECONDS = 30.0
INTERVAL_SECONDS = 0.05


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/heartbeat") as own:
        yield own


@pytest.fixture
async def worker_id(own: OwnDatabase) -> int:
    app = build_queue_app(own.url, own.tools)
    async with app.open_async():
        return await app.jobs.register_worker()


class Watch:
    """Looks at a worker's heartbeat without an event loop."""

    def __init__(self, url: str, worker_id: int) -> None:
        self.connection = psycopg.connect(conninfo(url), autocommit=True)
        self.worker_id = worker_id

    def forget(self, what: str) -> None:
        """Makes the heartbeat old, or takes the worker's row away."""
        table = "procrastinate.procrastinate_workers"
        statement = {
            "beat": f"UPDATE {table} SET last_heartbeat = 'epoch' WHERE id = %s",  # noqa: S608  # ours
            "worker": f"DELETE FROM {table} WHERE id = %s",  # noqa: S608  # ours
        }[what]
        self.connection.execute(statement, (self.worker_id,))

    def has_beaten(self) -> bool:
        query = (
            "SELECT last_heartbeat > now() - interval '1 hour'"
            " FROM procrastinate.procrastinate_workers WHERE id = %s"
        )
        row = self.connection.execute(query, (self.worker_id,)).fetchone()
        return row is not None and bool(row[0])

    def beats_again(self) -> bool:
        """Blocks the whole thread, event loop included."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.has_beaten():
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def watch(own: OwnDatabase, worker_id: int) -> Iterator[Watch]:
    watch = Watch(own.url, worker_id)
    with watch.connection:
        yield watch


@pytest.fixture
def heartbeat(own: OwnDatabase, worker_id: int) -> Iterator[Heartbeat]:
    with closing(Heartbeat()) as heartbeat:
        heartbeat.report_for(
            {
                "conninfo": conninfo(own.url),
                "worker_id": worker_id,
                "interval_seconds": INTERVAL_SECONDS,
            }
        )
        yield heartbeat


@pytest.mark.parametrize("what", ["beat", "worker"])
@pytest.mark.usefixtures("heartbeat")
async def test_a_worker_whose_event_loop_is_blocked_is_heard(watch: Watch, what: str) -> None:
    watch.forget(what)

    assert watch.beats_again()


async def test_a_heartbeat_that_ended_is_started_again(heartbeat: Heartbeat, watch: Watch) -> None:
    assert heartbeat.keep_alive()
    heartbeat.process.kill()
    heartbeat.process.wait()

    assert not heartbeat.keep_alive()

    watch.forget("beat")
    assert watch.beats_again()


async def test_a_heartbeat_whose_connection_broke_gets_another_one(
    heartbeat: Heartbeat, watch: Watch
) -> None:
    assert heartbeat.keep_alive()
    watch.forget("beat")
    assert watch.beats_again()
    watch.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'footnote heartbeat %' AND datname = current_database()"
    )

    watch.forget("beat")

    assert watch.beats_again()


@pytest.mark.usefixtures("heartbeat")
async def test_a_worker_whose_reports_a_full_disk_refuses_keeps_its_jobs(
    own: OwnDatabase, watch: Watch
) -> None:
    await own.upload(b"A note.")
    other = build_queue_app(own.url, own.tools)
    async with other.open_async():
        await other.jobs.register_worker()
        job = await other.jobs.fetch_job(["ingest"], watch.worker_id)
        other.jobs.in_hand.clear()
        assert job is not None
        watch.forget("beat")
        assert watch.beats_again()
        watch.connection.execute(
            "CREATE FUNCTION procrastinate.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"
        )
        watch.connection.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE"
            " ON procrastinate.procrastinate_workers"
            f" FOR EACH ROW WHEN (NEW.id = {watch.worker_id} AND NEW.last_heartbeat > 'epoch')"
            " EXECUTE FUNCTION procrastinate.refuse()"
        )
        watch.forget("beat")
        try:
            taken = await other.jobs.take_over("ingest", stalled_seconds=PATIENCE_SECONDS)
            pruned = await other.jobs.prune_stalled_workers(PATIENCE_SECONDS)

            assert (taken, watch.worker_id in pruned) == ([], False)
            assert not watch.has_beaten()
        finally:
            watch.connection.execute("DROP FUNCTION procrastinate.refuse() CASCADE")


@contextlib.asynccontextmanager
async def other_worker(
    own: OwnDatabase, worker_id: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that has a heartbeat and does nothing else; it says whose number it has."""
    code = (
        "import sys, time; from kb.heartbeat import Heartbeat; h = Heartbeat();"
        "h.report_for({'conninfo': sys.argv[1], 'worker_id': int(sys.argv[2]),"
        " 'interval_seconds': 0.05}); print(h.process.pid, flush=True); time.sleep(600)"
    )
    arguments = ["-c", code, conninfo(own.url), str(worker_id)]
    async with python(arguments, environment={}, is_heard=True) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_ends_with_its_worker(
    own: OwnDatabase, worker_id: int, number: signal.Signals
) -> None:
    async with other_worker(own, worker_id) as process:
        assert process.stdout is not None
        heartbeat_id = int(await process.stdout.readline())

        process.send_signal(number)
        await process.wait()

        deadline = time.monotonic() + PATIENCE_SECONDS
        while is_running(heartbeat_id) and time.monotonic() < deadline:  # noqa: ASYNC110  # a process
            await asyncio.sleep(0.01)
    assert not is_running(heartbeat_id)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_process_that_was_halted_is_not_spoken_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        seen = [is_stopped(process.pid)]
        for number, change in ((signal.SIGSTOP, os.WSTOPPED), (signal.SIGCONT, os.WCONTINUED)):
            process.send_signal(number)
            os.waitid(os.P_PID, process.pid, change)
            seen.append(is_stopped(process.pid))
        process.kill()

    assert seen == [False, True, False]


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
