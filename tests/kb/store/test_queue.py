"""The order in which workers get jobs, and the slots that a worker keeps for what may come."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from unittest.mock import patch
from uuid import UUID

import pytest
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from sqlalchemy import text
from structlog.testing import capture_logs

from ingest.worker import Queue, build_queue_app, take_over_stalled_jobs
from kb.ids import new_uuid
from kb.settings import Settings
from kb.store import queue
from kb.store.job_kinds import INGEST, PRIORITIES, JobPriority, weight_of
from kb.store.queue import OLDEST_EVERY, Slots, WorkersJobs, queue_connector
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.stored import let_time_pass

A, B, C = (UUID(int=number) for number in (1, 2, 3))
LONG = 320_000
BOOK = 40_000_000


@pytest.fixture(scope="module")
async def database(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/queue") as own:
        yield own


@pytest.fixture
async def own(database: OwnDatabase) -> OwnDatabase:
    """The database with an empty queue."""
    async with database.tools.database.owner() as connection:
        await connection.execute(text("TRUNCATE procrastinate.procrastinate_jobs CASCADE"))
    return database


class Workers:
    """Workers on one queue, which take and end jobs as a test says; a job is known by its name."""

    def __init__(self, own: OwnDatabase, apps: Sequence[Queue]) -> None:
        self._own = own
        self.apps = apps
        self._in_hand: dict[str, tuple[Queue, QueuedJob]] = {}

    async def queue(
        self,
        *names: str,
        tenant: UUID = A,
        priority: JobPriority = "bulk",
        size: int | None = 10,
        lock: str | None = None,
    ) -> None:
        """Jobs of these names; size None: on no document."""
        query = text(
            "SELECT footnote_enqueue('ingest', 'ingest_document', :lock, :priority,"
            " CAST(:arguments AS jsonb), :weight)"
        )
        async with self._own.tools.database.owner() as connection:
            for name in names:
                await connection.execute(
                    query,
                    {
                        "lock": lock or str(new_uuid()),
                        "priority": PRIORITIES[priority],
                        "arguments": json.dumps({"tenant_id": str(tenant), "job_id": name}),
                        "weight": -1 if size is None else weight_of(size),
                    },
                )

    async def take(self, worker: int = 0) -> str | None:
        """The name of the job that the worker got."""
        app = self.apps[worker]
        job = await app.jobs.fetch_job(queues=[INGEST.queue], worker_id=app.jobs.worker_id)
        if job is None:
            return None
        name = str(job.task_kwargs["job_id"])
        self._in_hand[name] = (app, job)
        return name

    async def take_all(self, worker: int = 0) -> list[str]:
        """The names of all that the worker gets at once."""
        names = []
        while name := await self.take(worker):
            names.append(name)
        return names

    async def end(self, *names: str) -> None:
        for name in names:
            app, job = self._in_hand.pop(name)
            await app.jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)

    async def take_one_by_one(self, count: int) -> list[str | None]:
        """The names of so many jobs, each ended before the next is taken."""
        names = []
        for _ in range(count):
            names.append(await self.take())
            await self.end(*filter(None, names[-1:]))
        return names


class WorkersOf:
    """Opens workers for a block."""

    def __init__(self, own: OwnDatabase, *slots: int) -> None:
        self._own = own
        self._slots = slots
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Workers:
        apps = [build_queue_app(self._own.url, self._own.tools) for _ in self._slots]
        for app, slots in zip(apps, self._slots, strict=True):
            app.jobs.slots = Slots(documents=slots)
            await self._stack.enter_async_context(app.open_async())
            await app.jobs.register_worker()
        return Workers(self._own, apps)

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()


async def test_the_higher_class_comes_first_and_within_it_the_light(own: OwnDatabase) -> None:
    async with WorkersOf(own, 16) as workers:
        await workers.queue("background", priority="background")
        await workers.queue("long bulk", size=LONG)
        await workers.queue("bulk", "later bulk")
        await workers.queue("long single", priority="single", size=LONG)
        await workers.queue("single", priority="single")

        order = await workers.take_all()

    assert order == ["single", "long single", "bulk", "later bulk", "long bulk", "background"]


async def test_tenants_take_turns_however_many_jobs_they_have(own: OwnDatabase) -> None:
    async with WorkersOf(own, 1) as workers:
        await workers.queue(*(f"a{number}" for number in range(5)), tenant=A)
        await workers.queue("b0", "b1", tenant=B)
        await workers.queue("c0", "c1", "c2", tenant=C)

        order = await workers.take_one_by_one(7)

    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2"]


async def test_the_tenant_with_the_fewest_jobs_in_hand_of_all_workers_is_next(
    own: OwnDatabase,
) -> None:
    async with WorkersOf(own, 16, 16) as workers:
        await workers.queue("a0", "a1", "a2", "a3", tenant=A)
        first = [await workers.take(0), await workers.take(0)]
        await workers.queue("b0", "b1", "b2", tenant=B)

        second = [await workers.take(1) for _ in range(4)]

    assert first == ["a0", "a1"]
    assert second[:2] == ["b0", "b1"]
    assert sorted(map(str, second[2:])) == ["a2", "b2"]


async def test_a_lone_tenant_leaves_slots_for_whoever_comes_next(own: OwnDatabase) -> None:
    """Of 16 slots a tenant may hold twice as many as are free then: 11, then the next one 4."""
    long_ones = [f"long {number}" for number in range(20)]
    async with WorkersOf(own, 16) as workers:
        await workers.queue(*long_ones, tenant=A, size=LONG)
        first = await workers.take_all()
        await workers.queue("of b", tenant=B, size=LONG)
        of_another = await workers.take_all()
        await workers.queue("light", tenant=A)
        light = await workers.take_all()
        await workers.queue("single", tenant=A, size=LONG, priority="single")
        single = await workers.take_all()
        await workers.end(*first[:1])
        next_one = await workers.take_all()

    assert first == long_ones[:11]
    assert (of_another, light, single, next_one) == (["of b"], ["light"], ["single"], [])


@pytest.mark.parametrize(("size", "most"), [(10, 16), (60_000, 15), (200_000, 14), (BOOK, 12)])
async def test_the_last_slots_are_for_what_is_lighter(
    own: OwnDatabase, size: int, most: int
) -> None:
    async with WorkersOf(own, 16) as workers:
        for number in range(20):
            await workers.queue(f"{number}", tenant=UUID(int=number), size=size)

        taken = await workers.take_all()

    assert len(taken) == most


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (2, 2), (3, 2), (4, 3)])
async def test_a_small_worker_takes_documents_of_every_size(
    own: OwnDatabase, slots: int, most: int
) -> None:
    async with WorkersOf(own, slots) as workers:
        await workers.queue("one", "two", "three", "four", size=BOOK)

        assert len(await workers.take_all()) == most


async def test_work_on_no_document_has_slots_of_its_own(own: OwnDatabase) -> None:
    async with WorkersOf(own, 4) as workers:
        await workers.queue("work", "more work", size=None)
        await workers.queue("a", "b", "c", "d", "e")

        taken = await workers.take_all()
        await workers.end("work")
        next_one = await workers.take_all()

    assert taken == ["work", "a", "b", "c", "d"]
    assert next_one == ["more work"]


async def test_one_tenant_never_holds_all_slots_for_work_on_no_document(own: OwnDatabase) -> None:
    """Of 4 it may hold 3; also when all of them wait longer than the work of others."""
    async with WorkersOf(own, 16) as workers:
        syncs = [f"sync {number}" for number in range(3 * OLDEST_EVERY)]
        await workers.queue(*syncs, tenant=A, size=None)
        first = await workers.take_all()
        await workers.take_one_by_one(OLDEST_EVERY)
        await workers.queue("of b", tenant=B, priority="background", size=None)
        of_another = await workers.take_all()
        await workers.end("of b")
        next_one = await workers.take_all()

    assert first == syncs[:3]
    assert (of_another, next_one) == (["of b"], [])


async def test_the_oldest_is_taken_at_last_however_much_goes_before_it(own: OwnDatabase) -> None:
    async with WorkersOf(own, 1) as workers:
        await workers.queue("background", priority="background", size=BOOK)
        await workers.queue(*(f"single {number}" for number in range(20)), priority="single")

        order = await workers.take_one_by_one(OLDEST_EVERY)

    assert order[-1] == "background"


async def test_the_oldest_work_is_taken_at_last_however_much_goes_before_it(
    own: OwnDatabase,
) -> None:
    """Somebody asks for his sources again and again; of others a backfill waits."""
    async with WorkersOf(own, 8) as workers:
        await workers.queue("running", lock="source", size=None)
        assert await workers.take() == "running"
        await workers.queue("waits for the lock", lock="source", priority="background", size=None)
        await workers.queue("backfill", tenant=B, priority="background", size=None)
        await workers.queue(*(f"sync {number}" for number in range(20)), size=None)

        order = await workers.take_one_by_one(OLDEST_EVERY)

    assert order.index("backfill") == OLDEST_EVERY - 2


async def test_the_oldest_is_taken_as_soon_as_its_tenant_may_have_another_one(
    own: OwnDatabase,
) -> None:
    """It is due while 11 long ones are in hand, and goes before lighter ones when one has ended."""
    async with WorkersOf(own, 16) as workers:
        held = [f"held {number}" for number in range(11)]
        await workers.queue(*held, size=LONG)
        await workers.take_all()
        await workers.queue("book", size=BOOK)
        await workers.queue("long", size=LONG)
        lights = [f"light {number}" for number in range(OLDEST_EVERY)]
        await workers.queue(*lights, tenant=B)
        for _ in lights:
            name = await workers.take()
            assert name is not None
            await workers.end(name)

        await workers.end("held 0")

        assert await workers.take() == "book"


async def test_jobs_of_one_lock_run_one_after_the_other_the_higher_class_first(
    own: OwnDatabase,
) -> None:
    async with WorkersOf(own, 16, 16) as workers:
        await workers.queue("bulk", lock="document", size=LONG)
        await workers.queue("single", lock="document", priority="single")
        await workers.queue("later single", lock="document", priority="single")

        taken = [await workers.take(0), await workers.take(1), await workers.take(0)]
        await workers.end("single")
        after = [await workers.take(1), await workers.take(0)]

    assert taken == ["single", None, None]
    assert after == ["later single", None]


async def test_a_job_that_is_not_due_waits_and_keeps_nobody_waiting(own: OwnDatabase) -> None:
    async with WorkersOf(own, 16) as workers:
        await workers.queue("later")
        async with own.tools.database.owner() as connection:
            await connection.execute(text("SET LOCAL search_path = procrastinate"))
            later = "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'"
            await connection.execute(text(later))
        await workers.queue("now", size=LONG)

        assert await workers.take_all() == ["now"]


async def test_workers_at_once_never_take_one_job_twice(own: OwnDatabase) -> None:
    names = [f"{number}" for number in range(60)]
    async with WorkersOf(own, 16, 16, 16, 16) as workers:
        for number, name in enumerate(names):
            await workers.queue(name, tenant=UUID(int=number % 5), lock=f"lock {number // 2}")

        taken = await asyncio.gather(*(workers.take_all(worker) for worker in range(4)))

    all_taken = [name for each in taken for name in each]
    # Of each two with one lock one runs.
    assert sorted({int(name) // 2 for name in all_taken}) == list(range(30))
    assert len(all_taken) == 30


async def test_the_jobs_of_a_killed_worker_are_taken_over_in_their_class(own: OwnDatabase) -> None:
    async with WorkersOf(own, 16, 16) as workers:
        await workers.queue("bulk")
        await workers.queue("single", priority="single", size=LONG)
        assert await workers.take_all(0) == ["single", "bulk"]
        await let_time_pass(own.tools.database)
        survivor = workers.apps[1]
        await survivor.jobs.register_worker()
        await workers.queue("later bulk")
        await workers.queue("later single", priority="single")

        count = await take_over_stalled_jobs(survivor, 60)
        order = await workers.take_all(1)

    assert count == 2
    assert order == ["later single", "single", "bulk", "later bulk"]


async def test_a_worker_does_not_take_over_what_it_is_just_taking(own: OwnDatabase) -> None:
    async with WorkersOf(own, 16) as workers:
        await workers.queue("one")
        jobs = workers.apps[0].jobs
        is_taken, may_go_on = asyncio.Event(), asyncio.Event()
        execute = jobs.connector.execute_query_one_async

        async def slowly(query: str, **values: object) -> object:
            row = await execute(query, **values)
            is_taken.set()
            await may_go_on.wait()
            return row

        with patch.object(jobs.connector, "execute_query_one_async", slowly):
            taking = asyncio.create_task(workers.take())
            await is_taken.wait()
            looking = asyncio.create_task(jobs.take_over(INGEST.queue, stalled_seconds=60))
            # Long enough for one that does not wait.
            await asyncio.wait([looking], timeout=0.5)
            may_go_on.set()

            assert await taking == "one"
            assert await looking == []


async def test_what_the_previous_release_queues_is_a_single_upload(own: OwnDatabase) -> None:
    async with WorkersOf(own, 16) as workers:
        await workers.queue("bulk")
        async with own.tools.database.owner() as connection:
            for call in ("'lock', ", "'other', 20, "):
                await connection.execute(
                    text(
                        f"SELECT footnote_enqueue('ingest', 'ingest_document', {call}"
                        """'{"tenant_id": "1", "job_id": "old"}'::jsonb)"""
                    )
                )

        assert await workers.take_all() == ["old", "old", "bulk"]


FETCHES = (
    "footnote_fetch_job('{ingest}', 0, 1000, 1, '5')",
    "footnote_fetch_oldest('{ingest}', 0, 1000)",
    "footnote_fetch_oldest_work('{ingest}', 0, 1)",
)
FILL = text(
    "SELECT count(footnote_enqueue('ingest', 'ingest_document', CAST(number AS text), 10,"
    " jsonb_build_object('tenant_id', number % 100), 2)) FROM generate_series(1, :count) AS number"
)


@pytest.mark.parametrize("analysed", [None, 0, 10, 10_000])
@pytest.mark.parametrize("fetch", FETCHES)
async def test_the_pages_that_a_fetch_reads_do_not_grow_with_the_queue(
    own: OwnDatabase, fetch: str, analysed: int | None
) -> None:
    """A longer queue makes an index a level deeper; to read it all is to read hundreds of pages.

    Statistics are of a queue of another length, or there are none.
    """
    work = text(
        "SELECT footnote_enqueue('ingest', 'sync', 'work', 10, '{\"tenant_id\": \"7\"}', -1)"
    )
    explain = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT {fetch}")
    end = text("DELETE FROM procrastinate_jobs WHERE status = 'doing'")
    pages: dict[int, int] = {}
    async with own.tools.database.owner() as connection:
        await connection.execute(text("SET LOCAL search_path = procrastinate, public"))
        if analysed is not None:
            await connection.execute(FILL, {"count": analysed})
            await connection.execute(text("ANALYZE procrastinate_jobs"))
            await connection.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
        worker = "INSERT INTO procrastinate_workers OVERRIDING SYSTEM VALUE VALUES (0, now())"
        await connection.execute(text(worker + " ON CONFLICT DO NOTHING"))
        for count in (200, 10_000):
            await connection.execute(FILL, {"count": count})
            # After five times Postgres may keep a plan, which then holds for any length.
            for _ in range(8):
                if fetch.startswith("footnote_fetch_oldest_work"):
                    await connection.execute(work)
                [explained] = (await connection.execute(explain)).scalar_one()
                await connection.execute(end)
                pages[count] = explained["Plan"]["Shared Hit Blocks"]

    assert pages[10_000] < 2 * pages[200]


@pytest.mark.usefixtures("every_level_is_logged")
async def test_a_worker_that_stops_does_not_wait_for_a_connection(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "UNREGISTER_SECONDS", 0.05)
    connector = queue_connector(own.url)
    jobs = WorkersJobs(connector)
    await connector.open_async()
    try:
        worker_id = await jobs.register_worker()
        async with AsyncExitStack() as taken:
            for _ in range(connector.pool.max_size):
                await taken.enter_async_context(connector.pool.connection())
            with capture_logs() as logs:
                await asyncio.wait_for(jobs.unregister_worker(worker_id), 10)
        await jobs.unregister_worker(worker_id)
    finally:
        await connector.close_async()

    assert [entry["event"] for entry in logs] == ["worker.still_registered"]
