"""Background work."""

from uuid import UUID

from app.http.schemas import Count, ResponseModel
from kb.store.choices import JobStatus


class Progress(ResponseModel):
    """The progress of a job; `total` is null until it is known."""

    done: Count
    total: Count | None
    unit: str


class JobError(ResponseModel):
    """The reason why a job failed; `retryable` says that trying again may help."""

    code: str
    message: str
    retryable: bool


class Job(ResponseModel):
    """A piece of background work."""

    id: UUID
    kind: str
    status: JobStatus
    progress: Progress
    error: JobError | None
    attempts: Count
