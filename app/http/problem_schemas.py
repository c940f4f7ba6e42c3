"""Errors as RFC 9457 problem details."""

from pydantic import Field

from app.http.response_fields import RequestIdField
from app.http.schemas import ResponseModel


class FieldProblem(ResponseModel):
    """The fault of one field of a request; never the value that was sent."""

    loc: list[str | int] = Field(
        description="The way to the field: `body`, `query`, `path` or `header`, then names and "
        "indices.",
        examples=[["body", "question"]],
    )
    msg: str = Field(description="What is wrong with it, for people.", examples=["Field required"])
    type: str = Field(description="The kind of fault.", examples=["missing"])


class Problem(ResponseModel):
    """The body of every error; `code` is stable, `detail` is for people."""

    type: str = Field(
        description="Leads to the code on a page of this service.",
        examples=["/docs/errors#invalid_request"],
    )
    title: str = Field(
        description="The meaning of the code, the same for every occurrence.",
        examples=["The request is not valid."],
    )
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(
        description="What went wrong this time, and what to do.",
        examples=["The request is not valid; 'errors' says where."],
    )
    code: str = Field(
        description="The stable code to decide by; the reference lists all of them.",
        examples=["invalid_request"],
    )
    request_id: RequestIdField
    errors: list[FieldProblem] | None = Field(
        default=None,
        description="The fields at fault, the first 20 of them; only with `invalid_request`.",
    )
    retry_after: int | None = Field(
        default=None,
        description="Seconds to wait before the same request can succeed, as in `Retry-After`.",
        examples=[5],
    )
