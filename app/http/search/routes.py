"""Search."""

from fastapi import APIRouter, Request

from app.http.dependencies import ResourcesDep, Searches
from app.http.idempotency import IdempotencyKey, Remember, do_once, request_digest
from app.http.search.respond import kept_response, repeated_response, respond_search
from app.http.search.route import SearchRoute
from app.http.search.schemas import SearchRequest, SearchResponse
from app.http.while_connected import while_connected
from kb.store.idempotency import StoredResponse

router = APIRouter(tags=["search"], route_class=SearchRoute)


@router.post("/search")
async def search(
    request: Request,
    body: SearchRequest,
    resources: ResourcesDep,
    caller: Searches,
    idempotency_key: IdempotencyKey = None,
) -> SearchResponse:
    """The best passages that the caller may read."""
    found: SearchResponse | None = None

    async def act(_remember: Remember) -> StoredResponse:
        nonlocal found
        fell_back = getattr(request.state, "fell_back", None)
        searching = respond_search(resources, caller, body, fell_back)
        found = await while_connected(request, searching)
        return StoredResponse(status_code=200, body=kept_response(found))

    stored = await do_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest("POST /v1/search", body.model_dump(mode="json")),
        act=act,
    )
    return found or await repeated_response(resources, caller, body, stored.body)
