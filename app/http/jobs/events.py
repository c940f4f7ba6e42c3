"""The events of a followed job."""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from app.http.jobs.schemas import Job
from app.http.sse import ErrorEvent, Event


class JobProgressEvent(Event[Literal["job.progress"], Job]):
    """Comes first, and with each change of the job."""


class JobFinishedEvent(Event[Literal["job.finished"], Job]):
    """The last event: the job has ended."""


AnyJobEvent = Annotated[
    JobProgressEvent | JobFinishedEvent | ErrorEvent, Field(discriminator="event")
]


class JobStreamEvent(RootModel[AnyJobEvent]):
    """An event of a followed job: `data` is JSON.

    `job.finished` or `error` is the last one. A comment line comes every 15 s of silence.
    """
