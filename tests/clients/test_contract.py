"""The client says what the service says: errors, fields and options cannot drift apart."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from app.http.answers import schemas as answers_wire
from app.http.documents import receipt_schemas as receipts_wire
from app.http.documents import schemas as documents_wire
from app.http.grounding import schemas as grounding_wire
from app.http.jobs import schemas as jobs_wire
from app.http.location import Location as WireLocation
from app.http.paging import Page
from app.http.problem_schemas import FieldProblem as WireFieldProblem
from app.http.problem_schemas import Problem as WireProblem
from app.http.problems import CODE_BY_STATUS, error_status
from app.http.search import schemas as search_wire
from footnote_client import AsyncClient, Client, FootnoteError, answers, contract
from footnote_client.async_client import AsyncClaimStream
from footnote_client.client import ClaimStream
from kb.errors import KnowledgeBaseError

WIRE: Mapping[str, type[BaseModel]] = {
    name: kind
    for module in (
        answers_wire,
        documents_wire,
        grounding_wire,
        jobs_wire,
        receipts_wire,
        search_wire,
    )
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, BaseModel)
} | {
    "Location": WireLocation,
    "FieldProblem": WireFieldProblem,
    "Problem": WireProblem,
    # An error of the client is called Conflict already.
    "Disagreement": answers_wire.Conflict,
    "DocumentPage": Page[documents_wire.Document],
}
OWN = {"VerifiedClaim": "the content of an event", "JsonValue": "any JSON"}
NOT_SENT = {"Document": {"etag"}}
"""What the client adds from a header."""

RESPONSES = {
    name: kind
    for module in (contract, answers)
    for name, kind in vars(module).items()
    if is_dataclass(kind) and name not in OWN
}
REQUESTS: Mapping[str, tuple[type, type[BaseModel], set[str]]] = {
    "upload": (contract.UploadFields, documents_wire.UploadFields, set()),
    "update": (contract.DocumentChanges, documents_wire.DocumentPatch, set()),
    "search": (contract.SearchOptions, search_wire.SearchRequest, {"query"}),
    "ask": (contract.AnswerOptions, answers_wire.AnswerRequest, {"question", "stream"}),
    "turn": (contract.TurnMessage, answers_wire.Turn, set()),
}


def catalogue() -> dict[str, int]:
    """Every code of the service, with its status."""
    found: dict[str, int] = {code: status for status, code in CODE_BY_STATUS.items()}
    waiting: list[type[KnowledgeBaseError]] = [KnowledgeBaseError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        # The codes of tests' own errors are no part of it.
        if kind.__module__ == KnowledgeBaseError.__module__:
            found[kind.code] = error_status(kind)
    return found


def test_each_code_of_the_service_has_a_class_below_that_of_its_status() -> None:
    status_by_class = {kind: status for status, kind in FootnoteError.by_status.items()}

    status_by_code = {
        code: next(status_by_class[each] for each in kind.__mro__ if each in status_by_class)
        for code, kind in FootnoteError.by_code.items()
    }

    assert status_by_code == catalogue()


def test_each_response_has_the_fields_of_the_service() -> None:
    differences = {
        name: expected ^ found
        for name, kind in RESPONSES.items()
        if (expected := set(WIRE[name].model_fields))
        != (found := {each.name for each in fields(kind)} - NOT_SENT.get(name, set()))
    }

    assert RESPONSES
    assert differences == {}


def choices(kind: Any) -> set[object]:  # noqa: ANN401  # any annotation
    """The values of the literals in an annotation."""
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    return set().union(*map(choices, get_args(kind)))


def test_each_closed_set_has_the_values_of_the_service() -> None:
    differences = {}
    for name, kind in RESPONSES.items():
        expected = get_type_hints(WIRE[name], include_extras=True)
        for each, hint in get_type_hints(kind).items():
            ours, theirs = choices(hint), choices(expected.get(each))
            if ours and ours != theirs:
                differences[f"{name}.{each}"] = ours ^ theirs

    assert differences == {}


@pytest.mark.parametrize(("ours", "theirs", "own"), REQUESTS.values(), ids=REQUESTS)
def test_each_request_has_the_options_of_the_service(
    ours: type, theirs: type[BaseModel], own: set[str]
) -> None:
    assert set(get_type_hints(ours)) == set(theirs.model_fields) - own


def public(kind: type) -> dict[str, list[str]]:
    """The names of the parameters of each method."""
    return {
        name.removeprefix("a") if name == "aclose" else name: list(
            inspect.signature(method).parameters
        )
        for name, method in vars(kind).items()
        if not name.startswith("_") and callable(method)
    }


@pytest.mark.parametrize(("one", "other"), [(Client, AsyncClient), (ClaimStream, AsyncClaimStream)])
def test_both_clients_can_do_the_same(one: type, other: type) -> None:
    assert public(one) == public(other)
    assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters)
