"""Background jobs as callers see them; the queue beneath is procrastinate's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, assert_never, get_args

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.errors import JobNotFound
from kb.ids import DocumentId, JobId, TenantId, new_uuid
from kb.postgres.database import TenantSession
from kb.store.choices import FinishedStatus, JobStatus, UnfinishedStatus
from kb.store.documents import Document, DocumentError
from kb.store.job_kinds import (
    INGEST,
    JOB_KINDS,
    NO_DOCUMENT,
    PRIORITIES,
    UNKNOWN_WEIGHT,
    JobKind,
    JobPriority,
    weight_of,
)
from kb.store.tables import document_versions, documents, jobs
from kb.store.webhook_events import Event, EventValue, emit

FINISHED: frozenset[str] = frozenset(get_args(FinishedStatus))
"""The statuses after which nothing of a job changes."""


# Built once: every document needs them, and making them took longer than their round trips.
_BY_ID = select(jobs).where(
    jobs.c.tenant_id == bindparam("tenant_id"), jobs.c.id == bindparam("job_id")
)
START = (
    update(jobs)
    .where(
        jobs.c.tenant_id == bindparam("of_tenant"),
        jobs.c.id == any_(bindparam("job_ids", type_=ARRAY(Uuid))),
    )
    .values(
        status="running",
        attempts=jobs.c.attempts + 1,
        lone_attempts=jobs.c.lone_attempts + bindparam("lone"),
        progress_done=0,
        progress_total=None,
        error=None,
        updated_at=bindparam("now"),
    )
    .returning(jobs.c.id, jobs.c.attempts)
)
# Puts a job into the queue, which request roles cannot read.
_QUEUED = func.footnote_enqueue(
    *(bindparam(name, type_=Text) for name in ("queue", "task", "queue_lock")),
    bindparam("queue_priority", type_=Integer),
    bindparam("queue_arguments", type_=JSONB),
    bindparam("weight", type_=Integer),
)
_ENQUEUE = insert(jobs).returning(*jobs.c, _QUEUED)


class JobError(DocumentError):
    """The reason why a job failed; `retryable` says that trying again may help."""

    retryable: bool


LAST: Final = min(PRIORITIES.values()) - 10
"""procrastinate's number for a job that waits for others, which must not wait for it."""

JobArgument = str | int | bool | None


