"""Background jobs."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.http.dependencies import FollowsJobs, ResourcesDep
from app.http.jobs.present import job_out
from app.http.jobs.schemas import Job
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
