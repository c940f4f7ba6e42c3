"""Lists of jobs: of any status and kind, or of one, and of those that somebody follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.choices import JobStatus
from kb.store.jobs import Job, job_of, shown_jobs
from kb.store.tables import jobs


@dataclass(frozen=True, kw_only=True)
class JobListing:
    """The jobs to list; None: any."""

    status: JobStatus | None = None
    kind: str | None = None


async def list_jobs(
    scope: TenantSession, listing: JobListing, *, before: JobId | None, limit: int
) -> list[Job]:
    """The jobs that may be seen, newest first, those before the given one."""
    query = (
        select(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, shown_jobs(scope))
        .order_by(jobs.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(jobs.c.id < before)
    if listing.status is not None:
        query = query.where(jobs.c.status == listing.status)
    if listing.kind is not None:
        query = query.where(jobs.c.kind == listing.kind)
    return [job_of(row) for row in await scope.connection.execute(query)]


async def last_changes(
    scope: TenantSession, job_ids: Sequence[JobId]
) -> dict[JobId, tuple[str, int, int | None, int]]:
    """Status, progress and attempts of each of the jobs in view: what of a job changes."""
    changing = (jobs.c.status, jobs.c.progress_done, jobs.c.progress_total, jobs.c.attempts)
    query = select(jobs.c.id, *changing).where(
        jobs.c.tenant_id == scope.tenant_id, jobs.c.id.in_(job_ids), shown_jobs(scope)
    )
    found = await scope.connection.execute(query)
    return {JobId(job_id): (status, *rest) for job_id, status, *rest in found}
