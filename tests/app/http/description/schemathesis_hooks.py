"""What no description of the API can say: values that a history or an installation decides."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from uuid import uuid4

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.checks import CheckContext
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

AnyCase: TypeAlias = Case[Any]

REFUSED_FOR_A_REASON: Final[Mapping[str, str]] = {
    "invalid_cursor": "only a cursor that this list gave out is one",
    "idempotency_key_reused": "it depends on what the key was used for before",
    "revision_mismatch": "it depends on the document's present revision",
    "outbound_refused": "it depends on what a name resolves to",
    "source_uri_refused": "the operator says which addresses may be sources",
    "invalid_principal": "Unicode says which characters nobody sees",
    "limit_exceeded": "it depends on how many webhooks there are",
    "unsupported_media_type": "it depends on the bytes of a file",
    "document_empty": "it depends on the bytes of a file",
}
"""Codes by which a request that the description allows may be refused all the same."""

RULES_AMONG_FIELDS: Final = (
    # As many files as items: JSON Schema does not count one field by another.
    "each file needs its own",
    # A source without readers, in either of two fields.
    "Say who may read what comes from the source",
)
"""Of the texts of 422: rules that the descriptions of the fields tell in words."""

KNOWN: Final[Mapping[str, object]] = {
    "model": None,
    "prompt": None,
    "embedding_model": None,
    "cron": "0 2 * * *",
    "rerank": False,
    "logprobs": None,
    "mode": None,
    "exclude": [],
    "url": "http://127.0.0.1:65535/hook",
}
"""Fields with the name of something that is configured, or in a language with a parser of its own,
and a value that this service takes."""


@schemathesis.hook
def before_call(_context: HookContext, case: AnyCase, _arguments: dict[str, Any]) -> None:
    """Puts what this service knows in the place of names that were made up."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "idempotency-key" in case.headers:
        case.headers["idempotency-key"] = str(uuid4())
    if "filter" in case.query:
        # JSON in a string.
        case.query["filter"] = '{"language": "en"}'
    body: Any = case.body  # JSON of the schema
    if not isinstance(body, dict):
        return
    if case.operation.path == "/v1/answers" and not body.get("stream"):
        # It resumes a stream, and is refused without one.
        case.headers.pop("last-event-id", None)
    is_chat = "messages" in body
    is_search = case.operation.path == "/v1/search"
    for name in KNOWN.keys() & body.keys() - ({"mode"} if is_search else set()):
        if KNOWN[name] is None:
            del body[name]
        else:
            body[name] = KNOWN[name]
    for number, source in enumerate(body.get("sources", ())):
        # Each has an id of its own.
        source["id"] = str(number)
    if is_chat:
        body["model"] = "footnote/default"
        body["messages"].append({"role": "user", "content": "How long is parental leave?"})


@schemathesis.hook
def filter_failure(
    _context: HookContext, failure: Failure, _case: AnyCase, response: Response
) -> bool:
    """Whether the failure is one."""
    match failure:
        case AcceptedNegativeData():
            return not is_taken_for_a_fault(failure, response)
        case RejectedPositiveData():
            return code_of(response) not in REFUSED_FOR_A_REASON and not is_told_in_words(response)
        case _:
            return True


def is_taken_for_a_fault(failure: AcceptedNegativeData, response: Response) -> bool:
    """A header more, which every server takes; what is none; an item that has its own error."""
    is_none = any(
        each in failure.message
        for each in ("in header - object with unexpected properties", "positive test case")
    )
    results = response.json()["data"] if response.status_code == 207 else ()
    return is_none or any("error" in result for result in results)


def is_told_in_words(response: Response) -> bool:
    """A rule among fields, or an integer written as 3.0, which is taken for a slip."""
    told = response.text
    faults = {fault["type"] for fault in response.json().get("errors") or ()}
    is_slip = faults == {"int_type"} or "max_tokens: Input should be a valid integer" in told
    return is_slip or any(rule in told for rule in RULES_AMONG_FIELDS)


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
