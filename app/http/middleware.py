"""Around every request: its ids, its line in the log, its numbers, and the size of its body.

Plain ASGI, since middleware on Starlette's base class would break streams and context variables.
"""

import asyncio
import re
import secrets
from time import perf_counter
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.http.problems import problem_of, problem_response, request_id_of, response_headers
from app.http.request_bounds import MAX_BATCH_MEMBERS, MAX_MEMBERS, fault_of_address, fault_of_json
from app.resources import Resources
from kb.errors import InvalidInput, KnowledgeBaseError, Stopping, UploadTooLarge
from kb.ids import new_uuid
from kb.telemetry import Metrics

REQUEST_ID_HEADER: Final = "X-Request-Id"
TRACE_HEADER: Final = "traceparent"
UNMATCHED_ROUTE: Final = "unmatched"
QUIET_ROUTES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged at debug."""

FORM_OVERHEAD_BYTES: Final = 1_000_000
"""For the fields and boundaries that come with the files of a form."""

UPLOADS: Final = "/v1/documents"
"""Below it a body may be a document."""

BATCHES: Final = "/v1/documents:batch"
"""Here it may be many."""

MAX_QUESTION_BYTES: Final = 2_000_000
"""Limit of any other body, or `max_body_bytes` if that is less: the longest conversation that a
model's window holds, and all texts of a check. Reading it costs every caller 20 ms."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# One line of the W3C Trace Context recommendation. opentelemetry-api reads it in 19 microseconds
# instead of 4, with the same result, and brings a context of its own that nothing here would use.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-"
    r"(?!0{16})(?P<parent_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)

log = structlog.get_logger(__name__)


def install_middleware(app: FastAPI, resources: Resources) -> None:
    """Puts the middleware around the application."""
    limits = resources.request_limits
    # The last one added is the outermost: a refused body still has ids and a line in the log.
    app.add_middleware(
        RequestBoundsMiddleware,
        max_body_bytes=limits.max_body_bytes,
        max_form_bytes=limits.max_upload_bytes + FORM_OVERHEAD_BYTES,
    )
    app.add_middleware(RequestMiddleware, metrics=resources.metrics)


class RequestMiddleware:
    """Gives each request its ids, and records how it ended."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        _identify(scope)
        # A request that raises is answered further out, with this status.
        status, has_begun = 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in response_headers(scope).items():
                    headers[name] = value
            await send(message)
            has_begun = True

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            response = _response_to_canceled(scope)
            if not has_begun:
                await response(scope, receive, send_with_headers)
            raise
        finally:
            seconds = perf_counter() - started
            route = route_template(scope)
            self._metrics.count_request(
                method=scope["method"], route=route, status=status, seconds=seconds
            )
            write = log.debug if route in QUIET_ROUTES else log.info
            write(
                "request.handled",
                method=scope["method"],
                route=route,
                status=status,
                code=scope["state"].get("error_code"),
                milliseconds=round(seconds * 1000, 1),
            )


def _response_to_canceled(scope: Scope) -> Response:
    """The server cancels what it cuts off when it stops; without its doing it is a bug."""
    task = asyncio.current_task()
    is_cut_off = task is not None and task.cancelling() > 0
    error = Stopping() if is_cut_off else KnowledgeBaseError()
    problem = problem_of(error, request_id=request_id_of(scope))
    return problem_response(problem, scope, headers={"Connection": "close"})


def _identify(scope: Scope) -> None:
    """Gives the request its ids, for its response, its errors and its lines in the log.

    The trace goes on with the caller's id and flags when they are valid, else with new ones.
    """
    incoming = Headers(scope=scope)
    request_id = incoming.get(REQUEST_ID_HEADER, "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = str(new_uuid())

    trace_id, flags = secrets.token_hex(16), "00"
    traces = incoming.getlist(TRACE_HEADER)
    found = _TRACEPARENT.fullmatch(traces[0]) if len(traces) == 1 else None
    if found is not None and not (found["version"] == "00" and found["rest"]):
        trace_id, flags = found["trace_id"], f"{int(found['flags'], 16) & 1:02x}"
    span_id = secrets.token_hex(8)

    scope.setdefault("state", {})["request_id"] = request_id
    response_headers(scope).update(
        {REQUEST_ID_HEADER: request_id, TRACE_HEADER: f"00-{trace_id}-{span_id}-{flags}"}
    )
    # Cleared here and not at the end: what is logged further out still belongs to the request.
    clear_contextvars()
    bind_contextvars(request_id=request_id, trace_id=trace_id, span_id=span_id)


class RequestBoundsMiddleware:
    """Refuses what no route may take: a bad address, a body too large or with too many values.

    A body is refused by its declared length or while it is read. FastAPI's own `max_body_size`
    answers in plain text and has one limit for forms and the rest.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_form_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_form_bytes = max_form_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the request if it may come in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        content_type = headers.get("content-type", "").lower()
        if content_type.startswith("multipart/"):
            limit = self._max_form_bytes
        elif scope["path"].startswith(UPLOADS):
            limit = self._max_body_bytes
        else:
            limit = min(self._max_body_bytes, MAX_QUESTION_BYTES)
        too_large = f"The body is larger than {limit} bytes."
        declared = headers.get("content-length", "")
        length = int(declared) if declared.isdecimal() and declared.isascii() else 0
        fault = fault_of_address(scope["path"], scope["query_string"])
        if fault is not None or length > limit:
            error = InvalidInput(fault) if fault else UploadTooLarge(too_large)
            problem = problem_of(error, request_id=request_id_of(scope))
            await problem_response(problem, scope)(scope, receive, send)
            return

        is_json, body, received = "json" in content_type, bytearray(), 0
        max_members = MAX_BATCH_MEMBERS if scope["path"] == BATCHES else MAX_MEMBERS

        async def receive_within_bounds() -> Message:
            nonlocal received
            message = await receive()
            part = message.get("body", b"")
            received += len(part)
            if received > limit:
                # FastAPI lets this class pass while it reads a body; any other becomes a 400.
                raise HTTPException(413, detail=too_large)
            if is_json:
                body.extend(part)
                if message["type"] == "http.request" and not message.get("more_body", False):
                    fault = fault_of_json(bytes(body), max_members=max_members)
                    body.clear()
                    if fault is not None:
                        raise HTTPException(422, detail=fault)
            return message

        await self._app(scope, receive_within_bounds, send)


def route_template(scope: Scope) -> str:
    """The path with its parameters unfilled, such as '/v1/documents/{id}'.

    The route knows its path within its router only. What stands before it in the request is the
    prefix that the router is included with, which has no parameters. A parameter may hold slashes.
    """
    path = getattr(scope.get("route"), "path_format", None)
    if not isinstance(path, str):
        return UNMATCHED_ROUTE
    slashes_within = sum(str(value).count("/") for value in scope["path_params"].values())
    segments = scope["path"].split("/")
    prefix_length = len(segments) - path.count("/") - slashes_within
    return "/".join(segments[:prefix_length]) + path
