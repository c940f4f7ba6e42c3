"""Pages of lists, and the cursors behind which the next ones begin."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field
from typing_extensions import override

from app.http.schemas import ResponseModel
from kb.errors import InvalidCursor

Entry = TypeVar("Entry")
Row = TypeVar("Row")

Value = TypeVar("Value", UUID, int)

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

MAX_NUMBER = 2**31 - 1
"""Versions and ordinals are stored as 32 bits."""

LimitParam = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description="Most entries of a page.", examples=[20])
]


def _cursor(example: str) -> Any:  # noqa: ANN401  # as FastAPI's Query
    return Query(
        max_length=200,
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        description="`next_cursor` of the page before; unset for the first one.",
        examples=[example],
    )


CursorParam = Annotated[str | None, _cursor("MDFhMWZiYjktOWY2Ni03OTFkLTk1M2UtZGNiNDZjNDlhOGEw")]
"""Of a list in the order of ids."""

NumberCursorParam = Annotated[str | None, _cursor("MTk")]
"""Of a list in the order of numbers."""


class Page(ResponseModel, Generic[Row]):
    """One page of a list in a stable order."""

    # A page of something has no docstring of its own.
    model_config = ConfigDict(json_schema_extra={"description": __doc__})

    data: list[Row] = Field(description="The entries of this page.")
    next_cursor: str | None = Field(
        description="Sent as `cursor`, gives the next page; null on the last one.",
        examples=["MDFhMWZiYjktOWY2Ni03OTFkLTk1M2UtZGNiNDZjNDlhOGEw"],
    )
    has_more: bool = Field(description="Whether another page follows.", examples=[True])

    @classmethod
    @override
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:  # as pydantic has it
        """A name that generated clients can use, such as DocumentPage."""
        return f"{params[0].__name__}Page"


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
    return None if cursor is None else _read_cursor(cursor, UUID)


def read_number_cursor(cursor: str | None, *, start: int) -> int:
    """The number the page begins behind, `start` without a cursor; InvalidCursor otherwise."""
    if cursor is None:
        return start
    number = _read_cursor(cursor, int)
    if not start <= number <= MAX_NUMBER:
        raise InvalidCursor
    return number


def _read_cursor(cursor: str, read: Callable[[str], Value]) -> Value:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        value = read(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    except ValueError as error:
        raise InvalidCursor from error
    # Only the cursor that was given out counts: '1_0' is a number to Python too.
    if cursor_after(value) != cursor:
        raise InvalidCursor
    return value
