"""Dependencies of routes: the resources, and a caller with the scope the route needs."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, cast

from fastapi import Depends, Header, Request, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Header as HeaderParameter
from fastapi.params import Query
from fastapi.params import Security as SecurityParameter
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, SecurityScopes
from structlog.contextvars import bind_contextvars

from app.http.problems import response_headers
from app.http.rate_limit import RateLimiter
from app.identity import Caller, recognise, require_scope
from app.resources import Resources
from kb.errors import InvalidInput
from kb.ids import Subject
from kb.store.choices import Scope


# Not a plain function: FastAPI would call it in a thread, for every request.
async def get_resources(request: Request) -> Resources:
    """The resources of this process."""
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(get_resources)]

BEARER: Final = HTTPBearer(
    scheme_name="bearer",
    description="An API key of `footnote key create`.",
    auto_error=False,
)
"""For the API's description; `recognise` reads the header."""

Authorization = Annotated[str | None, Header(include_in_schema=False)]
"""As it was sent; the description tells of it as a security scheme."""

_PRINCIPAL: Final = r"(tenant:\*|(?!tenant:)[a-z]{1,200}:(?!\*([ \t,]|$))[!-+\--~]{1,200})"
PRINCIPALS_PATTERN: Final = rf"^[ \t,]*({_PRINCIPAL}[ \t]*(,[ \t,]*{_PRINCIPAL}[ \t]*)*[ \t,]*)?$"
"""Principals in ASCII with commas between them, for the API's description."""

ActingPrincipals = Annotated[
    str | None,
    Header(
        description="The principals to ask for, in place of the key's own; for keys with the scope "
        "`act_as`.",
        examples=["user:ana,group:finance"],
        json_schema_extra={"pattern": PRINCIPALS_PATTERN},
    ),
]


async def get_caller(
    request: Request,
    resources: ResourcesDep,
    authorization: Authorization = None,
    footnote_principals: ActingPrincipals = None,
) -> Caller:
    """The caller; every route below /v1 depends on this.

    InvalidInput for a header that is sent twice, of which one would silently count: those that the
    route reads, and the type of the body; only Accept is a list. RequestValidationError for a
    misspelt query parameter, which would otherwise list everything; FastAPI can forbid them only
    where all parameters of a route stand in one model.
    """
    route: APIRoute = request.scope["route"]
    fields = get_flat_params(route.dependant)
    read = {field.alias for field in fields if isinstance(field.field_info, HeaderParameter)}
    for name in sorted({*read, "content-type"} - {"accept"}):
        if len(request.headers.getlist(name)) > 1:
            raise InvalidInput(f"The header {name.title()!r} may be sent only once.")

    caller = await recognise(
        resources.authenticator,
        authorization=authorization,
        acting_principals=footnote_principals,
        request_id=request.state.request_id,
        now=resources.clock(),
    )
    bind_contextvars(tenant_id=str(caller.tenant_id), key_prefix=caller.identity.key_prefix)
    admit(request, caller.subject)

    known = {field.alias for field in fields if isinstance(field.field_info, Query)}
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        message = "Extra inputs are not permitted"
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": message}
                for name in unknown
            ]
        )
    return caller


def admit(request: Request, subject: Subject) -> None:
    """Counts the request, and puts into the response what the subject has left; errors as below."""
    response_headers(request.scope).update(count(request, subject))


def count(request: Request, subject: Subject) -> Mapping[str, str]:
    """Counts the request, once; the headers for its response, if that may say so.

    Raises:
        KeyRateLimited: The subject has used its limit up.
    """
    state = request.scope["state"]
    if "rate_limit_headers" not in state:
        limiter: RateLimiter = request.app.state.rate_limiter
        state["rate_limit_headers"] = limiter.admit(subject)
    headers: Mapping[str, str] = state["rate_limit_headers"]
    return headers


CallerDep = Annotated[Caller, Depends(get_caller)]


async def _caller_with_one_scope(
    caller: CallerDep, _bearer: Annotated[object, Depends(BEARER)], needed: SecurityScopes
) -> Caller:
    # FastAPI collects strings; those below are scopes.
    require_scope(caller, cast("Sequence[Scope]", needed.scopes))
    return caller


def caller_with(*scopes: Scope) -> SecurityParameter:
    """A dependency: the caller, whose key must have one of the scopes."""
    dependency: SecurityParameter = Security(_caller_with_one_scope, scopes=scopes)
    return dependency


ReadsDocuments = Annotated[Caller, caller_with("documents:read")]
WritesDocuments = Annotated[Caller, caller_with("documents:write")]
Administers = Annotated[Caller, caller_with("admin")]
ReadsReceipts = Annotated[Caller, caller_with("documents:write", "admin")]
FollowsJobs = Annotated[Caller, caller_with("documents:read", "documents:write")]
Searches = Annotated[Caller, caller_with("search")]
GivesFeedback = Annotated[Caller, caller_with("feedback")]
AsksForAnswers = Annotated[Caller, caller_with("answers")]
