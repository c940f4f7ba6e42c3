"""Writes the progress and the end of a job's run, unless another run of the job has begun.

Whoever changes a document and its job locks the document first, then the job; the tenant's row
comes last. All are transactions that may be tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Final, TypeVar

import structlog

from ingest.ingestion import Ingestion
from kb.errors import DependencyFailed, JobNotFound, KnowledgeBaseError
from kb.ids import JobId, TenantId
from kb.postgres.database import TenantSession, retried
from kb.store.changes import lock_document
from kb.store.document_writes import set_status
from kb.store.documents import Document, DocumentStatus, get_document
from kb.store.job_documents import begin_jobs, jobs_of_ids, lock_documents_of
from kb.store.job_kinds import REREAD
from kb.store.jobs import (
    FINISHED,
    Job,
    JobError,
    finish_job,
    get_job,
    hold_attempt,
    is_wanted,
    release_job,
    set_progress,
)
from kb.store.spaces import StoredSpace, stored_spaces
from kb.store.webhook_events import Event, EventValue, emit

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

LOOK_EVERY_SECONDS: Final = 1.0
"""A run notices this soon that its document is gone; most documents are done before."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One attempt at a job; `job`, `document` and `spaces` are as they were before it began."""

    tenant_id: TenantId
    job: Job
    document: Document
    spaces: Sequence[StoredSpace]
    attempt: int
    began: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        """Since the attempt began, for the log."""
        return round(monotonic() - self.began, 3)

    @property
    def is_reread(self) -> bool:
        """True when the bytes are served already: until its end nothing of the document changes."""
        return _rereads(self.job)


class Obsolete(Exception):  # nothing went wrong
    """The document was deleted or replaced, or another run of the job has begun."""


class Suspect(Exception):  # it has to begin in another way
    """An earlier run never reported its end: this document may have killed its worker."""


async def start(
    tools: Ingestion, tenant_id: TenantId, job_id: JobId, *, is_alone: bool
) -> Run | None:
    """The run that begins; None when there is nothing left to do.

    Raises Suspect, with nothing changed, when the job must have its worker to itself and has not.
    """

    async def begin(items: Sequence[JobId], *, may_wait: bool) -> list[Run | Suspect | None]:
        async def transaction() -> dict[JobId, Run | Suspect]:
            now = tools.clock()
            async with tools.database.tenant(tenant_id, viewer=None) as scope:
                # Without those that were deleted while they waited.
                locked = await lock_documents_of(scope, items, may_wait=may_wait)
                documents = {each: locked[each].document for each in locked}
                return await _begin(scope, documents, is_alone=is_alone, now=now)

        begun = await retried(transaction)
        runs = []
        for each in items:
            runs.append(begun.get(each))
            if isinstance(runs[-1], Run):
                # Whoever begins the same job at the same moment comes after the first.
                begun[each] = Suspect()
        return runs

    key = ("begin", tenant_id, is_alone)
    run = await tools.together.submit(key, job_id, begin)
    if isinstance(run, Suspect):
        raise run
    return run


async def _begin(
    scope: TenantSession,
    document_by_job: Mapping[JobId, Document],
    *,
    is_alone: bool,
    now: datetime,
) -> dict[JobId, Run | Suspect]:
    """The runs that begin, and the suspects, of which nothing is changed."""
    job_by_id = await jobs_of_ids(scope, document_by_job)
    found: dict[JobId, Run | Suspect] = {}
    beginning: list[Job] = []
    for job in job_by_id.values():
        document = document_by_job[job.id]
        if job.status in FINISHED:
            continue
        if job.status == "running" and not is_alone:
            found[job.id] = Suspect()
        elif document.awaits(job.upload, is_reread=_rereads(job)):
            beginning.append(job)
        else:
            # Replaced, or another job of the same upload was first.
            await finish_job(scope, job.id, "canceled", error=None, now=now)
    if beginning:
        attempts = await begin_jobs(
            scope,
            [job.id for job in beginning],
            read_first=[document_by_job[job.id].id for job in beginning if not _rereads(job)],
            is_alone=is_alone,
            now=now,
        )
        spaces = await stored_spaces(scope)
        for job in beginning:
            found[job.id] = Run(
                tenant_id=scope.tenant_id,
                job=job,
                document=document_by_job[job.id],
                spaces=spaces,
                attempt=attempts[job.id],
            )
    return found


