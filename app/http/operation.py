"""Alive, ready, metrics: what an operator asks. No credential, nothing of any tenant."""

from dataclasses import asdict

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.http.dependencies import ResourcesDep
from kb.errors import DatabaseUnavailable
from kb.store.queue_state import failed_jobs, queue_states
from kb.store.tenants import generations

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(resources: ResourcesDep) -> JSONResponse:
    """The state of each part that answers need; 503 when requests cannot be answered now."""
    checks = {
        "database": "ok",
        "lexical_index": "ok",
        "embedding_model": "ok",
        "disk": "ok" if resources.has_room else "full",
    }
    try:
        async with resources.database.system() as system:
            generation_by_tenant = await generations(system)
    except DatabaseUnavailable:
        checks |= {"database": "unavailable", "lexical_index": "unknown"}
    else:
        # Searches are right while an index lags; a lag is told, and does not take us out.
        if not resources.lexical.is_caught_up(generation_by_tenant):
            checks["lexical_index"] = "catching_up"
        if resources.spaces.lacking is not None:
            # Likewise: the space before is kept current, and searched until the model is loaded.
            checks["embedding_model"] = "loading"
    is_ready = checks["database"] == "ok" and checks["disk"] == "ok"
    return JSONResponse(
        {"status": "ready" if is_ready else "not_ready", "checks": checks},
        status_code=200 if is_ready else 503,
    )


@router.get("/metrics")
async def metrics(resources: ResourcesDep) -> Response:
    """Prometheus metrics of this process, and of the queue."""
    shown = resources.metrics
    try:
        async with resources.database.system() as system:
            states = await queue_states(system)
            failed = await failed_jobs(system)
    except DatabaseUnavailable:
        # The other numbers are worth having while the database is away.
        shown.forget_queue()
    else:
        shown.set_jobs_waiting(sum(state.waiting for state in states))
        for state in states:
            shown.set_queue(**asdict(state))
        for kind, count in failed.items():
            shown.set_jobs_failed(kind, count)
    return Response(resources.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
