"""Alive, ready, metrics: what an operator asks. No credential, nothing of any tenant."""

import asyncio
from itertools import chain
from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field

from app.http.database_numbers import DatabaseNumbers
from app.http.dependencies import ResourcesDep
from app.http.schemas import ResponseModel
from kb.errors import DatabaseUnavailable, Overloaded
from kb.process_metrics import read_metrics
from kb.store.tenants import generations

router = APIRouter(tags=["operation"])

EXPOSITION: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {"text/plain": {"example": 'footnote_answers_total{status="answered"} 12.0'}}}
}
"""For the API's description."""


class Liveness(ResponseModel):
    """The process is alive."""

    status: Literal["ok"] = Field(description="It answers.", examples=["ok"])


class Readiness(ResponseModel):
    """Whether requests can be answered now, and what is missing."""

    status: Literal["ready", "not_ready"] = Field(
        description="`not_ready` comes with 503.", examples=["ready"]
    )
    checks: dict[str, str] = Field(
        description="The state of each part; `ok` is the good one.",
        examples=[{"database": "ok", "lexical_index": "ok", "embedding_model": "ok", "disk": "ok"}],
    )


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Liveness:
    """The process is alive."""
    return Liveness(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
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
    except (DatabaseUnavailable, Overloaded) as error:
        is_busy = isinstance(error, Overloaded)
        checks |= {
            "database": "overloaded" if is_busy else "unavailable",
            "lexical_index": "unknown",
        }
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


@router.get("/metrics", response_class=PlainTextResponse, responses=EXPOSITION)
async def metrics(request: Request, resources: ResourcesDep) -> Response:
    """Prometheus metrics of this API's processes, of the worker it started, of the database."""
    numbers: DatabaseNumbers = request.app.state.database_numbers
    reading = [
        asyncio.create_task(read_metrics(shown_at, process=name))
        for name, shown_at in resources.metrics_of_others.items()
    ]
    await numbers.refresh()
    of_others = chain.from_iterable(await asyncio.gather(*reading))
    text = resources.metrics.exposition(of_others, process=resources.process_name)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
