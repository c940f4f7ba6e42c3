"""The route of a search: what memory can answer takes a short way, with the same result.

A request that anything is odd about goes the usual way, through FastAPI's checks and a look at the
key first. So does one that memory could not answer, or whose key is no longer valid.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from app.http.dependencies import admit, count
from app.http.search.respond import check_question, query_of, respond_found
from app.http.search.schemas import SearchRequest
from app.identity import act
from app.resources import Resources
from app.retrieve.from_memory import FallBack
from kb.errors import KnowledgeBaseError


class SearchRoute(APIRoute):
    """Answers from memory where it can."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of a request."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await _respond_from_memory(request) or await usual(request)

        return handle


async def _respond_from_memory(request: Request) -> Response | None:
    """None: the usual way answers; nothing is known yet of the caller's rights."""
    headers = dict(request.scope["headers"])
    is_plain = (
        len(headers) == len(request.scope["headers"])
        and not request.scope["query_string"]
        and b"idempotency-key" not in headers
        and headers.get(b"content-type") == b"application/json"
    )
    if not is_plain:
        return None
    resources: Resources = request.app.state.resources
    authorization = request.headers.get("authorization")
    recalled = resources.authenticator.recall(authorization)
    if recalled is None or "search" not in recalled.identity.scopes:
        return None
    try:
        caller = act(
            recalled.identity,
            acting_principals=request.headers.get("footnote-principals"),
            request_id=request.state.request_id,
        )
        body = SearchRequest.model_validate(json.loads(await request.body()))
        check_question(resources, body.query, body.top_k)
        if body.rerank:
            # Takes so long that the caller may go meanwhile, which the usual way looks after.
            return None
        count(request, caller.subject)
    except (KnowledgeBaseError, ValidationError, ValueError):
        # The usual way looks at the key first, and then says what is wrong.
        return None
    found = await resources.retriever.search_with_key(
        caller.tenant_id,
        caller.viewer,
        query_of(body),
        key=recalled.key,
        now=resources.clock(),
    )
    if isinstance(found, FallBack):
        if found is FallBack.KEY:
            resources.authenticator.forget(authorization)
        else:
            request.state.fell_back = found
        return None
    bind_contextvars(tenant_id=str(caller.tenant_id), key_prefix=caller.identity.key_prefix)
    admit(request, caller.subject)
    response = respond_found(resources, caller, body, found)
    return Response(response.model_dump_json(), media_type="application/json")
