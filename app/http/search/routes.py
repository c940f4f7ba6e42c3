"""Search."""

from fastapi import APIRouter, Request

from app.http.dependencies import ResourcesDep, Searches
from app.http.search.respond import respond_search
from app.http.search.schemas import SearchRequest, SearchResponse
from app.http.while_connected import while_connected

router = APIRouter(tags=["search"])


@router.post("/search")
async def search(
    request: Request, body: SearchRequest, resources: ResourcesDep, caller: Searches
) -> SearchResponse:
    """The best passages that the caller may read."""
    return await while_connected(request, respond_search(resources, caller, body))