def _rereads(job: Job) -> bool:
    return job.kind == REREAD.name


async def while_wanted(
    is_wanted: Callable[[], Awaitable[bool]], work: Coroutine[Any, Any, Result]
) -> Result:
    """The result of the work; raises Obsolete, with the work cancelled, when nobody wants it."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_EVERY_SECONDS))[0]:
            if not await is_wanted():
                raise Obsolete
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def is_run_wanted(tools: Ingestion, run: Run) -> bool:
    """False once the document was deleted or replaced, or another run of the job has begun."""
    try:
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            return await is_wanted(scope, run.job.id, run.attempt)
    except DependencyFailed:
        # The next look will tell, or the run's own transactions.
        return True


async def until_finished(tools: Ingestion, tenant_id: TenantId, job_id: JobId) -> None:
    """Returns when the job has ended, be it in another worker."""
    while True:
        if await has_finished(tools, tenant_id, job_id):
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def has_finished(tools: Ingestion, tenant_id: TenantId, job_id: JobId) -> bool:
    """True once the job has ended, or was deleted with its document."""
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        try:
            return (await get_job(scope, job_id)).status in FINISHED
        except JobNotFound:
            return True


async def report(tools: Ingestion, run: Run, *, done: int, total: int) -> None:
    """Stores the progress of the run."""
    async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
        await set_progress(
            scope, run.job.id, run.attempt, done=done, total=total, now=tools.clock()
        )


async def fail(
    tools: Ingestion, run: Run, error: KnowledgeBaseError, *, is_retryable: bool
) -> None:
    """Ends the job with the error; the version served before stays served, with a warning."""
    reason: JobError = {"code": error.code, "message": error.message, "retryable": is_retryable}

    async def transaction() -> bool:
        now = tools.clock()
        document_id = run.document.id
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            await lock_document(scope, document_id)
            if not await hold_attempt(scope, run.job.id, run.attempt):
                return False
            await finish_job(scope, run.job.id, "failed", error=reason, now=now)
            document = await get_document(scope, document_id)
            if document.upload == run.job.upload and not run.is_reread:
                status: DocumentStatus = "ready_with_warnings" if document.version else "failed"
                await set_status(
                    scope,
                    document_id,
                    status,
                    error={"code": error.code, "message": error.message},
                    now=now,
                )
                data: dict[str, EventValue] = {"id": str(document_id), "status": status}
                data |= {"job_id": str(run.job.id), "error_code": error.code}
                await emit(scope, Event(type="document.failed", data=data), now=now)
        return True

    if await retried(transaction):
        tools.metrics.count_ingest(status="failed", code=error.code)
        log.warning(
            "document.failed",
            document_id=str(run.document.id),
            upload=run.job.upload,
            code=error.code,
            message=error.message,
            attempt=run.attempt,
            seconds=run.seconds,
        )
    else:
        log.info("job.obsolete")


async def cancel(tools: Ingestion, run: Run) -> None:
    """Ends the job of an obsolete run, unless it was deleted or is another run's by now."""

    async def transaction() -> None:
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            await lock_document(scope, run.document.id)
            if await hold_attempt(scope, run.job.id, run.attempt):
                await finish_job(scope, run.job.id, "canceled", error=None, now=tools.clock())

    await retried(transaction)
    log.info("job.obsolete")
    tools.metrics.count_ingest(status="canceled", code=None)


async def release(tools: Ingestion, run: Run) -> None:
    """Marks the job for the next run as interrupted in good order.

    While the database cannot be reached nothing is marked, and the next run has the worker to
    itself, which does no harm.
    """

    async def transaction() -> None:
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            await lock_document(scope, run.document.id)
            if await hold_attempt(scope, run.job.id, run.attempt):
                await release_job(scope, run.job.id, now=tools.clock())

    try:
        await retried(transaction)
    except DependencyFailed as error:
        log.warning("job.not_released", code=error.code)
