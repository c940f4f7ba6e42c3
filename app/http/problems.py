"""Every exception as a problem (RFC 9457) with a stable code."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path
from starlette.types import Scope

from app.http.openai_problems import chat_error, is_chat_path
from app.http.problem_schemas import FieldProblem, Problem
from app.http.rate_limit import KeyRateLimited
from kb.disk import is_disk_full
from kb.errors import (
    Conflict,
    CredentialInvalid,
    CredentialMissing,
    DependencyFailed,
    DiskFull,
    DocumentDeleted,
    DocumentUnreadable,
    InvalidInput,
    KnowledgeBaseError,
    LimitExceeded,
    LlmOutputInvalid,
    LlmUnavailable,
    Misconfigured,
    NotAllowed,
    NotFound,
    RateLimited,
    RevisionMismatch,
    StillRunning,
    UnsupportedMediaType,
    UploadTooLarge,
)
from kb.ids import new_uuid
from kb.media_types import ACCEPTED

STATUS_BY_ERROR: Final[Mapping[type[KnowledgeBaseError], int]] = {
    KnowledgeBaseError: 500,
    InvalidInput: 422,
    NotAllowed: 403,
    CredentialMissing: 401,
    CredentialInvalid: 401,
    NotFound: 404,
    DocumentDeleted: 410,
    Conflict: 409,
    RevisionMismatch: 412,
    LimitExceeded: 422,
    UploadTooLarge: 413,
    RateLimited: 429,
    DocumentUnreadable: 422,
    UnsupportedMediaType: 415,
    Misconfigured: 500,
    DependencyFailed: 503,
    LlmOutputInvalid: 502,
}
"""The status of an error and of its subclasses, unless a subclass has one of its own."""

CODE_BY_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_too_slow",
    413: UploadTooLarge.code,
    415: UnsupportedMediaType.code,
    422: InvalidInput.code,
    431: "headers_too_large",
    503: "too_many_connections",
}
"""For what the web framework or the server itself refuses."""

RETRY_AFTER_SECONDS: Final = 5
"""A database that fails over or a model server that restarts needs a few seconds."""

RUNNING_RETRY_AFTER_SECONDS: Final = 2
"""An upload is stored within one; an answer of a language model takes several."""

MAX_FIELD_PROBLEMS: Final = 20
"""A list with a thousand wrong elements needs no thousand messages."""

MAX_LOCATION_PARTS: Final = 10
MAX_NAME_LENGTH: Final = 100
"""Bounds for the caller's own field names, which are repeated to say where an error is."""

CALLER_LEFT: Final = 499
"""The status by which nginx logs a caller that closed the connection; it is sent to nobody."""

ERRORS_PATH: Final = "/docs/errors"
"""The page of the service itself on which each code has an anchor."""

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

_PARAMETER: Final = re.compile(r"\{[^{}]*\}")

log = structlog.get_logger(__name__)


def register_error_handlers(app: FastAPI) -> None:
    """From now on no error leaves the application in another form."""
    app.add_exception_handler(KnowledgeBaseError, _answer_known)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(OSError, _answer_system)
    app.add_exception_handler(Exception, _answer_unexpected)


def response_headers(scope: Scope) -> dict[str, str]:
    """The headers that the response to this request will have, for anyone to add to."""
    headers: dict[str, str] = scope.setdefault("state", {}).setdefault("response_headers", {})
    return headers


def error_status(kind: type[KnowledgeBaseError]) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS_BY_ERROR[each] for each in kind.__mro__ if each in STATUS_BY_ERROR)


def invalid_fields(error: ValidationError) -> RequestValidationError:
    """To raise for a body that a route validates itself, such as the fields of a form."""
    return RequestValidationError(
        [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_input=False)]
    )


def request_id_of(scope: Scope) -> str:
    """The id that the middleware gave this request; empty outside of it."""
    return str(scope.get("state", {}).get("request_id", ""))


def problem_of(error: KnowledgeBaseError, *, request_id: str) -> Problem:
    """The problem that an error is shown as in the answer to that request.

    The root class itself stands for a bug, of which nothing is shown.
    """
    if type(error) is KnowledgeBaseError:
        return _problem(
            request_id,
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            code=error.code,
            title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
            detail="Something went wrong on our side. The request id names the log entry.",
        )
    retry_after = RETRY_AFTER_SECONDS if isinstance(error, DependencyFailed) else None
    if isinstance(error, RateLimited):
        retry_after = error.retry_after_seconds
    elif isinstance(error, StillRunning):
        retry_after = RUNNING_RETRY_AFTER_SECONDS
    elif isinstance(error, LlmUnavailable) and error.retry_after_seconds is not None:
        retry_after = max(1, ceil(error.retry_after_seconds))
    status = error_status(type(error))
    message = error.message
    if isinstance(error, UnsupportedMediaType):
        message += f" Footnote reads {ACCEPTED}."
    # From 500 on the message is for the operator and may name a host or a setting.
    is_for_callers = status < HTTPStatus.INTERNAL_SERVER_ERROR
    problem = _problem(
        request_id,
        status=status,
        code=error.code,
        title=_meaning(error),
        detail=_shown(message) if is_for_callers else _meaning(error),
    )
    return problem.model_copy(update={"retry_after": retry_after})


