"""Background work."""

from uuid import UUID

from pydantic import Field

from app.http.response_fields import JOB_ID, ErrorCodeField, ErrorMessageField
from app.http.schemas import Count, ResponseModel
from kb.store.choices import JobStatus


class Progress(ResponseModel):
    """The progress of a job; `total` is null until it is known."""

    done: Count = Field(description="Units that are done.", examples=[12])
    total: Count | None = Field(
        description="Units there are to do; null until that is known.", examples=[40]
    )
    unit: str = Field(description="What is counted.", examples=["chunks"])


class JobError(ResponseModel):
    """The reason why a job failed; `retryable` says that trying again may help."""

    code: ErrorCodeField
    message: ErrorMessageField
    retryable: bool = Field(description="Whether running the job again may help.", examples=[False])


class Job(ResponseModel):
    """A piece of background work."""

    id: UUID = Field(description="The job's id.", examples=[JOB_ID])
    kind: str = Field(description="The kind of work.", examples=["ingest"])
    status: JobStatus = Field(
        description="The last four are final: nothing of the job changes after them.",
        examples=["running"],
    )
    progress: Progress = Field(description="How far the work is.")
    error: JobError | None = Field(
        description="Why the job failed; null unless it did.", examples=[None]
    )
    attempts: Count = Field(description="Times that the job was begun.", examples=[1])
