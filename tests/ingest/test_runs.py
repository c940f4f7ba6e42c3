"""Runs of a job: what they lock, when they stop, and what one that was taken over may still do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from typing_extensions import override

import kb.postgres.database
from ingest import pipeline
from ingest.ingestion import Ingestion
from ingest.reading import ReadDocument
from ingest.runs import Run, Suspect, cancel, fail, release, report, start
from ingest.shared_lock import SharedLock
from ingest.worker import run_job
from kb.child_processes import ChildProcesses
from kb.errors import DatabaseUnavailable, DocumentCorrupt, DocumentNotFound
from kb.ids import JobId, TenantId
from kb.postgres.database import Database, TenantSession, Viewer
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import delete_document, lock_document
from kb.store.job_documents import lock_documents_of
from kb.store.jobs import Job, start_job
from tests.footnote.own_database import MAX_ATTEMPTS, OWNER, OwnDatabase, own_database
from tests.footnote.stored import stored_document
from tests.ingest.locks import is_waiting_for_a_lock, store_readers

NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"
PATIENCE_SECONDS = 60
"""What takes longer hangs."""

ACTOR = Actor(name=OWNER, principals=(), request_id=None)


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/runs") as own:
        yield own


def id_of(job: Job | None) -> JobId:
    assert job is not None
    return job.id


async def begin(own: OwnDatabase, job: Job | None, *, is_alone: bool = False) -> Run:
    run = await start(own.tools, own.tenant_id, id_of(job), is_alone=is_alone)
    assert run is not None
    return run


def work_on(own: OwnDatabase, job: Job | None) -> "asyncio.Task[None]":
    return asyncio.create_task(run_job(own.tools, own.tenant_id, id_of(job), is_last_attempt=False))


def read_for_ever(_content: bytes, _media_type: str) -> ReadDocument:
    """In a child."""
    while True:
        time.sleep(1)


@dataclass
class Reading:
    """Stands in for `read_file`: a child that never ends."""

    began: asyncio.Event = field(default_factory=asyncio.Event)
    was_cancelled: bool = False
    inside: int = 0
    most_inside: int = 0

    async def __call__(self, children: ChildProcesses, _: bytes, media_type: str) -> ReadDocument:
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        self.began.set()
        try:
            return await children.run(read_for_ever, b"", media_type)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        finally:
            self.inside -= 1


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    reading = Reading()
    monkeypatch.setattr(pipeline, "read_file", reading)
    return reading


async def test_a_deletion_beside_the_start_of_its_run_is_no_deadlock(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await lock_document(scope, accepted.document.id)
        running = work_on(own, accepted.job)
        while not await is_waiting_for_a_lock(own):  # noqa: ASYNC110  # another connection
            await asyncio.sleep(0.01)
        await delete_document(scope, accepted.document.id, actor=ACTOR, now=datetime.now(UTC))

    await running
    with pytest.raises(DocumentNotFound):
        await stored_document(own.tools.database, own.tenant_id, str(accepted.document.id))


async def test_a_document_that_somebody_holds_holds_no_other_up(own: OwnDatabase) -> None:
    held, free = await own.upload(NOTE), await own.upload(NOTE + b"And more.\n")

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await lock_document(scope, held.document.id)
        waiting = work_on(own, held.job)
        await work_on(own, free.job)
        assert (await own.job(id_of(free.job))).status == "succeeded"
        assert not waiting.done()

    await waiting
    assert (await own.job(id_of(held.job))).status == "succeeded"


async def test_readers_that_somebody_else_stores_hold_no_other_up(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kb.postgres.database, "LOCK_TIMEOUT", "1h")
    held = await own.upload(NOTE, principals=("user:new",))
    free = await own.upload(NOTE + b"And more.\n")

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        # As a large document does, long before it is published.
        await store_readers(scope, "user:new")
        waiting = work_on(own, held.job)
        while not await is_waiting_for_a_lock(own):  # noqa: ASYNC110  # another connection
            await asyncio.sleep(0.01)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work_on(own, free.job)
        assert (await own.job(id_of(free.job))).status == "succeeded"
        assert not waiting.done()

    await waiting
    assert (await own.job(id_of(held.job))).status == "succeeded"


async def test_an_attempt_that_begins_beside_a_publication_wins(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)
    run = await begin(own, accepted.job)

    async def hold() -> int:
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            return (await lock_documents_of(scope, [run.job.id]))[run.job.id].attempt

    assert await hold() == run.attempt
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await lock_document(scope, accepted.document.id)
        holding = asyncio.create_task(hold())
        while not await is_waiting_for_a_lock(own):  # noqa: ASYNC110  # another connection
            await asyncio.sleep(0.01)
        await start_job(scope, run.job.id, is_alone=True, now=datetime.now(UTC))

    assert await holding == run.attempt + 1


async def test_a_suspect_does_not_begin_beside_others(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)
    await begin(own, accepted.job)
    before = await own.job(id_of(accepted.job))

    with pytest.raises(Suspect):
        await start(own.tools, own.tenant_id, before.id, is_alone=False)

    assert await own.job(before.id) == before


async def test_a_deletion_beside_the_failure_of_its_run_is_no_deadlock(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)
    run = await begin(own, accepted.job)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await lock_document(scope, accepted.document.id)
        failing = asyncio.create_task(fail(own.tools, run, DocumentCorrupt(), is_retryable=False))
        while not await is_waiting_for_a_lock(own):  # noqa: ASYNC110  # another connection
            await asyncio.sleep(0.01)
        await delete_document(scope, accepted.document.id, actor=ACTOR, now=datetime.now(UTC))

    await failing


@pytest.mark.parametrize("what", ["deleted", "replaced"])
async def test_what_nobody_wants_any_more_is_not_read_to_its_end(
    own: OwnDatabase, reading: Reading, what: str
) -> None:
    accepted = await own.upload(NOTE, external_id=what)
    running = work_on(own, accepted.job)
    await reading.began.wait()

    if what == "deleted":
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            await delete_document(scope, accepted.document.id, actor=ACTOR, now=datetime.now(UTC))
    else:
        await own.upload(NOTE + b"More.", external_id=what)
    await running

    assert reading.was_cancelled
    if what == "replaced":
        assert (await own.job(id_of(accepted.job))).status == "canceled"


async def _fail(tools: Ingestion, run: Run) -> None:
    await fail(tools, run, DocumentCorrupt(), is_retryable=False)


async def _report(tools: Ingestion, run: Run) -> None:
    await report(tools, run, done=1, total=2)


@pytest.mark.parametrize("write", [_fail, _report, cancel, release])
async def test_a_run_that_was_taken_over_changes_nothing(
    own: OwnDatabase, write: Callable[[Ingestion, Run], Awaitable[None]]
) -> None:
    accepted = await own.upload(NOTE)
    sleeper = await begin(own, accepted.job)
    await begin(own, accepted.job, is_alone=True)
    before = await own.job(id_of(accepted.job))

    await write(own.tools, sleeper)

    assert await own.job(id_of(accepted.job)) == before
    document = await stored_document(own.tools.database, own.tenant_id, str(accepted.document.id))
    assert document.status == "processing"


async def test_a_run_that_wakes_after_it_was_taken_over_stops(
    own: OwnDatabase, reading: Reading
) -> None:
    accepted = await own.upload(NOTE)
    running = work_on(own, accepted.job)
    await reading.began.wait()

    await begin(own, accepted.job, is_alone=True)
    await running

    assert reading.was_cancelled
    assert (await own.job(id_of(accepted.job))).status == "running"


async def test_who_was_merely_in_hand_when_workers_died_never_fails(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)
    for _ in range(MAX_ATTEMPTS + 3):
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            await start_job(scope, id_of(accepted.job), is_alone=False, now=datetime.now(UTC))

    await work_on(own, accepted.job)

    assert (await own.job(id_of(accepted.job))).status == "succeeded"


async def test_who_kills_its_worker_alone_is_given_up(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)
    for _ in range(MAX_ATTEMPTS):
        await begin(own, accepted.job, is_alone=True)

    await work_on(own, accepted.job)

    job = await own.job(id_of(accepted.job))
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("failed", "processing_failed")


async def test_a_suspect_runs_while_nothing_else_is_in_hand(
    own: OwnDatabase, reading: Reading
) -> None:
    beside, suspect = await own.upload(NOTE), await own.upload(NOTE)
    await begin(own, suspect.job)
    elsewhere = replace(own, tools=replace(own.tools, job_lock=SharedLock()))

    other = work_on(elsewhere, beside.job)
    await reading.began.wait()
    alone = work_on(elsewhere, suspect.job)
    reading.began.clear()
    other.cancel()
    await reading.began.wait()
    job = await own.job(id_of(suspect.job))
    alone.cancel()
    await asyncio.gather(other, alone, return_exceptions=True)

    assert (job.attempts, job.lone_attempts) == (2, 1)
    assert reading.most_inside == 1


async def test_a_run_that_is_cut_off_in_good_order_leaves_no_suspicion(
    own: OwnDatabase, reading: Reading
) -> None:
    accepted = await own.upload(NOTE)
    running = work_on(own, accepted.job)
    await reading.began.wait()

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    job = await own.job(id_of(accepted.job))
    assert (job.status, job.attempts, job.lone_attempts) == ("queued", 1, 0)


class AnswersLate(Database):
    """Commits, and is told so no sooner than the gate is open."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url, pool_size=3)
        self.has_committed = asyncio.Event()
        self.gate = asyncio.Event()

    @override
    @asynccontextmanager
    async def tenant(
        self, tenant_id: TenantId, *, viewer: Viewer | None, is_snapshot: bool = False
    ) -> AsyncIterator[TenantSession]:
        async with super().tenant(tenant_id, viewer=viewer, is_snapshot=is_snapshot) as scope:
            yield scope
        self.has_committed.set()
        await self.gate.wait()


async def test_a_run_that_is_cut_off_while_it_begins_leaves_no_suspicion(own: OwnDatabase) -> None:
    database = AnswersLate(own.url)
    late = replace(own, tools=replace(own.tools, database=database))
    accepted = await own.upload(NOTE)
    running = work_on(late, accepted.job)
    await database.has_committed.wait()

    running.cancel()
    # Before the answer comes.
    await asyncio.sleep(0)
    database.gate.set()

    with pytest.raises(asyncio.CancelledError):
        await running
    await database.close()
    job = await own.job(id_of(accepted.job))
    assert (job.status, job.attempts, job.lone_attempts) == ("queued", 1, 0)


async def test_a_run_whose_dependency_fails_leaves_no_suspicion(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await own.upload(NOTE)

    async def no_database(*_: object) -> ReadDocument:
        raise DatabaseUnavailable

    monkeypatch.setattr(pipeline, "read_file", no_database)
    with pytest.raises(DatabaseUnavailable):
        await work_on(own, accepted.job)

    assert (await own.job(id_of(accepted.job))).status == "queued"
