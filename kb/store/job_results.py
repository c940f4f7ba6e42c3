"""The good end of a job that read a document: what it has done, and who is told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, update

from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.tables import jobs
from kb.store.vectors import Embedded
from kb.store.webhook_events import Event, emit

_SUCCEED = (
    update(jobs)
    .where(jobs.c.tenant_id == bindparam("of_tenant"), jobs.c.id == bindparam("job_id"))
    .values(
        status="succeeded",
        error=None,
        progress_done=bindparam("chunks"),
        progress_total=bindparam("chunks"),
        # Of earlier attempts as well.
        embedded_chunks=jobs.c.embedded_chunks + bindparam("new_chunks"),
        embedded_tokens=jobs.c.embedded_tokens + bindparam("new_tokens"),
        updated_at=bindparam("now"),
    )
    .returning(jobs.c.kind, jobs.c.document_id)
)


async def succeed_job(
    scope: TenantSession,
    job_id: JobId,
    *,
    chunk_count: int,
    embedded: Embedded,
    before: Sequence[Event],
    now: datetime,
) -> None:
    """Ends the job as succeeded, all of its chunks stored; nothing when there is no such job.

    Webhooks are told of the events `before` it, and of it. A small document waits for each
    statement: there are two. Needs a whole-tenant scope.
    """
    values = {
        "of_tenant": scope.tenant_id,
        "job_id": job_id,
        "chunks": chunk_count,
        "new_chunks": embedded.chunks,
        "new_tokens": embedded.tokens,
        "now": now,
    }
    row = (await scope.connection.execute(_SUCCEED, values)).one_or_none()
    if row is None:
        return
    finished = Event(
        type="job.finished",
        data={
            "id": str(job_id),
            "kind": row.kind,
            "status": "succeeded",
            "document_id": str(row.document_id),
            "error_code": None,
        },
    )
    await emit(scope, *before, finished, now=now)
