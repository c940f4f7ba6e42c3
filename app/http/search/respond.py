"""A search request in, a response out: what the HTTP routes and the command line share."""

from collections.abc import Mapping

from pydantic import BaseModel, JsonValue

from app.http.search.present import explanation_out, hit_out, stale_out
from app.http.search.schemas import (
    Ranks,
    Scores,
    SearchRequest,
    SearchResponse,
    SearchTimings,
)
from app.identity import Caller
from app.resources import Resources
from app.retrieve.from_memory import FallBack
from app.retrieve.query import SearchQuery
from app.retrieve.retrieval import Retrieval, Stale
from kb.errors import InvalidInput, TextTooLong
from kb.store.chunks import read_passages

NO_STALE = Stale(hits=0, document_ids=())


async def respond_search(
    resources: Resources,
    caller: Caller,
    request: SearchRequest,
    fell_back: FallBack | None = None,
) -> SearchResponse:
    """The passages this caller may read; TextTooLong or InvalidInput beyond the limits.

    `fell_back` says why memory could not answer, where it was asked.
    """
    check_question(resources, request.query, request.top_k)
    query, now = query_of(request), resources.clock()
    tenant_id, viewer = caller.tenant_id, caller.viewer
    retrieval = await resources.retriever.search(
        tenant_id, viewer, query, now=now, fell_back=fell_back
    )
    stale = NO_STALE
    if request.explain and retrieval.inadmissible:
        stale = await resources.retriever.find_stale(tenant_id, viewer, query, now=now)
    return respond_found(resources, caller, request, retrieval, stale)


def respond_found(
    resources: Resources,
    caller: Caller,
    request: SearchRequest,
    retrieval: Retrieval,
    stale: Stale = NO_STALE,
) -> SearchResponse:
    """The response to a search that has been made, which is counted."""
    timings = retrieval.timings
    seconds = timings.total / 1000
    resources.metrics.observe_stage("search", seconds=seconds)
    if retrieval.explanation.is_lexical_missing:
        resources.metrics.observe_stage("search_without_lexical", seconds=seconds)
    if retrieval.explanation.vector_plan not in {None, "shortlist"}:
        resources.metrics.observe_stage("search_without_sketches", seconds=seconds)
    return SearchResponse(
        data=[hit_out(passage) for passage in retrieval.passages],
        generation=retrieval.generation,
        # Rounded to what a clock can tell.
        timings_ms=SearchTimings(
            embed=round(timings.embed, 2),
            lexical=round(timings.lexical, 2),
            vector=round(timings.vector, 2),
            fetch=round(timings.fetch, 2),
            total=round(timings.total, 2),
        ),
        explanation=explanation_out(retrieval, stale) if request.explain else None,
        request_id=caller.request_id,
    )


def query_of(request: SearchRequest) -> SearchQuery:
    """The search that is asked for."""
    return SearchQuery(
        text=request.query,
        collections=tuple(request.collections) if request.collections else None,
        filter=request.parsed_filter(),
        top_k=request.top_k,
        mode=request.mode,
        as_of=request.as_of,
        rerank=request.rerank,
    )


class _KeptHit(BaseModel):
    """What is kept of a hit: where it was found, and no word of it."""

    chunk_id: int
    scores: Scores
    ranks: Ranks


class _Kept(BaseModel):
    """A response as it is kept for a repeated request."""

    data: list[_KeptHit]
    rest: dict[str, JsonValue]


def kept_response(response: SearchResponse) -> dict[str, object]:
    """The response without words and ids of documents, which may be gone when it is repeated."""
    kept = _Kept(
        data=[
            _KeptHit(chunk_id=hit.chunk_id, scores=hit.scores, ranks=hit.ranks)
            for hit in response.data
        ],
        rest=response.model_dump(mode="json", exclude={"data": True, "explanation": {"stale"}}),
    )
    return kept.model_dump(mode="json")


async def repeated_response(
    resources: Resources, caller: Caller, request: SearchRequest, body: Mapping[str, object]
) -> SearchResponse:
    """The first response without the hits that the caller may not read today.

    Stale hits are looked for anew: they too are those that the caller may see today.
    """
    kept = _Kept.model_validate(body)
    tenant_id, viewer = caller.tenant_id, caller.viewer
    if isinstance(explanation := kept.rest["explanation"], dict):
        stale = await resources.retriever.find_stale(
            tenant_id, viewer, query_of(request), now=resources.clock()
        )
        explanation["stale"] = stale_out(stale).model_dump(mode="json")
    async with resources.database.tenant(tenant_id, viewer=viewer) as scope:
        passages = await read_passages(scope, [hit.chunk_id for hit in kept.data])
    hits = [
        hit_out(passages[hit.chunk_id]).model_copy(
            update={"scores": hit.scores, "ranks": hit.ranks}
        )
        for hit in kept.data
        if hit.chunk_id in passages
    ]
    return SearchResponse.model_validate({**kept.rest, "data": hits})


def check_question(resources: Resources, text: str, top_k: int) -> None:
    """Raises TextTooLong or InvalidInput beyond what this service allows."""
    limits = resources.request_limits
    if len(text) > limits.max_question_chars:
        raise TextTooLong(f"At most {limits.max_question_chars} characters are accepted.")
    if top_k > limits.max_top_k:
        raise InvalidInput(f"top_k is at most {limits.max_top_k}.")