@dataclass(frozen=True, kw_only=True)
class TenantWork:
    """What a job does, beyond its document; of those with one lock, one runs at a time.

    A job on a document has the document's lock and needs no other.
    """

    lock: str | None = None
    arguments: Mapping[str, JobArgument] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of background work; progress counts `progress_unit`s, total None: not known yet.

    `attempts` have begun; of the last ones in a row, `lone_attempts` ended without a word, of a
    document's those that had a worker to themselves. `lock` is that of its TenantWork.
    """

    id: JobId
    kind: str
    owner: str
    document_id: DocumentId | None
    upload: int | None
    status: JobStatus
    progress_done: int
    progress_total: int | None
    progress_unit: str
    error: JobError | None
    attempts: int
    lone_attempts: int
    priority: JobPriority
    lock: str | None
    arguments: Mapping[str, JobArgument]
    created_at: datetime
    updated_at: datetime

    @property
    def reads_the_upload(self) -> bool:
        """True when the state of its document follows from it; else the document stays as it is."""
        return self.kind == INGEST.name


async def enqueue_job(
    scope: TenantSession,
    kind: JobKind,
    *,
    owner: str,
    document: Document | None = None,
    work: TenantWork | None = None,
    priority: JobPriority = "single",
) -> Job:
    """The job, queued; workers see it when the transaction commits.

    Jobs of one document run one after the other, and so do those with one lock.
    """
    job_id = JobId(new_uuid())
    lock = str(document.id if document else job_id)
    if work is not None and work.lock is not None:
        lock = f"{scope.tenant_id}:{work.lock}"
    weight = weight_of(document.content.size_bytes) if document else NO_DOCUMENT
    values = {
        "tenant_id": scope.tenant_id,
        "id": job_id,
        "kind": kind.name,
        "document_id": document.id if document else None,
        "upload": document.upload if document else None,
        "content_sha256": document.content.sha256 if document else None,
        "progress_unit": kind.progress_unit,
        "owner": owner,
        "priority": priority,
        "lock": work.lock if work else None,
        "arguments": dict(work.arguments) if work else {},
    }
    queued = _queued(scope, kind, job_id, lock=lock, priority=PRIORITIES[priority], weight=weight)
    return job_of((await scope.connection.execute(_ENQUEUE, values | queued)).one())


async def enqueue_again(scope: TenantSession, job: Job, *, is_last: bool = False) -> None:
    """Queues a job that is not in the queue any more; `is_last`: behind all others.

    Needs a whole-tenant scope.
    """
    queued = _queued(
        scope,
        JOB_KINDS[job.kind],
        job.id,
        lock=queue_lock(scope.tenant_id, job),
        priority=LAST if is_last else PRIORITIES[job.priority],
        weight=UNKNOWN_WEIGHT if job.document_id else NO_DOCUMENT,
    )
    await scope.connection.execute(select(_QUEUED), queued)


def queue_lock(tenant_id: TenantId, job: Job) -> str:
    """The lock of a job in the queue."""
    return f"{tenant_id}:{job.lock}" if job.lock else str(job.document_id or job.id)


def _queued(
    scope: TenantSession, kind: JobKind, job_id: JobId, *, lock: str, priority: int, weight: int
) -> dict[str, object]:
    return {
        "queue": kind.queue,
        "task": kind.task,
        "queue_lock": lock,
        "queue_priority": priority,
        "queue_arguments": {"tenant_id": str(scope.tenant_id), "job_id": str(job_id)},
        "weight": weight,
    }


async def get_job(scope: TenantSession, job_id: JobId) -> Job:
    """The job; JobNotFound when it does not exist or may not be seen."""
    job = await find_job(scope, job_id)
    if job is None:
        raise JobNotFound
    return job


async def find_job(scope: TenantSession, job_id: JobId) -> Job | None:
    """The job; None when it does not exist or may not be seen."""
    query = _BY_ID if scope.viewer is None else _BY_ID.where(shown_jobs(scope))
    parameters = {"tenant_id": scope.tenant_id, "job_id": job_id}
    row = (await scope.connection.execute(query, parameters)).one_or_none()
    return job_of(row) if row else None


async def count_jobs(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of the document's jobs that may be seen."""
    query = (
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.document_id == document_id)
        .where(shown_jobs(scope))
    )
    return int((await scope.connection.execute(query)).scalar_one())


def shown_jobs(scope: TenantSession) -> ColumnElement[bool]:
    """The jobs in view that are shown: the viewer's own, and those of what is or was served.

    How any other upload goes is for its uploader. Until something is served, the first upload is
    the document, for its readers.
    """
    if scope.viewer is None:
        return true()
    uploader = scope.viewer.uploader
    was_served = (
        select(1)
        .where(document_versions.c.tenant_id == jobs.c.tenant_id)
        .where(document_versions.c.document_id == jobs.c.document_id)
        .where(document_versions.c.version == jobs.c.upload)
        .correlate_except(document_versions)
        .exists()
    )
    is_known = or_(was_served, (jobs.c.upload == 1) & (documents.c.version == 0))
    if uploader is not None:
        is_newest = jobs.c.upload == documents.c.upload
        is_known |= is_newest & (documents.c.uploader_person == uploader.person)
    of_the_document = (
        select(1)
        .where(documents.c.tenant_id == jobs.c.tenant_id, documents.c.id == jobs.c.document_id)
        .where(is_known)
        .exists()
    )
    kinds: list[str] = []
    for kind in JOB_KINDS.values():
        match kind.visibility:
            case "document":
                kinds.append(kind.name)
            case "owner":
                pass
            case _:
                assert_never(kind.visibility)
    return or_(jobs.c.owner == scope.viewer.owner, and_(jobs.c.kind.in_(kinds), of_the_document))


async def latest_job(scope: TenantSession, document_id: DocumentId) -> Job | None:
    """The document's newest job."""
    query = select(jobs).where(
        jobs.c.tenant_id == scope.tenant_id, jobs.c.document_id == document_id
    )
    newest = query.order_by(jobs.c.id.desc()).limit(1)
    row = (await scope.connection.execute(newest)).one_or_none()
    return job_of(row) if row else None


