"""The heartbeat, beside a worker that has no time, has stopped, or is dead."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest

from ingest.worker import build_queue_app
from kb.heartbeat import Heartbeat, is_stopped
from kb.postgres.connecting import conninfo
from kb.settings import Settings
from kb.store.queue import count_workers
from tests.architecture.databases import execute, values
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.processes import python

PATIENCE_SECONDS = 30.0
PATIENCE = timedelta(seconds=PATIENCE_SECONDS)
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


@pytest.fixture
def full_disk(own: OwnDatabase) -> Iterator[Callable[[], None]]:
    """From the call on no report can be written, as on a disk that is full."""
    yield lambda: execute(
        own.url,
        "CREATE FUNCTION procrastinate.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON procrastinate.procrastinate_workers"
        " FOR EACH ROW WHEN (NEW.last_heartbeat > 'epoch')"
        " EXECUTE FUNCTION procrastinate.refuse()",
        "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = 'epoch'",
    )
    execute(own.url, "DROP FUNCTION procrastinate.refuse() CASCADE")


async def test_on_a_full_disk_only_the_jobs_of_the_dead_are_taken_over(
    own: OwnDatabase, heartbeat: Heartbeat, watch: Watch, full_disk: Callable[[], None]
) -> None:
    assert heartbeat.keep_alive()
    dying, other = build_queue_app(own.url, own.tools), build_queue_app(own.url, own.tools)
    async with dying.open_async(), other.open_async():
        dying_id = await dying.jobs.register_worker()
        await other.jobs.register_worker()
        jobs = []
        for holder in (watch.worker_id, dying_id):
            await own.upload(f"A note of {holder}.".encode())
            jobs.append(await dying.jobs.fetch_job(["ingest"], holder))
        kept, left = (job and job.id for job in jobs)
        assert None not in {kept, left}

        async def taken_and_pruned() -> tuple[list[int], bool, bool]:
            taken = await other.jobs.take_over("ingest", stalled_seconds=PATIENCE_SECONDS)
            pruned = await other.jobs.prune_stalled_workers(PATIENCE_SECONDS)
            return taken, watch.worker_id in pruned, dying_id in pruned

        with closing(Heartbeat()) as of_the_dying:
            of_the_dying.report_for(
                {
                    "conninfo": conninfo(own.url),
                    "worker_id": dying_id,
                    "interval_seconds": INTERVAL_SECONDS,
                }
            )
            await until_heard(own, watch.worker_id, dying_id)
            full_disk()
            # What is refused is heard all the same.
            await until_heard(own, watch.worker_id, dying_id)

            assert await taken_and_pruned() == ([], False, False)
            assert not watch.has_beaten()
            assert await count_workers(own.tools.database, silent_after=PATIENCE)
        await until_silent(own, dying_id)

        assert await taken_and_pruned() == ([left], False, True)
        assert await count_workers(own.tools.database, silent_after=PATIENCE)


def heard(own: OwnDatabase, since: str) -> set[str]:
    """The connections of the heartbeats that have said something since."""
    return values(
        own.url,
        "SELECT application_name FROM pg_stat_activity"  # noqa: S608  # ours
        " WHERE datname = current_database()"
        f" AND application_name LIKE 'footnote heartbeat %' AND query_start > '{since}'",
    )


async def until_heard(own: OwnDatabase, *worker_ids: int) -> None:
    """Returns when each of them has reported, or tried to, from now on."""
    [now] = values(own.url, "SELECT clock_timestamp()")
    wanted = {f"footnote heartbeat {each}" for each in worker_ids}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted <= heard(own, now):  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)


async def until_silent(own: OwnDatabase, worker_id: int) -> None:
    """Returns when its connection is gone."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while f"footnote heartbeat {worker_id}" in heard(own, "epoch"):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)


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
