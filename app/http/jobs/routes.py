"""Background jobs."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from app.http.dependencies import FollowsJobs, ResourcesDep
from app.http.jobs.present import job_out
from app.http.jobs.schemas import Job
from app.http.jobs.streams import JobStreamsDep
from app.http.sse import EVENT_STREAM, LastEventId, encode_events, stream_response
from kb.ids import JobId
from kb.store.jobs import FINISHED, get_job

router = APIRouter(tags=["jobs"])

MAX_WAIT_SECONDS = 60
POLL_SECONDS = 0.1
"""A job is looked at this often while a request waits for it; one look costs about 1 ms."""


@router.get("/jobs/{job_id}")
async def get_one(
    job_id: UUID,
    resources: ResourcesDep,
    caller: FollowsJobs,
    wait: Annotated[
        float, Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end.")
    ] = 0,
) -> Job:
    """A job; with `wait` as soon as it is finished, or as it is after that time."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait
    while True:
        async with resources.database.tenant(
            caller.tenant_id, viewer=caller.managing_viewer
        ) as scope:
            job = await get_job(scope, JobId(job_id))
        if job.status in FINISHED or clock() >= deadline:
            return job_out(job)
        await asyncio.sleep(POLL_SECONDS)


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=EVENT_STREAM)
async def get_events(
    job_id: UUID,
    resources: ResourcesDep,
    streams: JobStreamsDep,
    caller: FollowsJobs,
    authorization: Annotated[str | None, Header()] = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """The job as it goes on: `job.progress` with each change, and at the end `job.finished`.

    Each event has the whole job. With `Last-Event-ID` the numbers go on behind that one, and the
    first event is the job as it is now.
    """
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        await get_job(scope, JobId(job_id))
    after = last_event_id or 0
    events = streams.follow(caller, JobId(job_id), authorization=authorization, after=after)
    return stream_response(encode_events(events, after=after, request_id=caller.request_id))
