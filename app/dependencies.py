"""What routes ask for: the resources, and a caller with the scope the route needs."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from structlog.contextvars import bind_contextvars

from app.auth import Caller, recognise, require_scope
from app.http_errors import response_headers
from app.rate_limit import RateLimiter
from app.resources import Resources
from kb.credentials import Scope


def get_resources(request: Request) -> Resources:
    """The resources of this process."""
    resources: Resources = request.app.state.resources
    return resources


def get_rate_limiter(request: Request) -> RateLimiter:
    """The limiter of this process."""
    limiter: RateLimiter = request.app.state.rate_limiter
    return limiter


ResourcesDep = Annotated[Resources, Depends(get_resources)]


async def get_caller(
    request: Request,
    resources: ResourcesDep,
    limiter: Annotated[RateLimiter, Depends(get_rate_limiter)],
    authorization: Annotated[str | None, Header()] = None,
    footnote_principals: Annotated[str | None, Header()] = None,
) -> Caller:
    """Who asks; every route below /v1 depends on this."""
    caller = await recognise(
        resources.database,
        authorization=authorization,
        acting_principals=footnote_principals,
        request_id=request.state.request_id,
        now=resources.clock(),
    )
    bind_contextvars(tenant_id=str(caller.tenant_id))
    response_headers(request.scope).update(limiter.admit(str(caller.credential_id)))
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]


def caller_with(*scopes: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, whose key must have one of the scopes."""

    async def dependency(caller: CallerDep) -> Caller:
        require_scope(caller, scopes)
        return caller

    return dependency


ReadsDocuments = Annotated[Caller, Depends(caller_with("documents:read"))]
WritesDocuments = Annotated[Caller, Depends(caller_with("documents:write"))]
FollowsJobs = Annotated[Caller, Depends(caller_with("documents:read", "documents:write"))]
Searches = Annotated[Caller, Depends(caller_with("search"))]
AsksForAnswers = Annotated[Caller, Depends(caller_with("answers"))]
