"""Conditional requests: an entity tag of what is shown, and 304 for who has it already.

The tag is a hash of the body, so it changes with everything in it, and with nothing that the caller
is not shown. Source: RFC 9110, sections 8.8.3 and 13.1.
"""

import hashlib
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Header, Response
from pydantic import BaseModel

from app.http.response_fields import ETAG

IfNoneMatch = Annotated[
    str | None,
    Header(
        description="ETags of what the caller has; 304 without a body when one is still right.",
        examples=[ETAG],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag of what the change is meant for; 412 when that has changed.",
        examples=[ETAG],
    ),
]

NOT_MODIFIED: Final[dict[int | str, dict[str, object]]] = {
    304: {"description": "The caller has it already: an ETag in `If-None-Match` is still right."}
}
"""Of a route that `respond_tagged`, for the API's description."""

CACHING: Final = "private, no-cache"
"""Callers may keep it, and ask each time whether it is still right and still theirs to read."""


def entity_tag(body: BaseModel) -> str:
    """The strong ETag of the body."""
    return _tag_of(body.model_dump_json().encode())


def is_named(sent: str, tag: str, *, is_weak: bool) -> bool:
    """True when the header names the tag; with `is_weak` also as a weak one."""
    named = [each.strip() for each in sent.split(",")]
    return "*" in named or tag in named or (is_weak and f"W/{tag}" in named)


def respond_tagged(body: BaseModel, if_none_match: str | None) -> Response:
    """The body with its ETag; 304 without it when the caller names that."""
    content = body.model_dump_json().encode()
    headers = {"ETag": _tag_of(content), "Cache-Control": CACHING}
    if if_none_match is not None and is_named(if_none_match, headers["ETag"], is_weak=True):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def _tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
