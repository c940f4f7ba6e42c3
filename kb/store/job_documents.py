"""Documents together with the jobs that read them: those of several jobs in one statement."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Uuid, and_, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from kb.ids import DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.choices import JobStatus
from kb.store.documents import STORED, Document, document_of
from kb.store.jobs import START, Job, job_of
from kb.store.tables import documents, jobs

_JOB_IDS: Final = bindparam("job_ids", type_=ARRAY(Uuid))
_of_job = jobs.alias("of_job")
_OF_JOBS = (
    # By whole keys: while tables have no statistics, a join reads all jobs for each document.
    STORED.add_columns(
        jobs.c.id.label("job_id"), jobs.c.attempts.label("attempt"), jobs.c.status.label("state")
    )
    .join(
        jobs,
        and_(
            jobs.c.tenant_id == documents.c.tenant_id,
            jobs.c.document_id == documents.c.id,
            jobs.c.id == any_(_JOB_IDS),
        ),
    )
    .where(
        documents.c.id
        == any_(
            func.array(
                select(_of_job.c.document_id)
                .where(
                    _of_job.c.tenant_id == bindparam("tenant_id"), _of_job.c.id == any_(_JOB_IDS)
                )
                .scalar_subquery(),
                type_=ARRAY(Uuid),
            )
        )
    )
    # Documents before their jobs, and several in one order, so that nobody waits in a circle. What
    # had to be waited for is read anew.
    .order_by(documents.c.id, jobs.c.id)
)
_LOCK = _OF_JOBS.with_for_update(of=[documents, jobs])
SHORT_LOCK_TIMEOUT: Final = "100ms"
"""Far more than a publication takes that nobody is in the way of."""

# A trigger's INSERT cannot be told NOWAIT: it waits for whoever stores the same readers first. Set
# within this statement, which whoever may not wait begins with, it takes no round trip.
_LOCK_AT_ONCE = _OF_JOBS.add_columns(
    func.set_config("lock_timeout", SHORT_LOCK_TIMEOUT, True).label("lock_timeout")
).with_for_update(of=[documents, jobs], nowait=True)
_OF_IDS = select(jobs).where(
    jobs.c.tenant_id == bindparam("tenant_id"), jobs.c.id == any_(_JOB_IDS)
)
_BEGIN = START.add_cte(
    update(documents)
    .where(
        documents.c.tenant_id == bindparam("of_tenant"),
        documents.c.id == any_(bindparam("read_first", type_=ARRAY(Uuid))),
    )
    .values(
        status="processing",
        error=None,
        revision=documents.c.revision + 1,
        updated_at=bindparam("now"),
    )
    .cte("read_first")
)


@dataclass(frozen=True, kw_only=True)
class JobDocument:
    """A document, and the newest attempt of a job that reads it."""

    document: Document
    attempt: int
    status: JobStatus


async def lock_documents_of(
    scope: TenantSession, job_ids: Collection[JobId], *, may_wait: bool = True
) -> dict[JobId, JobDocument]:
    """The jobs' documents, locked, and then their jobs, until the transaction ends.

    Without those of which either is gone. Unless this `may_wait`, TransactionConflict at once when
    somebody else has one of them, and from then on soon when the transaction meets any other lock.
    Needs a whole-tenant scope.
    """
    parameters = {"tenant_id": scope.tenant_id, "job_ids": list(job_ids)}
    query = _LOCK if may_wait else _LOCK_AT_ONCE
    rows = (await scope.connection.execute(query, parameters)).all()
    return {
        JobId(row.job_id): JobDocument(
            document=document_of(row, scope.viewer), attempt=row.attempt, status=row.state
        )
        for row in rows
    }


async def jobs_of_ids(scope: TenantSession, job_ids: Collection[JobId]) -> dict[JobId, Job]:
    """Those of the jobs that there are. Needs a whole-tenant scope."""
    parameters = {"tenant_id": scope.tenant_id, "job_ids": list(job_ids)}
    rows = await scope.connection.execute(_OF_IDS, parameters)
    return {JobId(row.id): job_of(row) for row in rows}


async def begin_jobs(
    scope: TenantSession,
    job_ids: Collection[JobId],
    *,
    read_first: Collection[DocumentId],
    is_alone: bool,
    now: datetime,
) -> dict[JobId, int]:
    """The attempt of each job that begins: what an earlier one still writes counts no more.

    `read_first` are the documents whose newest upload has not been read yet: they say that it is
    being read. An attempt that has its worker to itself (`is_alone`) is counted as one that ended
    without a word, until it ends with one. Needs a whole-tenant scope.
    """
    values = {
        "of_tenant": scope.tenant_id,
        "job_ids": list(job_ids),
        "read_first": list(read_first),
        "lone": int(is_alone),
        "now": now,
    }
    rows = await scope.connection.execute(_BEGIN, values)
    return {JobId(row.id): row.attempts for row in rows}
