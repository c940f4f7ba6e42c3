"""Search."""

from fastapi import APIRouter, Request

from app.dependencies import ResourcesDep, Searches
from app.respond import respond_search
from app.routes.while_connected import while_connected
from app.schemas.search import SearchRequest, SearchResponse

router = APIRouter(tags=["search"])


@router.post("/search")
async def search(
    request: Request, body: SearchRequest, resources: ResourcesDep, caller: Searches
) -> SearchResponse:
    """The best passages that the caller may read."""
    return await while_connected(request, respond_search(resources, caller, body))
