"""When a source is due, and the job that a worker then runs."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from ingest.sources.sync import enqueue_due_sources
from ingest.worker import build_queue_app, run_worker
from kb.store.jobs import Job, get_job
from kb.store.source_runs import enqueue_sync
from kb.store.tables import jobs
from tests.ingest.sources.library import NOW, Library

NIGHT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


async def due(library: Library, now: datetime) -> int:
    before = len(await sync_jobs(library))
    await enqueue_due_sources(library.own.tools.database, now=now)
    return len(await sync_jobs(library)) - before


async def sync_jobs(library: Library) -> list[Job]:
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        query = select(jobs.c.id).where(
            jobs.c.tenant_id == scope.tenant_id, jobs.c.kind == "sync_source"
        )
        ids = (await scope.connection.execute(query.order_by(jobs.c.id))).scalars().all()
        return [await get_job(scope, job_id) for job_id in ids]


async def work(library: Library) -> None:
    app = build_queue_app(library.own.url, library.own.tools, sources=library.tools)
    await run_worker(app, concurrency=2, stalled_after=timedelta(seconds=60), wait=False)


async def test_a_source_is_due_at_its_time_and_not_before(library: Library) -> None:
    await library.add(cron="0 2 * * *")

    assert await due(library, NOW) == 0
    assert await due(library, NOW + timedelta(hours=1)) == 0
    assert await due(library, NIGHT) == 1
    assert (await sync_jobs(library))[0].priority == "background"


async def test_missed_runs_are_made_up_for_once_and_none_is_doubled(library: Library) -> None:
    library.write({"a.md": "Alpha is first."})
    await library.add(cron="0 2 * * *")

    assert await due(library, NIGHT + timedelta(days=5)) == 1
    assert await due(library, NIGHT + timedelta(days=5)) == 0
    assert await due(library, NIGHT + timedelta(days=6)) == 0
    await work(library)
    assert await due(library, NIGHT + timedelta(days=6, hours=1)) == 0
    assert await due(library, NIGHT + timedelta(days=7)) == 1


async def test_a_new_schedule_has_missed_nothing(library: Library) -> None:
    await library.add()
    await library.change(cron="0 2 * * *")

    assert await due(library, NOW + timedelta(minutes=1)) == 0


async def test_a_source_without_a_schedule_is_never_due(library: Library) -> None:
    await library.add()

    assert await due(library, NIGHT + timedelta(days=5)) == 0


async def test_a_worker_runs_the_job_and_ingests_what_it_uploads(library: Library) -> None:
    library.write({"a.md": "Alpha is first.", "b.md": "Beta is second."})
    await library.add()
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        job_id = await enqueue_sync(scope, "docs", owner="ana", priority="bulk")

    await work(library)

    job = await library.own.job(job_id)
    assert (job.status, job.progress_done, job.progress_total) == ("succeeded", 2, 2)
    statuses = {name: each.status for name, each in (await library.documents()).items()}
    assert statuses == {"a.md": "ready", "b.md": "ready"}


async def test_a_removed_source_fails_its_job(library: Library) -> None:
    await library.add()
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        job_id = await enqueue_sync(scope, "docs", owner="ana", priority="bulk")
    await library.remove()

    await work(library)

    job = await library.own.job(job_id)
    assert job.error is not None
    assert job.error["code"] == "source_not_found"