def unread_problem(status: HTTPStatus, detail: str) -> Problem:
    """The problem of a request that the server refuses before it is one; it gets an id too."""
    return _problem(
        str(new_uuid()),
        status=status,
        code=CODE_BY_STATUS[status],
        title=status.phrase,
        detail=detail,
    )


def problem_response(
    problem: Problem, scope: Scope, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The problem on the wire; the access log finds its code in the state of the request."""
    scope.setdefault("state", {})["error_code"] = problem.code
    more = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    is_chat = is_chat_path(scope.get("path", ""))
    return JSONResponse(
        chat_error(problem).model_dump() if is_chat else problem.model_dump(exclude_none=True),
        status_code=problem.status,
        media_type="application/json" if is_chat else PROBLEM_MEDIA_TYPE,
        headers={**response_headers(scope), **(headers or {}), **more},
    )


async def _answer_known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KnowledgeBaseError)  # noqa: S101 - registered for this class only
    problem = problem_of(error, request_id=request_id_of(request.scope))
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", code=error.code, exc_info=error)
    headers: Mapping[str, str] = {}
    match error:
        case CredentialMissing():
            headers = {"WWW-Authenticate": "Bearer"}
        case CredentialInvalid():
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case KeyRateLimited():
            headers = error.headers
        case _:
            pass
    return problem_response(problem, request.scope, headers=headers)


def invalid_problem(error: RequestValidationError, *, request_id: str) -> Problem:
    """The problem of a request with faulty fields, which says where the first faults are."""
    count = len(error.errors())
    which = (
        "" if count <= MAX_FIELD_PROBLEMS else f", for the first {MAX_FIELD_PROBLEMS} of {count}"
    )
    problem = _problem(
        request_id,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=InvalidInput.code,
        title=_meaning(InvalidInput()),
        detail=f"The request is not valid; 'errors' says where{which}.",
    )
    field_problems = [
        FieldProblem(
            loc=[
                part if isinstance(part, int) else _shown(str(part)[:MAX_NAME_LENGTH])
                for part in each["loc"][:MAX_LOCATION_PARTS]
            ],
            msg=_shown(str(each["msg"])),
            type=str(each["type"]),
        )
        for each in error.errors()[:MAX_FIELD_PROBLEMS]
    ]
    return problem.model_copy(update={"errors": field_problems})


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    path = request.scope["path"]
    if _is_action(path) and request.method not in _allowed_methods(request.app, path):
        # `GET /jobs/ID:retry` came to the route of `/jobs/{id}`, whose id that is not.
        return await _answer_http(request, HTTPException(HTTPStatus.METHOD_NOT_ALLOWED))
    problem = invalid_problem(error, request_id=request_id_of(request.scope))
    return problem_response(problem, request.scope)


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    fallback = KnowledgeBaseError.code if is_ours else "bad_request"
    problem = _problem(
        request_id_of(request.scope),
        status=status,
        code=CODE_BY_STATUS.get(status, fallback),
        title=status.phrase,
        detail=status.phrase if is_ours else _shown(str(error.detail)),
    )
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request.app, request.scope["path"]))
    return problem_response(problem, request.scope, headers=headers)


def _is_action(path: str) -> bool:
    return ":" in path.rpartition("/")[2]


def _allowed_methods(app: FastAPI, path: str) -> list[str]:
    """All methods of the path; the framework tells those of one of its routes."""
    methods_by_template: dict[str, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        template = route.path or ""
        if compile_path(template)[0].match(path):
            methods_by_template.setdefault(template, set()).update(route.methods or ())
    # Of `/sources/{name}` and `/sources/{name}:sync`, the one that says more of the path.
    template = max(methods_by_template, key=lambda each: len(_PARAMETER.sub("", each)))
    return sorted(methods_by_template[template])


async def _answer_system(request: Request, error: Exception) -> JSONResponse:
    """A full disk of temporary files, where large uploads wait; all else is unexpected."""
    if not is_disk_full(error):
        raise error
    log.error("disk.full", place="temporary files", error="ENOSPC")
    return problem_response(
        problem_of(DiskFull(), request_id=request_id_of(request.scope)), request.scope
    )


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    """An empty response, for the log only: the caller has gone."""
    return Response(status_code=CALLER_LEFT)


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    """A bug: the traceback goes to the log, nothing of it to the caller."""
    request_id = request_id_of(request.scope)
    log.error(
        "request.crashed", code=KnowledgeBaseError.code, request_id=request_id, exc_info=error
    )
    problem = problem_of(KnowledgeBaseError(), request_id=request_id)
    return problem_response(problem, request.scope)


def _problem(request_id: str, *, status: int, code: str, title: str, detail: str) -> Problem:
    return Problem(
        # A path from the root, as RFC 9457 (3.1.1) asks of a relative reference.
        type=f"{ERRORS_PATH}#{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
    )


def _meaning(error: KnowledgeBaseError) -> str:
    """The meaning of the class, the same for every occurrence."""
    return (type(error).__doc__ or "").strip().splitlines()[0]


def _shown(text: str) -> str:
    """The text without halves of surrogate pairs, which cannot be sent."""
    return text.encode(errors="replace").decode()
