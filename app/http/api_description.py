"""The description of the API, `/openapi.json`: what FastAPI finds, and what it cannot know."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from app.http.answers.events import AnswerStreamEvent
from app.http.chat.chunks import ChatStreamEvent
from app.http.described_problems import (
    errors_of,
    example_name,
    problem_example,
    problem_responses,
)
from app.http.documents.form_schemas import DocumentBatchForm, DocumentForm
from app.http.documents.schemas import DocumentBatch, DocumentCreate
from app.http.jobs.events import JobStreamEvent
from app.http.openai_problems import ChatErrorBody, is_chat_path
from app.http.operation_table import OPERATIONS
from app.http.problem_schemas import Problem
from app.http.response_fields import ETAG, REQUEST_ID

Json = Any  # JSON of any shape, looked at key by key

COMPONENTS: Final = "#/components/schemas/"

UNKNOWN_TO_FASTAPI: Final = (
    Problem,
    ChatErrorBody,
    DocumentCreate,
    DocumentForm,
    DocumentBatch,
    DocumentBatchForm,
    AnswerStreamEvent,
    JobStreamEvent,
    ChatStreamEvent,
)
"""Models that no route declares: errors, events, and bodies that routes read themselves."""

NEVER_SENT: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own errors, in whose place a Problem is sent."""

NULL: Final = {"type": "null"}

HEADERS: Final[Json] = {
    "X-Request-Id": {
        "description": "The id of the request: the caller's own, if it sent one.",
        "schema": {"type": "string", "examples": [REQUEST_ID]},
    },
    "Retry-After": {
        "description": "Seconds to wait before the same request can succeed.",
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    },
    "RateLimit-Limit": {
        "description": "Requests that the key may make in a minute.",
        "schema": {"type": "integer", "minimum": 1, "examples": [600]},
    },
    "RateLimit-Remaining": {
        "description": "Requests that are left of them.",
        "schema": {"type": "integer", "minimum": 0, "examples": [0]},
    },
    "RateLimit-Reset": {
        "description": "Seconds until there are more.",
        "schema": {"type": "integer", "minimum": 1, "examples": [30]},
    },
    "WWW-Authenticate": {
        "description": "The kind of credential that is needed.",
        "schema": {"type": "string", "examples": ["Bearer"]},
    },
    "ETag": {
        "description": "A hash of the body, for `If-Match` and `If-None-Match`.",
        "schema": {"type": "string", "examples": [ETAG]},
    },
}

TAGS: Final = {
    "documents": "What there is to know: upload, read, change, delete.",
    "collections": "Rules for the documents of a collection.",
    "jobs": "Work that goes on in the background.",
    "search": "Find passages.",
    "answers": "Ask questions, and check claims.",
    "openai": "The same for clients of OpenAI's API.",
    "reindex": "Bring everything up to date, as at night.",
    "sources": "Places that documents come from.",
    "webhooks": "Have others told of what happens.",
    "operation": "For operators and monitoring; no key is needed.",
}


def add_description(app: FastAPI) -> None:
    """From now on the application describes itself with all that is known of its operations."""

    def described() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation does it


def _described(app: FastAPI) -> Json:
    document: Json = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=[{"name": name, "description": meaning} for name, meaning in TAGS.items()],
    )
    schemas = document["components"]["schemas"]
    for name in NEVER_SENT:
        del schemas[name]
    schemas |= _schemas()
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            # What is not sent is not null: a client would send what stands here.
            if field.get("default", ...) is None:
                del field["default"]
    examples: Json = {}
    for method, path, operation in operations_of(document):
        _describe(operation, method, path, examples)
        _show_bodies(document, operation)
    components = {"examples": dict(sorted(examples.items())), "headers": HEADERS}
    document["components"] |= components
    return _with_names_of_pages(document)


def operations_of(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method, path and description of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _schemas() -> Json:
    """The schemas of the models that FastAPI does not know."""
    models: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (model.__name__, "validation", TypeAdapter(model)) for model in UNKNOWN_TO_FASTAPI
    ]
    _, found = TypeAdapter.json_schemas(models, ref_template=f"{COMPONENTS}{{model}}")
    return found["$defs"]


def _with_names_of_pages(document: Json) -> Json:
    """The document in which a page is called as its model is; FastAPI says Page_Document_."""
    text = json.dumps(document)
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("Page_"):
            text = text.replace(f'"{name}"', f'"{schema["title"]}"')
            text = text.replace(f'"{COMPONENTS}{name}"', f'"{COMPONENTS}{schema["title"]}"')
    return json.loads(text)


def _describe(operation: Json, method: str, path: str, examples: Json) -> None:
    """Completes the operation, and adds the examples that it refers to."""
    known = OPERATIONS[method, path]
    operation["operationId"] = known.id
    for parameter in operation.get("parameters", ()):
        # None stands for a parameter that is not sent, and null is a word like any other.
        if "anyOf" in parameter["schema"]:
            options = [each for each in parameter["schema"].pop("anyOf") if each != NULL]
            parameter["schema"] |= options[0] if len(options) == 1 else {"anyOf": options}
    # The first line of the docstring is the summary; what follows it is said besides.
    operation["summary"] = operation["description"].partition("\n")[0].rstrip(".")
    is_public = not path.startswith("/v1/")
    if is_public:
        operation["security"] = []
    else:
        # FastAPI lists the scopes as if all of them were needed: one is enough.
        [(scheme, scopes)] = operation["security"][0].items()
        operation["security"] = [{scheme: [scope]} for scope in scopes]
        is_chat = is_chat_path(path)
        problems = errors_of(
            [each["name"] for each in operation.get("parameters", ())],
            has_body="requestBody" in operation,
            own=known.errors,
        )
        operation["responses"] |= problem_responses(problems, is_chat=is_chat)
        for problem in problems:
            name = example_name(problem, is_chat=is_chat)
            examples[name] = problem_example(problem, is_chat=is_chat)
    names = {each["name"] for each in operation.get("parameters", ())}
    if names & {"if-match", "if-none-match"}:
        etag = {"$ref": "#/components/headers/ETag"}
        operation["responses"]["200"].setdefault("headers", {})["ETag"] = etag
    for status, response in operation["responses"].items():
        response.setdefault("headers", {})["X-Request-Id"] = {
            "$ref": "#/components/headers/X-Request-Id"
        }
        if response["description"] == "Successful Response":
            response["description"] = HTTPStatus(int(status)).phrase


def _show_bodies(document: Json, operation: Json) -> None:
    """Gives each body an example, unless it has one."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for media_type in body.get("content", {}).values():
            if not {"example", "examples"} & media_type.keys():
                media_type["example"] = example_of(document, media_type["schema"])


def example_of(document: Json, schema: Json) -> Json:
    """A value that the schema describes, made of the examples in it.

    ValueError for a schema that neither has nor is made of schemas that have one.
    """
    match schema:
        case {"examples": [example, *_]} | {"const": example} | {"default": example}:
            return example
        case {"$ref": reference}:
            name = reference.removeprefix(COMPONENTS)
            return example_of(document, document["components"]["schemas"][name])
        case {"contentSchema": content}:
            return json.dumps(example_of(document, content))
        case {"oneOf": [option, *_]} | {"anyOf": [option, *_]}:
            return example_of(document, option)
        case {"properties": fields}:
            return {
                name: example_of(document, fields[name]) for name in schema.get("required", fields)
            }
        case {"items": entry}:
            return [example_of(document, entry)]
        case _:
            raise ValueError(f"nothing shows an example of {schema}")
