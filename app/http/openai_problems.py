"""Errors as OpenAI's clients read them, on the paths of their API."""

from http import HTTPStatus
from typing import Final

from pydantic import Field

from app.http.problem_schemas import FieldProblem, Problem
from app.http.schemas import ResponseModel

MAX_FIELDS_SHOWN: Final = 3
"""A client shows one message; the first faults say what to mend."""


class ChatError(ResponseModel):
    """The error; `code` is stable, `message` is for people, `param` names the field."""

    message: str = Field(
        description="What went wrong and what to do.", examples=["The request is not valid."]
    )
    type: str = Field(description="The kind of error.", examples=["invalid_request_error"])
    param: str | None = Field(description="The field at fault.", examples=["messages"])
    code: str = Field(
        description="The stable code to decide by; the reference lists all of them.",
        examples=["invalid_request"],
    )


class ChatErrorBody(ResponseModel):
    """The body of every error on the paths that OpenAI's clients use."""

    error: ChatError = Field(description="The error.")


def is_chat_path(path: str) -> bool:
    """True for the paths at which OpenAI's clients ask."""
    return path.startswith(("/v1/chat/", "/v1/models/")) or path == "/v1/models"


def chat_error(problem: Problem) -> ChatErrorBody:
    """The same error in OpenAI's words; the message names the fields at fault and why."""
    fields = problem.errors or []
    faults = "; ".join(
        f"{_place(each)}: {each.msg.removeprefix('Value error, ').rstrip('.')}"
        for each in fields[:MAX_FIELDS_SHOWN]
    )
    match problem.status:
        case HTTPStatus.UNAUTHORIZED:
            kind = "authentication_error"
        case HTTPStatus.FORBIDDEN:
            kind = "permission_error"
        case HTTPStatus.TOO_MANY_REQUESTS:
            kind = "rate_limit_error"
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            kind = "server_error"
        case _:
            kind = "invalid_request_error"
    return ChatErrorBody(
        error=ChatError(
            message=f"{problem.title} {faults}." if faults else problem.detail,
            type=kind,
            param=_place(fields[0]) if fields else None,
            code=problem.code,
        )
    )


def _place(field: FieldProblem) -> str:
    inside = field.loc[1:] if field.loc[:1] == ["body"] else field.loc
    return ".".join(map(str, inside)) or "body"