async def start_job(scope: TenantSession, job_id: JobId, *, is_alone: bool, now: datetime) -> int:
    """The number of the attempt that begins: what an earlier one still writes counts no more.

    JobNotFound when there is no such job.

    An attempt that has its worker to itself is counted as one that ended without a word, until it
    ends with one.
    """
    values = {"of_tenant": scope.tenant_id, "job_ids": [job_id], "lone": int(is_alone), "now": now}
    begun = (await scope.connection.execute(START, values)).one_or_none()
    if begun is None:
        raise JobNotFound
    return int(begun.attempts)


async def hold_attempt(scope: TenantSession, job_id: JobId, attempt: int) -> bool:
    """True while the job runs in this attempt; it then does so until the transaction ends."""
    query = _running(scope, job_id, attempt).with_for_update()
    return (await scope.connection.execute(query)).one_or_none() is not None


async def is_running(scope: TenantSession, job_id: JobId, attempt: int) -> bool:
    """True while the job runs in this attempt: nobody has canceled it or begun it anew."""
    running = await scope.connection.execute(_running(scope, job_id, attempt))
    return running.one_or_none() is not None


async def is_wanted(scope: TenantSession, job_id: JobId, attempt: int) -> bool:
    """True while the job runs in this attempt and its document waits for this very upload."""
    query = _running(scope, job_id, attempt).join(
        documents,
        and_(
            documents.c.tenant_id == jobs.c.tenant_id,
            documents.c.id == jobs.c.document_id,
            documents.c.upload == jobs.c.upload,
        ),
    )
    return (await scope.connection.execute(query)).one_or_none() is not None


async def set_progress(
    scope: TenantSession, job_id: JobId, attempt: int, *, done: int, total: int, now: datetime
) -> None:
    """Says how far the job is, while it runs in this attempt."""
    await scope.connection.execute(
        _update(scope, job_id)
        .where(jobs.c.attempts == attempt, jobs.c.status == "running")
        .values(progress_done=done, progress_total=total, updated_at=now)
    )


async def release_job(
    scope: TenantSession, job_id: JobId, *, status: UnfinishedStatus = "queued", now: datetime
) -> None:
    """Ends an attempt in good order, but without a result; `running`: it goes on in the next."""
    await scope.connection.execute(
        _update(scope, job_id).values(status=status, lone_attempts=0, updated_at=now)
    )


async def finish_job(
    scope: TenantSession,
    job_id: JobId,
    status: FinishedStatus,
    *,
    error: JobError | None,
    now: datetime,
) -> None:
    """Sets the final status, of which webhooks are told."""
    statement = _update(scope, job_id).values(status=status, error=error, updated_at=now)
    finished = await scope.connection.execute(statement.returning(jobs.c.kind, jobs.c.document_id))
    for row in finished:
        document_id = None if row.document_id is None else str(row.document_id)
        data: dict[str, EventValue] = {"id": str(job_id), "kind": row.kind, "status": status}
        data |= {"document_id": document_id, "error_code": error["code"] if error else None}
        await emit(scope, Event(type="job.finished", data=data), now=now)


def _running(scope: TenantSession, job_id: JobId, attempt: int) -> Select[tuple[int]]:
    return select(jobs.c.attempts).where(
        jobs.c.tenant_id == scope.tenant_id,
        jobs.c.id == job_id,
        jobs.c.attempts == attempt,
        jobs.c.status == "running",
    )


def _update(scope: TenantSession, job_id: JobId) -> Update:
    return update(jobs).where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)


def job_of(row: Row[tuple[object, ...]]) -> Job:
    """The job of a whole row."""
    return Job(
        id=JobId(row.id),
        kind=row.kind,
        owner=row.owner,
        document_id=row.document_id,
        upload=row.upload,
        status=row.status,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_unit=row.progress_unit,
        error=row.error,
        attempts=row.attempts,
        lone_attempts=row.lone_attempts,
        priority=row.priority,
        lock=row.lock,
        arguments=row.arguments,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
