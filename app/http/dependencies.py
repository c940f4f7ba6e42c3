"""Dependencies of routes: the resources, and a caller with the scope the route needs."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Header as HeaderParameter
from fastapi.params import Query
from fastapi.routing import APIRoute
from structlog.contextvars import bind_contextvars

from app.http.problems import response_headers
from app.http.rate_limit import RateLimiter
from app.identity import Caller, recognise, require_scope
from app.resources import Resources
from kb.errors import InvalidInput
from kb.store.credentials import Scope


# Not plain functions: FastAPI would call each of them in a thread, for every request.
async def get_resources(request: Request) -> Resources:
    """The resources of this process."""
    resources: Resources = request.app.state.resources
    return resources


async def get_rate_limiter(request: Request) -> RateLimiter:
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
    """The caller; every route below /v1 depends on this."""
    _refuse_repeated_headers(request)
    caller = await recognise(
        resources.authenticator,
        authorization=authorization,
        acting_principals=footnote_principals,
        request_id=request.state.request_id,
        now=resources.clock(),
    )
    bind_contextvars(tenant_id=str(caller.tenant_id))
    response_headers(request.scope).update(limiter.admit(caller.subject))
    _refuse_unknown_parameters(request)
    return caller


def _refuse_repeated_headers(request: Request) -> None:
    """InvalidInput for a header that is sent twice, of which one would silently count.

    Those that the route reads, and the type of the body; only Accept is a list.
    """
    route: APIRoute = request.scope["route"]
    read = {
        field.alias
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, HeaderParameter)
    }
    for name in sorted({*read, "content-type"} - {"accept"}):
        if len(request.headers.getlist(name)) > 1:
            raise InvalidInput(f"The header {name.title()!r} may be sent only once.")


def _refuse_unknown_parameters(request: Request) -> None:
    """RequestValidationError for a misspelt filter, which would otherwise list everything.

    FastAPI can forbid them only where all parameters of a route stand in one model.
    """
    route: APIRoute = request.scope["route"]
    known = {
        field.alias
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, Query)
    }
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {
                    "type": "extra_forbidden",
                    "loc": ("query", name),
                    "msg": "Extra inputs are not permitted",
                }
                for name in unknown
            ]
        )


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
