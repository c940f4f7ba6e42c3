"""The worker: what is tried again, and whose jobs are taken over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status

from ingest.worker import (
    RetryWhileDependencyFails,
    _take_over_repeatedly,
    build_queue_app,
    run_worker,
    take_over_stalled_jobs,
)
from kb.errors import (
    DatabaseUnavailable,
    DocumentCorrupt,
    FileStoreUnavailable,
    KnowledgeBaseError,
    ModelUnavailable,
)
from kb.settings import Settings
from kb.store.job_kinds import INGEST
from tests.architecture.databases import execute
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.stored import let_time_pass, queue_rows, stored_document

PATIENCE_SECONDS = 30
NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/worker") as own:
        yield own


def queued_job(attempts: int) -> QueuedJob:
    return QueuedJob(
        id=1,
        queue="ingest",
        lock="document",
        queueing_lock=None,
        task_name="ingest_document",
        attempts=attempts,
    )


@pytest.mark.parametrize(
    ("error", "attempts", "expected_seconds"),
    [
        (FileStoreUnavailable(), 0, 2),
        (DatabaseUnavailable(), 1, 4),
        (FileStoreUnavailable(), 3, 16),
        (FileStoreUnavailable(), 4, 32),
        (FileStoreUnavailable(), 9, 64),
        (KnowledgeBaseError(), 0, None),
        (DocumentCorrupt(), 0, None),
        (ModelUnavailable(), 0, None),
        (ValueError(), 0, None),
        (asyncio.CancelledError(), 0, 0),
        (asyncio.CancelledError(), 9, 0),
    ],
)
def test_only_what_is_transient_or_cut_off_is_tried_again(
    error: BaseException, attempts: int, expected_seconds: int | None
) -> None:
    started = datetime.now(UTC)

    decision = RetryWhileDependencyFails(INGEST.retry).get_retry_decision(
        exception=error, job=queued_job(attempts)
    )

    if expected_seconds is None:
        assert decision is None
        return
    assert decision is not None
    assert decision.retry_at is not None
    due = started + timedelta(seconds=expected_seconds)
    assert due <= decision.retry_at <= due + timedelta(seconds=10)


async def test_a_worker_empties_the_queue(own: OwnDatabase) -> None:
    uploads = [await own.upload(NOTE + f"# {number}\n\nMore.".encode()) for number in range(3)]
    assert await queue_rows(own.tools.database) == [("todo", 0)] * 3

    await own.work_until_empty()

    assert await queue_rows(own.tools.database) == []
    for accepted in uploads:
        document = await stored_document(
            own.tools.database, own.tenant_id, str(accepted.document.id)
        )
        assert document.is_whole
        assert document.status == "ready"


async def test_uploads_of_one_document_are_read_one_after_the_other(own: OwnDatabase) -> None:
    drafts = [
        await own.upload(f"Draft {number}.".encode(), external_id="draft") for number in range(3)
    ]
    app = build_queue_app(own.url, own.tools)

    for _ in drafts:
        await run_worker(app, concurrency=3, stalled_after=timedelta(seconds=60), wait=False)

    assert await queue_rows(own.tools.database) == []
    document = await stored_document(own.tools.database, own.tenant_id, str(drafts[0].document.id))
    assert document.is_whole
    assert (document.version, document.status) == (3, "ready")
    jobs = [await own.job(draft.job.id) for draft in drafts if draft.job is not None]
    assert [job.status for job in jobs] == ["canceled", "canceled", "succeeded"]


async def test_only_jobs_of_silent_workers_are_taken_over(own: OwnDatabase) -> None:
    await own.upload(NOTE)
    worker, other = build_queue_app(own.url, own.tools), build_queue_app(own.url, own.tools)
    async with worker.open_async(), other.open_async():
        worker_id = await worker.jobs.register_worker()
        assert await worker.jobs.fetch_job(queues=["ingest"], worker_id=worker_id) is not None

        from_the_living = await take_over_stalled_jobs(other, 60)
        await let_time_pass(own.tools.database)
        from_itself = await take_over_stalled_jobs(worker, 60)
        from_the_dead = await take_over_stalled_jobs(other, 60)
        from_nobody = await take_over_stalled_jobs(other, 60)

    assert [from_the_living, from_itself, from_the_dead, from_nobody] == [0, 0, 1, 0]
    # It did not fail, so it may fail as often as any other.
    assert await queue_rows(own.tools.database) == [("todo", 0)]


async def test_a_job_whose_worker_was_forgotten_is_taken_over_by_another_one(
    own: OwnDatabase,
) -> None:
    """Another worker forgets the dead before it looks for their jobs."""
    await own.upload(NOTE)
    worker, other = build_queue_app(own.url, own.tools), build_queue_app(own.url, own.tools)
    async with worker.open_async(), other.open_async():
        worker_id = await worker.jobs.register_worker()
        await worker.jobs.fetch_job(queues=["ingest"], worker_id=worker_id)
        await let_time_pass(own.tools.database)
        await other.jobs.prune_stalled_workers(60)

        assert await take_over_stalled_jobs(worker, 60) == 0
        assert await take_over_stalled_jobs(other, 60) == 1


class Clock:
    """Stands still until a test sets it; counts how often it was read."""

    def __init__(self) -> None:
        self.now = 0.0
        self.readings = 0

    def __call__(self) -> float:
        self.readings += 1
        return self.now

    async def read_again(self) -> None:
        """Returns when all that followed from a reading from now on is done."""
        enough = self.readings + 2
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.readings < enough:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)


async def test_after_an_outage_the_living_get_a_stall_time_to_report_again(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("ingest.worker.monotonic", clock)
    stalled_seconds = 1 / 16
    beat = "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = '{}'"
    await own.upload(NOTE)
    holder, other = build_queue_app(own.url, own.tools), build_queue_app(own.url, own.tools)
    async with holder.open_async(), other.open_async():
        holder_id = await holder.jobs.register_worker()
        assert await holder.jobs.fetch_job(queues=["ingest"], worker_id=holder_id) is not None
        execute(own.url, beat.format("infinity"))
        looking = asyncio.create_task(_take_over_repeatedly(other, stalled_seconds))
        await clock.read_again()
        clock.now += 10
        await clock.read_again()
        execute(own.url, beat.format("epoch"))
        await clock.read_again()
        within_a_stall_time = await queue_rows(own.tools.database)
        clock.now += stalled_seconds
        await clock.read_again()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)

    assert within_a_stall_time == [("doing", 0)]
    assert await queue_rows(own.tools.database) == [("todo", 0)]


@pytest.mark.parametrize("ends_by", ["success", "retry"])
async def test_a_worker_that_wakes_does_not_end_the_job_of_its_successor(
    own: OwnDatabase, ends_by: str
) -> None:
    await own.upload(NOTE)
    sleeper, successor = build_queue_app(own.url, own.tools), build_queue_app(own.url, own.tools)
    async with sleeper.open_async(), successor.open_async():
        sleeper_id = await sleeper.jobs.register_worker()
        job = await sleeper.jobs.fetch_job(queues=["ingest"], worker_id=sleeper_id)
        assert job is not None
        await let_time_pass(own.tools.database)
        successor_id = await successor.jobs.register_worker()
        await take_over_stalled_jobs(successor, 60)
        taken = await successor.jobs.fetch_job(queues=["ingest"], worker_id=successor_id)
        assert taken is not None

        if ends_by == "success":
            await sleeper.jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)
        else:
            await sleeper.jobs.retry_job(job)
        rows_after_the_sleeper = await queue_rows(own.tools.database)
        await successor.jobs.finish_job(taken, Status.SUCCEEDED, delete_job=True)

    assert rows_after_the_sleeper == [("doing", 0)]
    assert await queue_rows(own.tools.database) == []
