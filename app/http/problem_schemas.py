"""Errors as RFC 9457 problem details."""

from app.http.schemas import ResponseModel


class FieldProblem(ResponseModel):
    """The fault of one field of a request; never the value that was sent."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(ResponseModel):
    """The body of every error; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None
    retry_after: int | None = None
