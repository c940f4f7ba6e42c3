"""Background work."""

from typing import Literal
from uuid import UUID

from app.http.wire import Count, ResponseModel

JobStatus = Literal["queued", "running", "succeeded", "completed_with_errors", "failed", "canceled"]


class Progress(ResponseModel):
    """How far a job is; `total` is null until it is known."""

    done: Count
    total: Count | None
    unit: str


class JobError(ResponseModel):
    """Why a job failed, and whether trying again may help."""

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
