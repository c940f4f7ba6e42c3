"""Background jobs."""

import asyncio
from operator import attrgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from app.http.dependencies import Authorization, FollowsJobs, ResourcesDep, WritesDocuments
from app.http.idempotency import IdempotencyKey, change_once, request_digest
from app.http.jobs.events import JobStreamEvent
from app.http.jobs.present import job_out
from app.http.jobs.schemas import Job
from app.http.jobs.streams import JobStreamsDep
from app.http.paging import DEFAULT_LIMIT, CursorParam, LimitParam, Page, page_of, read_id_cursor
from app.http.response_fields import JOB_ID
from app.http.sse import LastEventId, encode_events, event_stream, stream_response
from app.identity import Caller
from app.resources import Resources
from kb.errors import InvalidInput
from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.choices import JobStatus
from kb.store.idempotency import StoredResponse
from kb.store.job_control import Steer, cancel_job, retry_job
from kb.store.job_kinds import JOB_KINDS
from kb.store.job_lists import JobListing, list_jobs
from kb.store.jobs import FINISHED, get_job

router = APIRouter(tags=["jobs"])

JobIdPath = Annotated[UUID, Path(description="The job's id.", examples=[JOB_ID])]

MAX_WAIT_SECONDS = 60
MAX_KIND_LENGTH = 100
POLL_SECONDS = 0.1
"""A job is looked at this often while a request waits for it; one look costs about 1 ms."""


def read_job_listing(
    status: Annotated[
        JobStatus | None, Query(description="Only those with this status.", examples=["running"])
    ] = None,
    kind: Annotated[
        str | None,
        Query(
            max_length=MAX_KIND_LENGTH,
            description="Only those of this kind.",
            examples=["ingest"],
            json_schema_extra={"enum": sorted(JOB_KINDS)},
        ),
    ] = None,
) -> JobListing:
    """The listing that the query string asks for."""
    if kind is not None and kind not in JOB_KINDS:
        raise InvalidInput(f"There are these kinds of job: {', '.join(sorted(JOB_KINDS))}.")
    return JobListing(status=status, kind=kind)


@router.get("/jobs")
async def list_all(
    resources: ResourcesDep,
    caller: FollowsJobs,
    listing: Annotated[JobListing, Depends(read_job_listing)],
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Job]:
    """The jobs the caller may see, newest first."""
    after = read_id_cursor(cursor)
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        found = await list_jobs(
            scope, listing, before=None if after is None else JobId(after), limit=limit + 1
        )
    return page_of(found, limit=limit, show=job_out, place=attrgetter("id"))


@router.post("/jobs/{job_id}:retry", response_model=Job)
async def retry_one(
    job_id: JobIdPath,
    resources: ResourcesDep,
    caller: WritesDocuments,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Run a job again that failed or was canceled; one that waits or runs stays as it is.

    For who began it, and keys with the scope `admin`.
    """
    return await _steer(
        retry_job,
        JobId(job_id),
        resources,
        caller,
        route="POST /v1/jobs/{id}:retry",
        idempotency_key=idempotency_key,
    )


@router.post("/jobs/{job_id}:cancel", response_model=Job)
async def cancel_one(
    job_id: JobIdPath,
    resources: ResourcesDep,
    caller: WritesDocuments,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Cancel a job: one that waits is never run, and one that runs stops within seconds.

    What its document serves stays. For who began it, and keys with the scope `admin`.
    """
    return await _steer(
        cancel_job,
        JobId(job_id),
        resources,
        caller,
        route="POST /v1/jobs/{id}:cancel",
        idempotency_key=idempotency_key,
    )


@router.get("/jobs/{job_id}")
async def get_one(
    job_id: JobIdPath,
    resources: ResourcesDep,
    caller: FollowsJobs,
    wait: Annotated[
        float,
        Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end.", examples=[30]),
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


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses=event_stream(JobStreamEvent),
)
async def get_events(
    job_id: JobIdPath,
    resources: ResourcesDep,
    streams: JobStreamsDep,
    caller: FollowsJobs,
    authorization: Authorization = None,
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


async def _steer(
    steer: Steer,
    job_id: JobId,
    resources: Resources,
    caller: Caller,
    *,
    route: str,
    idempotency_key: str | None,
) -> Response:
    async def change(scope: TenantSession) -> StoredResponse:
        job = await steer(scope, job_id, actor=caller.actor, now=resources.clock())
        return StoredResponse(status_code=200, body=job_out(job).model_dump(mode="json"))

    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest(route, {"job_id": str(job_id)}),
        viewer=caller.managing_viewer,
        change=change,
    )
