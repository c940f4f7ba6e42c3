"""The problems that an operation may answer with, as the API's description tells of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from app.http.openai_problems import chat_error
from app.http.operation_table import Errors
from app.http.problem_schemas import FieldProblem, Problem
from app.http.problems import CODE_BY_STATUS, PROBLEM_MEDIA_TYPE, problem_of, unread_problem
from app.http.response_fields import REQUEST_ID
from kb.errors import (
    ActingForOthersNotAllowed,
    CredentialInvalid,
    CredentialMissing,
    DatabaseUnavailable,
    DiskFull,
    IdempotencyKeyReused,
    InvalidCursor,
    InvalidFilter,
    InvalidInput,
    InvalidPrincipal,
    KnowledgeBaseError,
    Overloaded,
    RateLimited,
    RevisionMismatch,
    ScopeMissing,
    StillRunning,
    Stopping,
    TransactionConflict,
    UploadTooLarge,
)

Json = dict[str, JsonValue]

OF_EVERY_OPERATION: Final[Errors] = (
    CredentialMissing,
    CredentialInvalid,
    ScopeMissing,
    ActingForOthersNotAllowed,
    InvalidInput,
    InvalidPrincipal,
    RateLimited,
    DatabaseUnavailable,
    Overloaded,
    DiskFull,
    TransactionConflict,
    Stopping,
    KnowledgeBaseError,
)
"""Below /v1: who asks is found out before anything is done."""

BY_PARAMETER: Final[Mapping[str, Errors]] = {
    "idempotency-key": (IdempotencyKeyReused, StillRunning),
    "if-match": (RevisionMismatch,),
    "cursor": (InvalidCursor,),
    "filter": (InvalidFilter,),
}
"""What taking a parameter brings along."""

UNREAD: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
"""What the server refuses before it is a request; a full server answers 503 as well."""

SECONDS_SHOWN: Final = 30


def errors_of(parameters: Iterable[str], *, has_body: bool, own: Errors) -> list[Problem]:
    """The problems of an operation below /v1, each once, by status."""
    kinds = [*OF_EVERY_OPERATION, *own]
    for name in parameters:
        kinds += BY_PARAMETER.get(name.lower(), ())
    statuses = [*UNREAD, HTTPStatus.SERVICE_UNAVAILABLE]
    if has_body:
        kinds.append(UploadTooLarge)
        statuses.append(HTTPStatus.BAD_REQUEST)
    problems = [*map(_problem, kinds), *map(_unread, statuses)]
    by_code = {problem.code: problem for problem in problems}
    return sorted(by_code.values(), key=lambda problem: problem.status)


def problem_responses(problems: Sequence[Problem], *, is_chat: bool) -> Json:
    """The responses by status; their examples are those of `problem_examples`."""
    by_status: dict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_status[problem.status].append(problem)
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: "
            + ", ".join(f"`{each.code}`" for each in those),
            "headers": dict(_headers(those)),
            "content": {
                "application/json" if is_chat else PROBLEM_MEDIA_TYPE: {
                    "schema": {
                        "$ref": f"#/components/schemas/{'ChatErrorBody' if is_chat else 'Problem'}"
                    },
                    "examples": {
                        each.code: {
                            "$ref": f"#/components/examples/{example_name(each, is_chat=is_chat)}"
                        }
                        for each in those
                    },
                }
            },
        }
        for status, those in by_status.items()
    }


def example_name(problem: Problem, *, is_chat: bool) -> str:
    """The name of the problem's example among the components."""
    return f"chat.{problem.code}" if is_chat else problem.code


def problem_example(problem: Problem, *, is_chat: bool) -> Json:
    """The problem as it is sent."""
    value = chat_error(problem).model_dump() if is_chat else problem.model_dump(exclude_none=True)
    return {"summary": problem.title, "value": value}


def _problem(kind: type[KnowledgeBaseError]) -> Problem:
    if issubclass(kind, RateLimited):
        return problem_of(kind(retry_after_seconds=SECONDS_SHOWN), request_id=REQUEST_ID)
    problem = problem_of(kind(), request_id=REQUEST_ID)
    if kind is InvalidInput:
        fault = FieldProblem(loc=["body", "question"], msg="Field required", type="missing")
        return problem.model_copy(update={"errors": [fault]})
    return problem


def _unread(status: HTTPStatus) -> Problem:
    problem = unread_problem(status, f"{status.description}.")
    return problem.model_copy(update={"request_id": REQUEST_ID, "code": CODE_BY_STATUS[status]})


def _headers(problems: Iterable[Problem]) -> Iterator[tuple[str, JsonValue]]:
    if any(problem.retry_after is not None for problem in problems):
        yield "Retry-After", {"$ref": "#/components/headers/Retry-After"}
    if any(problem.status == HTTPStatus.TOO_MANY_REQUESTS for problem in problems):
        for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
            yield name, {"$ref": f"#/components/headers/{name}"}
    if any(problem.status == HTTPStatus.UNAUTHORIZED for problem in problems):
        yield "WWW-Authenticate", {"$ref": "#/components/headers/WWW-Authenticate"}
