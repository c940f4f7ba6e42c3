"""Jobs as people steer them: run again, canceled.

As everywhere, the document is locked before its job.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from sqlalchemy import select, text, update

from kb.errors import DocumentNotFound, JobFinished, JobNotFound, JobOfAnother, UploadCanceled
from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.audit import Actor, record_event
from kb.store.changes import lock_document
from kb.store.document_writes import set_status
from kb.store.documents import Document, get_document
from kb.store.job_kinds import REINDEX
from kb.store.jobs import Job, enqueue_again, finish_job, get_job, queue_lock
from kb.store.tables import jobs


class Steer(Protocol):
    """Runs a job again or cancels it: `retry_job` or `cancel_job`."""

    def __call__(
        self, scope: TenantSession, job_id: JobId, *, actor: Actor, now: datetime
    ) -> Awaitable[Job]:
        """The job as it is now."""
        ...


async def retry_job(scope: TenantSession, job_id: JobId, *, actor: Actor, now: datetime) -> Job:
    """The job, queued again; one that is queued or running stays as it is.

    Raises JobNotFound when it may not be seen, JobOfAnother, and JobFinished when it succeeded
    or its upload is not the document's newest one, or is served already.
    """
    held = await _hold(scope, job_id, actor)
    job, document = held.job, held.document
    match job.status:
        case "queued" | "running":
            return job
        case "succeeded":
            raise JobFinished("The job succeeded: there is nothing to run again.")
        case "completed_with_errors" if job.kind == REINDEX.name:
            raise JobFinished("The re-index has its report: begin another one.")
        case "failed" | "canceled" | "completed_with_errors":
            pass
        case _:
            assert_never(job.status)
    if document is not None and document.upload != job.upload:
        raise JobFinished("The document has a newer upload: only that one is read.")
    if held.is_read_already:
        raise JobFinished("Another job has read this upload: it is served.")
    async with scope.whole_tenant() as whole:
        await whole.connection.execute(
            update(jobs)
            .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)
            .values(
                status="queued",
                error=None,
                lone_attempts=0,
                progress_done=0,
                progress_total=None,
                updated_at=now,
            )
        )
        if document is not None and job.reads_the_upload:
            await set_status(whole, document.id, "pending", error=None, now=now)
        await enqueue_again(whole, job)
        await record_event(whole, actor, "job.retry", str(job_id))
        return await get_job(whole, job_id)


async def cancel_job(scope: TenantSession, job_id: JobId, *, actor: Actor, now: datetime) -> Job:
    """The canceled job: one that waits is never run, and one that runs stops within seconds.

    What its document serves stays; that its newest upload was canceled stands in its error. Raises
    JobNotFound when it may not be seen, JobOfAnother, and JobFinished when it ended otherwise.
    """
    held = await _hold(scope, job_id, actor)
    job, document = held.job, held.document
    match job.status:
        case "canceled":
            return job
        case "succeeded" | "failed" | "completed_with_errors":
            raise JobFinished
        case "queued" | "running":
            pass
        case _:
            assert_never(job.status)
    async with scope.whole_tenant() as whole:
        await finish_job(whole, job_id, "canceled", error=None, now=now)
        await whole.connection.execute(
            text("SELECT footnote_dequeue(:job_lock, :job_id)"),
            {"job_lock": queue_lock(scope.tenant_id, job), "job_id": job_id},
        )
        is_newest = document is not None and document.upload == job.upload
        if document is not None and is_newest and job.reads_the_upload and not held.is_read_already:
            error = UploadCanceled()
            await set_status(
                whole,
                document.id,
                "ready_with_warnings" if document.version else "failed",
                error={"code": error.code, "message": error.message},
                now=now,
            )
        await record_event(whole, actor, "job.cancel", str(job_id))
        return await get_job(whole, job_id)


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A job that nobody else changes until the transaction ends, and its document."""

    job: Job
    document: Document | None

    @property
    def is_read_already(self) -> bool:
        """True when the job would read what another job has read."""
        if self.document is None or not self.job.reads_the_upload:
            return False
        return self.document.version == self.job.upload


async def _hold(scope: TenantSession, job_id: JobId, actor: Actor) -> _Held:
    document_id = (await get_job(scope, job_id)).document_id
    async with scope.whole_tenant() as whole:
        if document_id is not None:
            await lock_document(whole, document_id)
        await whole.connection.execute(
            select(jobs.c.id)
            .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)
            .with_for_update()
        )
    # Whoever held it while this waited may have deleted the document or given it away.
    job = await get_job(scope, job_id)
    document = None
    if document_id is not None:
        async with scope.whole_tenant() as whole:
            try:
                document = await get_document(whole, document_id)
            except DocumentNotFound as error:
                raise JobNotFound from error
    is_own = job.owner == actor.name
    if document is not None and document.upload == job.upload:
        # Another key of the person who uploaded it.
        is_own |= document.uploaded_by.is_same(actor.uploader)
    if not (is_own or actor.is_admin):
        raise JobOfAnother
    return _Held(job=job, document=document)
