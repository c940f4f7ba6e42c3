"""Jobs as callers see them."""

from app.http.jobs.schemas import Job, JobError, Progress
from kb.store import jobs


def job_out(job: jobs.Job) -> Job:
    """The job as callers see it."""
    return Job(
        id=job.id,
        kind=job.kind,
        status=job.status,
        progress=Progress(done=job.progress_done, total=job.progress_total, unit=job.progress_unit),
        error=JobError(**job.error) if job.error else None,
        attempts=job.attempts,
    )
