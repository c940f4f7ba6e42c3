"""Cursors: where the next page of a list begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query

from app.http.pages import Page
from kb.errors import InvalidCursor

Entry = TypeVar("Entry")
Row = TypeVar("Row")

Value = TypeVar("Value", UUID, int)

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

MAX_NUMBER = 2**31 - 1
"""Versions and ordinals are stored as 32 bits."""

LimitParam = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most entries of a page.")]
CursorParam = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before.")
]


def page_of(
    found: Sequence[Entry],
    *,
    limit: int,
    show: Callable[[Entry], Row],
    place: Callable[[Entry], UUID | int],
) -> Page[Row]:
    """The first `limit` of what was found, one more of which tells that there are more.

    `place` is what the list is ordered by.
    """
    page = found[:limit]
    has_more = len(found) > limit
    return Page(
        data=[show(entry) for entry in page],
        next_cursor=cursor_after(place(page[-1])) if has_more else None,
        has_more=has_more,
    )


def cursor_after(value: UUID | int) -> str:
    """An opaque cursor behind this entry."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def read_id_cursor(cursor: str | None) -> UUID | None:
    """The id the page begins behind; InvalidCursor for anything else."""
    if cursor is None:
        return None
    try:
        value = UUID(_decoded(cursor))
    except ValueError as error:
        raise InvalidCursor from error
    return _checked(value, cursor)


def read_number_cursor(cursor: str | None, *, start: int) -> int:
    """The number the page begins behind, `start` without a cursor; InvalidCursor otherwise."""
    if cursor is None:
        return start
    try:
        number = int(_decoded(cursor))
    except ValueError as error:
        raise InvalidCursor from error
    if not start <= number <= MAX_NUMBER:
        raise InvalidCursor
    return _checked(number, cursor)


def _checked(value: Value, cursor: str) -> Value:
    """The value, if its cursor is the one given out: '1_0' is a number to Python too."""
    if cursor_after(value) != cursor:
        raise InvalidCursor
    return value


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(
            cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode("ascii")
    except (binascii.Error, UnicodeError) as error:
        raise InvalidCursor from error
