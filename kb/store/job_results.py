"""The good end of a job that read a document: what it has done, and who is told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update

from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.tables import jobs
from kb.store.vectors import Embedded
from kb.store.webhook_events import Event, emit


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
    statement = (
        update(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)
        .values(
            status="succeeded",
            error=None,
            progress_done=chunk_count,
            progress_total=chunk_count,
            # Of earlier attempts as well.
            embedded_chunks=jobs.c.embedded_chunks + embedded.chunks,
            embedded_tokens=jobs.c.embedded_tokens + embedded.tokens,
            updated_at=now,
        )
        .returning(jobs.c.kind, jobs.c.document_id)
    )
    row = (await scope.connection.execute(statement)).one_or_none()
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
