"""The re-index: begin a run, and read the reports of earlier ones."""

from operator import attrgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from app.http.dependencies import Administers, ResourcesDep
from app.http.idempotency import IdempotencyKey, change_once, request_digest
from app.http.jobs.present import job_out
from app.http.paging import DEFAULT_LIMIT, CursorParam, LimitParam, Page, page_of, read_id_cursor
from app.http.reindex.present import run_out
from app.http.reindex.schemas import ReindexAccepted, ReindexRequest, ReindexRun
from app.http.response_fields import JOB_ID
from kb.ids import JobId
from kb.postgres.database import TenantSession
from kb.store.audit import record_event
from kb.store.failure_names import name_failures
from kb.store.idempotency import StoredResponse
from kb.store.jobs import get_job
from kb.store.reindex_runs import Asked, begin_run, get_run, list_runs

router = APIRouter(tags=["reindex"])


@router.post("/reindex", status_code=202, response_model=ReindexAccepted)
async def begin(
    asked: ReindexRequest,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Bring the tenant's knowledge up to date, as the nightly re-index does."""

    async def change(scope: TenantSession) -> StoredResponse:
        run_id = await begin_run(
            scope, Asked(**asked.model_dump()), trigger="api", owner=caller.owner
        )
        await record_event(scope, caller.actor, "reindex.begin", str(run_id))
        body = ReindexAccepted(job=job_out(await get_job(scope, run_id)))
        return StoredResponse(status_code=202, body=body.model_dump(mode="json"))

    return await change_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest("POST /v1/reindex", asked.model_dump()),
        change=change,
    )


@router.get("/reindex/runs")
async def list_all(
    resources: ResourcesDep,
    caller: Administers,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[ReindexRun]:
    """The runs of the tenant, the newest first."""
    before = read_id_cursor(cursor)
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        found = await list_runs(
            scope, before=None if before is None else JobId(before), limit=limit + 1
        )
        found = await name_failures(scope, found)
    return page_of(found, limit=limit, show=run_out, place=attrgetter("id"))


@router.get("/reindex/runs/{run_id}")
async def get_one(
    run_id: Annotated[UUID, Path(description="The run's id.", examples=[JOB_ID])],
    resources: ResourcesDep,
    caller: Administers,
) -> ReindexRun:
    """One run; its id is that of its job."""
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        (run,) = await name_failures(scope, [await get_run(scope, JobId(run_id))])
    return run_out(run)
