"""What the API's description says of fields and among them is what is checked."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, JsonValue, ValidationError

import app.http.main  # noqa: F401  # brings all models of requests along
from app.http.answers.schemas import FeedbackRequest
from app.http.chat.schemas import ChatRequest
from app.http.documents.form_schemas import DocumentBatchForm
from app.http.documents.schemas import DocumentCreate, UploadFields
from app.http.grounding.schemas import GroundingRequest
from app.http.schemas import RequestModel
from app.http.search.schemas import SearchRequest
from kb.errors import DocumentEmpty
from kb.media_types import sniff

Model = type[BaseModel]

SOURCES: JsonValue = [{"id": "a", "text": "Leave is 16 weeks."}]
MESSAGES: JsonValue = [{"role": "user", "content": "How long is leave?"}]

MINIMAL: dict[Model, dict[str, JsonValue]] = {
    DocumentCreate: {"text": "Leave is 30 days."},
    UploadFields: {},
    GroundingRequest: {"sources": SOURCES},
    ChatRequest: {"model": "footnote/default", "messages": MESSAGES},
    FeedbackRequest: {"rating": 1},
    SearchRequest: {"query": "leave"},
}


def is_described(model: Model, body: JsonValue) -> bool:
    return Draft202012Validator(model.model_json_schema()).is_valid(body)


def is_taken(model: Model, body: JsonValue) -> bool:
    try:
        model.model_validate(body)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "fields", "is_right"),
    [
        (DocumentCreate, {"mode": "upsert"}, False),
        (DocumentCreate, {"mode": "upsert", "external_id": None}, False),
        (DocumentCreate, {"mode": "upsert", "external_id": "leave.md"}, True),
        (DocumentCreate, {"mode": "create"}, True),
        (DocumentCreate, {"mode": None}, True),
        (DocumentCreate, {"expires_at": "2026-03-01T09:00:00.123456+14:00"}, True),
        (DocumentCreate, {"expires_at": "2026-03-01T09:00:00+15:00"}, False),
        (DocumentCreate, {"expires_at": "2026-03-01T09:00:00"}, False),
        (DocumentCreate, {"expires_at": "2026-03-01t09:00:00z"}, False),
        (DocumentCreate, {"expires_at": "2026-03-01T09:00:60Z"}, False),
        (DocumentCreate, {"expires_at": "2026-03-01"}, False),
        (SearchRequest, {"as_of": "2026-03-01T09:00:00Z"}, True),
        (SearchRequest, {"as_of": "2026-03-01T09:00:00-21:03"}, False),
        (UploadFields, {"mode": "upsert"}, False),
        (UploadFields, {"external_id": "leave.md"}, True),
        (GroundingRequest, {}, False),
        (GroundingRequest, {"answer": None, "claims": None}, False),
        (GroundingRequest, {"answer": "It is long.", "claims": ["It is long."]}, False),
        (GroundingRequest, {"answer": "It is long.", "claims": None}, True),
        (GroundingRequest, {"answer": None, "claims": ["It is long."]}, True),
        (GroundingRequest, {"claims": ["It is long."]}, True),
        (ChatRequest, {"logprobs": True}, False),
        (ChatRequest, {"logprobs": False}, True),
        (ChatRequest, {"max_tokens": 472.0, "n": 1.0, "seed": 7.0, "top_logprobs": 0.0}, True),
        (ChatRequest, {"max_tokens": 472.5}, False),
        (ChatRequest, {"max_tokens": 0.0}, False),
        (ChatRequest, {"n": 2.0}, False),
        (ChatRequest, {"seed": True}, False),
        (FeedbackRequest, {"rating": 1.0}, True),
        (FeedbackRequest, {"rating": True}, False),
        (FeedbackRequest, {"rating": 1.5}, False),
        (SearchRequest, {"top_k": 1e300}, False),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else repr(value)[:60],
)
def test_what_is_described_is_taken_and_nothing_else(
    model: Model, fields: dict[str, JsonValue], *, is_right: bool
) -> None:
    body = {**MINIMAL[model], **fields}

    assert (is_described(model, body), is_taken(model, body)) == (is_right, is_right)


@pytest.mark.parametrize(
    ("text", "is_empty"), [("", True), (" \t\n\v\f\r", True), ("\u00a0", False), ("\n.", False)]
)
def test_a_text_of_white_space_alone_is_not_described(text: str, *, is_empty: bool) -> None:
    expected = pytest.raises(DocumentEmpty) if is_empty else nullcontext()

    with expected:
        sniff(text.encode(), filename=None, declared="text/plain")
    assert is_described(DocumentCreate, {"text": text}) != is_empty


def request_models(model: type[RequestModel] = RequestModel) -> Iterator[type[RequestModel]]:
    for kind in model.__subclasses__():
        yield kind
        yield from request_models(kind)


def integers() -> Iterator[tuple[Model, str, float]]:
    """Every integer of a request, with a value that it may have."""
    for model in request_models():
        for name, field in model.model_json_schema().get("properties", {}).items():
            if any(each.get("type") == "integer" for each in field.get("anyOf", [field])):
                yield model, name, float(field["examples"][0])


def test_every_integer_may_be_written_with_a_point() -> None:
    refused: list[tuple[str, str]] = []
    for model, name, value in integers():
        try:
            model.model_validate({name: value})
        except ValidationError as error:
            if any(fault["loc"][:1] == (name,) for fault in error.errors()):
                refused.append((model.__name__, name))

    assert refused == []
    assert len(list(integers())) >= 10


def test_an_integer_that_is_written_with_a_point_is_one() -> None:
    request = SearchRequest.model_validate({"query": "leave", "top_k": 10.0})

    assert repr(request.top_k) == "10"


def test_the_items_of_a_form_are_described() -> None:
    schema = DocumentBatchForm.model_json_schema()
    content = {**schema["properties"]["items"]["contentSchema"], "$defs": schema["$defs"]}
    described = Draft202012Validator(content)

    assert described.is_valid([{"title": "Leave"}, {}])
    assert not described.is_valid([{"titel": "Leave"}])
    assert not described.is_valid([])
