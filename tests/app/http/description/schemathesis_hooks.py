"""What no description of the API can say: values that a history or an installation decides."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias
from unicodedata import category
from uuid import uuid4

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode, HookContext, Response
from schemathesis.checks import CheckContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from kb.store.sources import MAX_PATTERNS

AnyCase: TypeAlias = Case[Any]

KNOWN: Final[Mapping[str, object]] = {
    "model": None,
    "prompt": None,
    "embedding_model": None,
    "cron": "0 2 * * *",
    "rerank": False,
    "url": "http://hooks.example:65535/hook",
    "uri": "https://intranet.example.org/handbook/",
}
"""Fields with the name of something that is configured, or in a language with a parser of its own,
and a value that this service takes."""


@schemathesis.hook
def before_call(_context: HookContext, case: AnyCase, _arguments: dict[str, Any]) -> None:
    """Puts what this service knows in the place of names that were made up."""
    meta = case.meta
    is_form = case.media_type == "multipart/form-data"
    # A form that was changed counts as faulty, since bytes are held against no schema.
    is_changed_form = is_form and meta and meta.phase.data.description == "Positive test case"
    if meta is None or not (meta.generation.mode.is_positive or is_changed_form):
        return
    make_parameters_known(case)
    if isinstance(case.body, dict):
        make_body_known(case.body)
    # Once it is read, the changes have been judged.
    if is_form and case.meta is meta:
        meta.generation.mode = GenerationMode.POSITIVE
        for component in meta.components.values():
            component.mode = GenerationMode.POSITIVE


def make_parameters_known(case: AnyCase) -> None:
    """Puts known values into the headers and the query."""
    if "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = str(uuid4())
    if "if-match" in case.headers:
        # Whatever the present revision is.
        case.headers["if-match"] = "*"
    is_stream = isinstance(case.body, dict) and case.body.get("stream")
    if case.operation.label == "POST /v1/answers" and not is_stream:
        # It resumes a stream, and is refused without one.
        case.headers.pop("last-event-id", None)
    if "filter" in case.query:
        # JSON in a string.
        case.query["filter"] = '{"language": "en"}'
    if "cursor" in case.query:
        # What it looks like is the list's own affair: its example is one.
        parameters = case.operation.definition.raw["parameters"]
        [described] = [each["schema"] for each in parameters if each["name"] == "cursor"]
        case.query["cursor"] = described["examples"][0]


def make_body_known(body: dict[str, Any]) -> None:
    """Puts known values into the body, and values that fit each other."""
    for name in KNOWN.keys() & body.keys():
        if KNOWN[name] is None:
            del body[name]
        else:
            body[name] = KNOWN[name]
    if "exclude" in body:
        # As many as `include` leaves room for.
        body["exclude"] = body["exclude"][: MAX_PATTERNS - len(body.get("include", ()))]
    for number, source in enumerate(body.get("sources", ())):
        # Each has an id of its own.
        source["id"] = str(number)
    if "files" in body:
        # JSON in a string, with as many entries as there are files.
        body["items"] = json.dumps([{}] * len(body["files"]))
    if "file" in body:
        # A form has no null; some values come from earlier responses, which have.
        for name in [name for name, value in body.items() if value is None]:
            del body[name]
    if "messages" in body:
        body["model"] = "footnote/default"
        body["messages"].append({"role": "user", "content": "How long is parental leave?"})


@schemathesis.hook
def filter_failure(
    _context: HookContext, failure: Failure, case: AnyCase, response: Response
) -> bool:
    """Whether the failure is one."""
    match failure:
        case AcceptedNegativeData():
            return not (is_header_more(failure) or is_refused_item_by_item(case, response))
        case RejectedPositiveData():
            return not is_refused_for_a_reason(case, response)
        case _:
            return True


def is_header_more(failure: AcceptedNegativeData) -> bool:
    """Servers pass over headers that they do not know."""
    return failure.message.endswith("in header - object with unexpected properties")


def is_refused_item_by_item(case: AnyCase, response: Response) -> bool:
    """Each item of a batch that is not as described has an error of its own, and there is one."""
    body: Any = case.body  # JSON of any shape
    is_json = case.media_type == "application/json"
    if response.status_code != 207 or not is_json or body.keys() != {"items"}:
        return False
    described = Draft202012Validator(
        {
            "$ref": "#/components/schemas/DocumentCreate",
            "components": case.operation.schema.raw_schema["components"],
        },
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    refused = [
        "error" in result
        for item, result in zip(body["items"], response.json()["data"], strict=True)
        if not described.is_valid(item)
    ]
    return bool(refused) and all(refused)


def is_refused_for_a_reason(case: AnyCase, response: Response) -> bool:
    """It depends on more than the request, or on more of it than the description can tell."""
    body: Any = case.body  # JSON of the schema
    match code_of(response), case.operation.label:
        case "limit_exceeded", "POST /v1/webhooks":
            # It depends on how many webhooks there are.
            is_reason = True
        case "unsupported_media_type", "POST /v1/documents":
            # It depends on the bytes of a file, or of a text.
            is_reason = True
        case "document_empty", "POST /v1/documents":
            # It depends on the bytes of a file.
            is_reason = "file" in body
        case "invalid_principal", _:
            # Beyond ASCII, Unicode says which characters nobody sees.
            is_reason = not all(name.isascii() for name in principals_of(body))
        case "invalid_request", "POST /v1/answers":
            # Unicode says which characters nobody sees.
            is_reason = all(map(is_unseen, body["question"]))
        case "invalid_request", "PATCH /v1/sources/{name}":
            # It depends on the readers that the source has already.
            is_taking_away = body.get("principals", "") is None or body.get("rules") == []
            is_reason = is_taking_away and "Say who may read" in response.text
        case _:
            is_reason = False
    return is_reason


def is_unseen(character: str) -> bool:
    """White space, a control or format character, or one that Unicode leaves to others."""
    return character.isspace() or category(character) in {"Cc", "Cf", "Co", "Cn"}


def principals_of(body: Any) -> Iterator[str]:  # noqa: ANN401  # JSON of any shape
    """The principals in a body."""
    if isinstance(body, dict):
        yield from body.get("principals") or ()
        for rule in body.get("rules") or ():
            yield from rule["principals"]


@schemathesis.check
def code_is_described(_ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """An error has one of the codes that its operation names for the status."""
    if response.status_code < 400 or case.operation.path == "/readyz":
        return
    described = case.operation.definition.raw["responses"].get(str(response.status_code))
    if described is None:  # another check tells of it
        return
    [content] = described["content"].values()
    code = code_of(response)
    assert code in content["examples"], f"{code!r} is not among {sorted(content['examples'])}"


def code_of(response: Response) -> str:
    """The code of a problem, or of an error as OpenAI has it."""
    body = response.json()
    return str(body.get("error", body)["code"])
