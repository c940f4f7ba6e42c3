"""Lists."""

from typing import Generic, TypeVar

from app.http.wire import ResponseModel

Row = TypeVar("Row")


class Page(ResponseModel, Generic[Row]):
    """One page of a list in a stable order."""

    data: list[Row]
    next_cursor: str | None
    has_more: bool
