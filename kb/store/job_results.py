"""The good end of jobs that read documents: what they have done, and who is told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.vectors import Embedded
from kb.store.webhook_events import Event, emit

# What was embedded counts for earlier attempts as well.
_SUCCEED = text(
    """
    UPDATE jobs
    SET status = 'succeeded', error = NULL, progress_done = done.chunks,
        progress_total = done.chunks, embedded_chunks = embedded_chunks + done.new_chunks,
        embedded_tokens = embedded_tokens + done.new_tokens, updated_at = :now
    FROM jsonb_to_recordset(CAST(:done AS jsonb))
        AS done (id uuid, chunks integer, new_chunks integer, new_tokens bigint)
    WHERE jobs.tenant_id = :tenant_id AND jobs.id = done.id
    RETURNING jobs.id, jobs.kind, jobs.document_id
    """
)


@dataclass(frozen=True, kw_only=True)
class Success:
    """What a job has done: the chunks of its document, and those whose texts were new.

    Webhooks are told of the events `before` it, and of its end.
    """

    chunks: int
    embedded: Embedded
    before: Sequence[Event] = ()


async def succeed_jobs(
    scope: TenantSession, successes: Mapping[JobId, Success], *, now: datetime
) -> None:
    """Ends the jobs as succeeded, all of their chunks stored; those that there are.

    A small document waits for each statement: there are two. Needs a whole-tenant scope.
    """
    done = [
        {
            "id": str(job_id),
            "chunks": each.chunks,
            "new_chunks": each.embedded.chunks,
            "new_tokens": each.embedded.tokens,
        }
        for job_id, each in successes.items()
    ]
    values = {"tenant_id": scope.tenant_id, "done": json.dumps(done), "now": now}
    events: list[Event] = []
    for row in await scope.connection.execute(_SUCCEED, values):
        finished = Event(
            type="job.finished",
            data={
                "id": str(row.id),
                "kind": row.kind,
                "status": "succeeded",
                "document_id": str(row.document_id),
                "error_code": None,
            },
        )
        events += [*successes[row.id].before, finished]
    if events:
        await emit(scope, *events, now=now)
