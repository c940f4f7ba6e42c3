"""Jobs of a tenant as a whole: progress, end, cancellation, and another try."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ingest.tenant_jobs import MAX_SILENT_ENDS, TenantRun, Work, run_tenant_job
from kb.errors import FileStoreUnavailable, InvalidInput
from kb.ids import JobId
from kb.settings import Settings
from kb.store.choices import FinishedStatus
from kb.store.job_kinds import JOB_KINDS
from kb.store.jobs import Job, TenantWork, enqueue_job, finish_job, start_job
from tests.footnote.own_database import OwnDatabase, own_database
from tests.ingest.test_job_kinds import EXPORT

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/tenant_jobs") as own:
        yield own


async def queued(own: OwnDatabase) -> JobId:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        work = TenantWork(lock="export", arguments={"format": "json"})
        job = await enqueue_job(scope, EXPORT, owner="ana", work=work, priority="background")
    return job.id


async def run(own: OwnDatabase, job_id: JobId, work: Work, *, is_last: bool = False) -> Job:
    await run_tenant_job(
        own.tools.database, lambda: NOW, own.tenant_id, job_id, work, is_last_attempt=is_last
    )
    return await own.job(job_id)


async def test_the_work_gets_its_arguments_and_says_how_far_it_is(own: OwnDatabase) -> None:
    seen: list[object] = []

    async def work(run: TenantRun) -> FinishedStatus:
        seen.append((run.job.arguments, run.job.priority))
        await run.report(done=3, total=4)
        return "completed_with_errors"

    job = await run(own, await queued(own), work)

    assert seen == [({"format": "json"}, "background")]
    assert (job.status, job.progress_done, job.progress_total) == ("completed_with_errors", 3, 4)


async def test_what_fails_for_a_dependency_waits_for_its_next_attempt(own: OwnDatabase) -> None:
    async def work(run: TenantRun) -> FinishedStatus:
        raise FileStoreUnavailable

    job_id = await queued(own)
    with pytest.raises(FileStoreUnavailable):
        await run(own, job_id, work)
    waiting = await own.job(job_id)
    failed = await run(own, job_id, work, is_last=True)

    assert (waiting.status, waiting.attempts) == ("queued", 1)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["retryable"]


async def test_any_other_failure_is_final_and_says_its_code(own: OwnDatabase) -> None:
    async def refuse(run: TenantRun) -> FinishedStatus:
        raise InvalidInput("No such folder.")

    async def break_down(run: TenantRun) -> FinishedStatus:
        raise ZeroDivisionError

    refused = await run(own, await queued(own), refuse)
    broken = await run(own, await queued(own), break_down)

    assert refused.error == {
        "code": "invalid_request",
        "message": "No such folder.",
        "retryable": False,
    }
    assert broken.error is not None
    assert broken.error["code"] == "processing_failed"


async def test_a_canceled_job_ends_at_once_and_stays_canceled(own: OwnDatabase) -> None:
    is_cut_off = asyncio.Event()

    async def work(run: TenantRun) -> FinishedStatus:
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            await finish_job(scope, run.job.id, "canceled", error=None, now=NOW)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            is_cut_off.set()
            raise
        return "succeeded"

    job = await run(own, await queued(own), work)

    assert is_cut_off.is_set()
    assert job.status == "canceled"


async def test_a_finished_job_does_not_run_again(own: OwnDatabase) -> None:
    async def succeed(run: TenantRun) -> FinishedStatus:
        return "succeeded"

    async def fail(run: TenantRun) -> FinishedStatus:
        raise AssertionError

    job_id = await queued(own)
    await run(own, job_id, succeed)

    assert (await run(own, job_id, fail)).attempts == 1


async def test_a_job_that_every_worker_dies_of_fails_in_the_end(own: OwnDatabase) -> None:
    """As after kill -9: nothing of the attempt is written but that it began."""

    async def never(run: TenantRun) -> FinishedStatus:
        raise AssertionError

    job_id = await queued(own)
    for _ in range(MAX_SILENT_ENDS):
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            await start_job(scope, job_id, is_alone=True, now=NOW)

    job = await run(own, job_id, never)

    assert (job.status, job.attempts) == ("failed", MAX_SILENT_ENDS)
    assert job.error is not None
    assert job.error["code"] == "processing_failed"


async def test_attempts_that_end_in_good_order_do_not_count(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, EXPORT.name, EXPORT)

    async def wait(run: TenantRun) -> FinishedStatus | None:
        return None

    job_id = await queued(own)
    for _ in range(MAX_SILENT_ENDS + 1):
        await run(own, job_id, wait)

    job = await own.job(job_id)
    assert (job.status, job.lone_attempts) == ("running", 0)
