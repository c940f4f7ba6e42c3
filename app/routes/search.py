"""Search."""

from fastapi import APIRouter

from app.dependencies import ResourcesDep, Searches
from app.respond import respond_search
from app.schemas.search import SearchRequest, SearchResponse

router = APIRouter(tags=["search"])


@router.post("/search")
async def search(body: SearchRequest, resources: ResourcesDep, caller: Searches) -> SearchResponse:
    """The best passages that the caller may read."""
    return await respond_search(resources, caller, body)
