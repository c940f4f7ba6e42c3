"""Runs a job that belongs to its tenant as a whole and to no single document.

start -> the work, which reports its progress -> the final status
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import structlog

from ingest.runs import Obsolete, while_wanted
from kb.errors import DependencyFailed, DiskFull, JobNotFound, KnowledgeBaseError, ProcessingFailed
from kb.ids import JobId, TenantId
from kb.postgres.database import Database, TenantSession, retried
from kb.store.choices import FinishedStatus
from kb.store.jobs import (
    FINISHED,
    Job,
    JobError,
    enqueue_again,
    finish_job,
    get_job,
    hold_attempt,
    is_running,
    release_job,
    set_progress,
    start_job,
)

log = structlog.get_logger(__name__)


MAX_SILENT_ENDS: Final = 20
"""Workers that died one after the other while they had the job. They die for other reasons too, so
that fewer prove nothing; for ever, it would take every worker along."""


@dataclass(frozen=True, kw_only=True)
class TenantRun:
    """One attempt at a job; `job` is as it was before the attempt began."""

    database: Database
    clock: Callable[[], datetime]
    tenant_id: TenantId
    job: Job
    attempt: int

    async def report(self, done: int, total: int) -> None:
        """Stores the progress, unless another attempt has begun."""
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            await set_progress(
                scope, self.job.id, self.attempt, done=done, total=total, now=self.clock()
            )

    async def is_wanted(self) -> bool:
        """False once the job was canceled, or another attempt at it has begun."""
        try:
            async with self.database.tenant(self.tenant_id, viewer=None) as scope:
                return await is_running(scope, self.job.id, self.attempt)
        except DependencyFailed:
            # The next look will tell, or the work's own transactions.
            return True


Work: TypeAlias = Callable[[TenantRun], Coroutine[Any, Any, FinishedStatus | None]]
"""Does the job and returns its final status; may be cut off at any time and begun anew.

None: it waits for other jobs, and is begun anew behind all that are queued.
"""


async def run_tenant_job(
    database: Database,
    clock: Callable[[], datetime],
    tenant_id: TenantId,
    job_id: JobId,
    work: Work,
    *,
    is_last_attempt: bool,
) -> None:
    """Runs one job to its end; DependencyFailed when it may be tried again."""
    run = await _start(database, clock, tenant_id, job_id)
    if run is None:
        return
    try:
        status = await while_wanted(run.is_wanted, work(run))
        if status is None:
            await _end(run, lambda scope: _wait_for_turn(scope, run))
        else:
            await _end(
                run, lambda scope: finish_job(scope, job_id, status, error=None, now=clock())
            )
    except Obsolete:
        log.info("job.obsolete")
    except asyncio.CancelledError:
        await _end(run, lambda scope: release_job(scope, job_id, now=clock()))
        raise
    except DependencyFailed as error:
        log.warning("job.dependency_failed", code=error.code, is_last_attempt=is_last_attempt)
        if not is_last_attempt or isinstance(error, DiskFull):
            await _end(run, lambda scope: release_job(scope, job_id, now=clock()))
            raise
        await _fail(run, error, is_retryable=True)
    except KnowledgeBaseError as error:
        log.exception("job.failed", code=error.code)
        await _fail(run, error, is_retryable=False)
    except Exception:  # one bad job must not stop the worker
        log.exception("job.failed", code=ProcessingFailed.code)
        await _fail(run, ProcessingFailed(), is_retryable=False)


async def _start(
    database: Database, clock: Callable[[], datetime], tenant_id: TenantId, job_id: JobId
) -> TenantRun | None:
    """The attempt that begins; None when there is nothing left to do."""

    async def transaction() -> TenantRun | None:
        async with database.tenant(tenant_id, viewer=None) as scope:
            try:
                job = await get_job(scope, job_id)
                if job.status in FINISHED:
                    return None
                if job.lone_attempts >= MAX_SILENT_ENDS:
                    reason = _reason(ProcessingFailed(), is_retryable=False)
                    await finish_job(scope, job_id, "failed", error=reason, now=clock())
                    return None
                # Counted as one that ends without a word, until it ends with one.
                attempt = await start_job(scope, job_id, is_alone=True, now=clock())
            except JobNotFound:
                return None
        return TenantRun(
            database=database, clock=clock, tenant_id=tenant_id, job=job, attempt=attempt
        )

    return await retried(transaction)


async def _fail(run: TenantRun, error: KnowledgeBaseError, *, is_retryable: bool) -> None:
    await _end(
        run,
        lambda scope: finish_job(
            scope,
            run.job.id,
            "failed",
            error=_reason(error, is_retryable=is_retryable),
            now=run.clock(),
        ),
    )


def _reason(error: KnowledgeBaseError, *, is_retryable: bool) -> JobError:
    return {"code": error.code, "message": error.message, "retryable": is_retryable}


async def _wait_for_turn(scope: TenantSession, run: TenantRun) -> None:
    await release_job(scope, run.job.id, status="running", now=run.clock())
    await enqueue_again(scope, run.job, is_last=True)


async def _end(run: TenantRun, write: Callable[[TenantSession], Awaitable[None]]) -> None:
    """Writes the end of the attempt, unless the job was canceled or another one has begun."""

    async def transaction() -> None:
        async with run.database.tenant(run.tenant_id, viewer=None) as scope:
            if await hold_attempt(scope, run.job.id, run.attempt):
                await write(scope)

    await retried(transaction)
