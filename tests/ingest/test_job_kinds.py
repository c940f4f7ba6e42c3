"""A second kind of job goes the whole way: queued, run, tried again, taken over, shown."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest.worker import Queue, run_worker, take_over_stalled_jobs
from kb.errors import FileStoreUnavailable, JobNotFound
from kb.ids import JobId, TenantId
from kb.postgres.database import Viewer
from kb.settings import Settings
from kb.store.documents import Document
from kb.store.job_kinds import JOB_KINDS, JobKind, RetryPolicy
from kb.store.jobs import enqueue_job, finish_job, get_job, start_job
from tests.footnote.own_database import OwnDatabase, own_database

EXPORT = JobKind(
    name="export",
    task="export_documents",
    queue="export",
    progress_unit="documents",
    retry=RetryPolicy(first_delay=timedelta(0), most_doublings=0),
    visibility="owner",
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
OWNER = "ana"


@pytest.fixture
async def own(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OwnDatabase]:
    monkeypatch.setitem(JOB_KINDS, EXPORT.name, EXPORT)
    async with own_database(database_url, f"file://{settings.home_path}/kinds") as own:
        yield own


async def queued(own: OwnDatabase, document: Document | None = None) -> JobId:
    viewer = Viewer(principals=("tenant:*",), owner=OWNER)
    async with own.tools.database.tenant(own.tenant_id, viewer=viewer) as scope:
        return (await enqueue_job(scope, EXPORT, owner=OWNER, document=document)).id


def exporter(own: OwnDatabase, *, failures: int = 0) -> tuple[Queue, list[bool]]:
    """A worker for exports, of which the first attempts fail, and whether each was the last."""
    attempts: list[bool] = []

    async def export(tenant_id: TenantId, job_id: JobId, is_last: bool) -> None:  # noqa: FBT001  # a RunJob
        attempts.append(is_last)
        async with own.tools.database.tenant(tenant_id, viewer=None) as scope:
            await start_job(scope, job_id, is_alone=False, now=NOW)
        if len(attempts) <= failures:
            raise FileStoreUnavailable
        async with own.tools.database.tenant(tenant_id, viewer=None) as scope:
            await finish_job(scope, job_id, "succeeded", error=None, now=NOW)

    app = Queue(own.url)
    app.register(EXPORT, export, max_attempts=2)
    return app, attempts


async def work(app: Queue) -> None:
    await run_worker(app, concurrency=1, stalled_after=timedelta(seconds=60), wait=False)


async def test_it_waits_in_its_own_queue_and_runs_to_its_end(own: OwnDatabase) -> None:
    job_id = await queued(own)
    await own.work_until_empty()
    before = await own.job(job_id)
    app, _ = exporter(own)

    await work(app)

    assert (before.status, before.kind, before.progress_unit) == ("queued", "export", "documents")
    assert (await own.job(job_id)).status == "succeeded"


async def test_it_is_tried_again_as_its_kind_says(own: OwnDatabase) -> None:
    job_id = await queued(own)
    app, attempts = exporter(own, failures=1)

    await work(app)

    assert attempts == [False, True]
    assert (await own.job(job_id)).status == "succeeded"


async def test_it_is_taken_over_from_a_dead_worker(own: OwnDatabase) -> None:
    await queued(own)
    (dead, _), (successor, _) = exporter(own), exporter(own)
    async with dead.open_async(), successor.open_async():
        worker_id = await dead.jobs.register_worker()
        assert await dead.jobs.fetch_job(queues=[EXPORT.queue], worker_id=worker_id) is not None
        await dead.jobs.unregister_worker(worker_id)

        assert await take_over_stalled_jobs(successor, 60) == 1


@pytest.mark.parametrize(("owner", "is_seen"), [(OWNER, True), ("bo", False), ("", False)])
async def test_it_is_seen_as_its_kind_says(own: OwnDatabase, owner: str, *, is_seen: bool) -> None:
    """Everybody may read its document; with a job of ingestion all of them would see it."""
    document = (await own.upload(b"A note.")).document
    job_id = await queued(own, document)

    viewer = Viewer(principals=("tenant:*",), owner=owner)
    async with own.tools.database.tenant(own.tenant_id, viewer=viewer) as scope:
        if is_seen:
            assert (await get_job(scope, job_id)).kind == "export"
        else:
            with pytest.raises(JobNotFound):
                await get_job(scope, job_id)
