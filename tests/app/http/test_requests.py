"""Requests: what is accepted, what is refused, and what reaches the code behind."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel, JsonValue, ValidationError

from app.http.answers.schemas import AnswerRequest, require_known_model
from app.http.documents.schemas import DocumentCreate, DocumentPatch, UploadFields
from app.http.search.schemas import SearchRequest
from kb.errors import InvalidFilter, InvalidInput, InvalidPrincipal
from kb.store.filters import parse_filter

MINIMAL: dict[type[BaseModel], dict[str, JsonValue]] = {
    DocumentCreate: {"text": "Leave is 30 days."},
    DocumentPatch: {},
    SearchRequest: {"query": "leave"},
    AnswerRequest: {"question": "How long is leave?"},
}


def problems(kind: type[BaseModel], **fields: JsonValue) -> list[tuple[str, str]]:
    """Place and message of each error."""
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({**MINIMAL[kind], **fields})
    return [
        (".".join(str(part) for part in error["loc"]), error["msg"])
        for error in refused.value.errors()
    ]


@pytest.mark.parametrize("kind", MINIMAL, ids=lambda kind: kind.__name__)
def test_minimal_body_is_enough(kind: type[BaseModel]) -> None:
    kind.model_validate(MINIMAL[kind])


@pytest.mark.parametrize("kind", MINIMAL, ids=lambda kind: kind.__name__)
def test_unknown_field_is_refused(kind: type[BaseModel]) -> None:
    ((place, message),) = problems(kind, fliter={})

    assert (place, message) == ("fliter", "Extra inputs are not permitted")


def test_defaults_are_those_of_the_contract() -> None:
    document = DocumentCreate.model_validate({"text": "x"})
    search = SearchRequest.model_validate({"query": "x"})
    answer = AnswerRequest.model_validate({"question": "x"})

    assert (document.collection, document.mode) == ("default", None)
    assert (document.principals, document.metadata) == (["tenant:*"], {})
    assert (search.top_k, search.mode, search.rerank, search.explain) == (
        10,
        "hybrid",
        False,
        False,
    )
    assert (answer.stream, answer.include_retrieved) == (False, False)


@pytest.mark.parametrize("field", ["as_of", "filter", "collections"])
def test_null_is_the_same_as_leaving_out(field: str) -> None:
    request = SearchRequest.model_validate({"query": "x", field: None})

    assert getattr(request, field) is None


@pytest.mark.parametrize("prompt", ["", "x" * 51])
def test_a_prompt_has_a_name_of_sane_length(prompt: str) -> None:
    ((place, _),) = problems(AnswerRequest, prompt=prompt)

    assert place == "prompt"


def test_model_must_be_configured() -> None:
    require_known_model(None, configured=[])
    require_known_model("small", configured=["small", "large"])

    with pytest.raises(InvalidInput, match=r"Unknown model 'big'. Configured: large, small."):
        require_known_model("big", configured=["small", "large"])
    with pytest.raises(InvalidInput, match="Configured: none"):
        require_known_model("big", configured=[])


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (SearchRequest, {"query": ""}),
        (SearchRequest, {"query": " \n\t"}),
        (SearchRequest, {"query": "a\0b"}),
        (SearchRequest, {"query": "\ud800"}),
        (SearchRequest, {"query": 5}),
        (SearchRequest, {"top_k": 0}),
        (SearchRequest, {"top_k": 1001}),
        (SearchRequest, {"top_k": "10"}),
        (SearchRequest, {"top_k": 10.5}),
        (SearchRequest, {"top_k": True}),
        (SearchRequest, {"mode": "semantic"}),
        (SearchRequest, {"mode": "HYBRID"}),
        (SearchRequest, {"explain": 1}),
        (SearchRequest, {"collections": []}),
        (SearchRequest, {"collections": "default"}),
        (SearchRequest, {"collections": [""]}),
        (SearchRequest, {"collections": ["a"] * 101}),
        (SearchRequest, {"filter": []}),
        (AnswerRequest, {"question": "\u2003"}),
        (AnswerRequest, {"history": [{"role": "system", "content": "x"}]}),
        (AnswerRequest, {"history": [{"role": "user"}]}),
        (AnswerRequest, {"history": [{"role": "user", "content": "x", "name": "y"}]}),
        (AnswerRequest, {"history": [{"role": "user", "content": "x"}] * 51}),
        (AnswerRequest, {"max_context_tokens": 0}),
        (AnswerRequest, {"max_output_tokens": -1}),
        (AnswerRequest, {"include_retrieved": "yes"}),
        (AnswerRequest, {"model": ""}),
        (DocumentCreate, {"text": None}),
        (DocumentCreate, {"text": "a\0b"}),
        (DocumentCreate, {"collection": ""}),
        (DocumentCreate, {"collection": "a\nb"}),
        (DocumentCreate, {"collection": " a"}),
        (DocumentCreate, {"collection": "x" * 201}),
        (DocumentCreate, {"external_id": ""}),
        (DocumentCreate, {"external_id": "x" * 513}),
        (DocumentCreate, {"external_id": "\ud83d"}),
        (DocumentCreate, {"mode": "replace", "external_id": "x"}),
        (DocumentCreate, {"mode": "upsert"}),
        (DocumentCreate, {"title": "x" * 1001}),
        (DocumentCreate, {"source_uri": "javascript:alert(1)"}),
        (DocumentCreate, {"source_uri": "JavaScript:alert(1)"}),
        (DocumentCreate, {"source_uri": "java\nscript:alert(1)"}),
        (DocumentCreate, {"source_uri": " javascript:alert(1)"}),
        (DocumentCreate, {"source_uri": "data:text/html,x"}),
        (DocumentCreate, {"language": "german language"}),
        (DocumentCreate, {"language": "de\n"}),
        (DocumentCreate, {"metadata": None}),
        (DocumentCreate, {"metadata": []}),
        (DocumentCreate, {"metadata": {"a": float("inf")}}),
        (DocumentCreate, {"metadata": {"a": [float("nan")]}}),
        (DocumentCreate, {"metadata": {"a": {"b": "\0"}}}),
        (DocumentCreate, {"metadata": {"a\0": 1}}),
        (DocumentCreate, {"metadata": {"a": {"\ud800": 1}}}),
        (DocumentCreate, {"metadata": {"a": "x" * 65_536}}),
        (DocumentCreate, {"principals": None}),
        (DocumentCreate, {"principals": []}),
        (DocumentCreate, {"principals": "user:ana"}),
        (DocumentCreate, {"principals": [5]}),
        (DocumentCreate, {"effective_at": "2026-03-01"}),
        (DocumentCreate, {"effective_at": "2026-03-01T09:00:00"}),
        (DocumentCreate, {"effective_at": "tomorrow"}),
        (DocumentCreate, {"effective_at": 1_700_000_000}),
        (DocumentCreate, {"expires_at": "0001-01-01T00:00:00+14:00"}),
        (DocumentCreate, {"supersedes": "the old one"}),
        (DocumentPatch, {"metadata": None}),
        (DocumentPatch, {"principals": None}),
        (DocumentPatch, {"principals": []}),
        (DocumentPatch, {"collection": "other"}),
        (DocumentPatch, {"external_id": "other"}),
    ],
)
def test_value_out_of_bounds_is_refused(
    kind: type[BaseModel], fields: dict[str, JsonValue]
) -> None:
    (changed,) = set(fields) - {"external_id"} or set(fields)

    ((place, _),) = problems(kind, **fields)

    # The rule about upsert is one about two fields.
    assert place.split(".")[0] == ("" if fields == {"mode": "upsert"} else changed)


def test_deep_metadata_is_refused_whatever_its_depth() -> None:
    shallow: JsonValue = {"a": 1}
    deep: JsonValue = shallow
    for _ in range(14):
        shallow = {"a": shallow}
    for _ in range(400):
        deep = {"a": deep}

    DocumentCreate.model_validate({"text": "x", "metadata": shallow})
    with pytest.raises(ValidationError):
        DocumentCreate.model_validate({"text": "x", "metadata": {"a": {"b": shallow}}})
    with pytest.raises(ValidationError):
        DocumentCreate.model_validate({"text": "x", "metadata": deep})


def test_principals_are_sorted_and_without_repeats() -> None:
    document = DocumentCreate.model_validate(
        {"text": "x", "principals": ["user:ana", "group:hr", "user:ana", "tenant:*"]}
    )

    assert document.principals == ["group:hr", "tenant:*", "user:ana"]


@pytest.mark.parametrize(
    "principal",
    ["ana", ":ana", "user:", "User:ana", "user:ana smith", "user:a,b", "user:" + 201 * "x"],
)
def test_malformed_principal_has_an_error_of_its_own(principal: str) -> None:
    with pytest.raises(InvalidPrincipal):
        DocumentCreate.model_validate({"text": "x", "principals": ["user:ana", principal]})


def test_times_become_utc() -> None:
    document = DocumentCreate.model_validate(
        {"text": "x", "effective_at": "2026-03-01T01:30:00+02:00"}
    )

    assert document.effective_at == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert document.effective_at.tzinfo is UTC


def test_misspelled_filter_never_runs_unfiltered() -> None:
    for request in (SearchRequest, AnswerRequest):
        with pytest.raises(InvalidFilter, match="'titel'"):
            request.model_validate({**MINIMAL[request], "filter": {"titel": "x"}})


def test_filter_is_kept_as_sent_and_read_as_a_tree() -> None:
    raw: dict[str, JsonValue] = {"metadata.year": {"$gte": 2024}}

    request = SearchRequest.model_validate({"query": "x", "filter": raw})

    assert request.filter == raw
    assert request.parsed_filter() == parse_filter(raw)
    assert SearchRequest.model_validate({"query": "x"}).parsed_filter() is None


def test_collections_lose_repeats_and_keep_their_order() -> None:
    request = SearchRequest.model_validate({"query": "x", "collections": ["b", "a", "b"]})

    assert request.collections == ["b", "a"]


def test_patch_tells_absent_from_null() -> None:
    patch = DocumentPatch.model_validate({"title": None, "principals": ["user:ana"]})

    assert patch.model_fields_set == {"title", "principals"}
    assert patch.title is None
    assert DocumentPatch.model_validate({}).model_fields_set == set()


def test_form_says_the_same_as_json() -> None:
    fields = {
        "collection": "hr",
        "external_id": "handbook",
        "mode": "upsert",
        "title": "Handbook",
        "source_uri": "https://intra/My handbook.pdf",
        "language": "de-CH",
        "effective_at": "2026-03-01T00:00:00Z",
        "supersedes": "0193a1b2-0000-7000-8000-000000000000",
    }
    metadata: JsonValue = {"year": 2026, "tags": ["a"]}

    from_form = UploadFields.from_form(
        [
            *fields.items(),
            ("metadata", json.dumps(metadata)),
            ("principals", "user:ana"),
            ("principals", "group:hr"),
        ]
    )

    assert from_form == UploadFields.model_validate(
        {**fields, "metadata": metadata, "principals": ["user:ana", "group:hr"]}
    )
    assert from_form.supersedes == UUID("0193a1b2-0000-7000-8000-000000000000")


@pytest.mark.parametrize(
    "values",
    [["user:ana", "group:hr"], ["user:ana, group:hr"], ['["user:ana", "group:hr"]']],
)
def test_form_lists_principals_in_three_ways(values: list[str]) -> None:
    fields = UploadFields.from_form([("principals", value) for value in values])

    assert fields.principals == ["group:hr", "user:ana"]


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ([("metadata", "{not json")], "metadata"),
        ([("metadata", "[1]")], "metadata"),
        ([("metadata", "[" * 100_000)], "metadata"),
        ([("metadata", '{"a": NaN}')], "metadata"),
        ([("title", "a"), ("title", "b")], "title"),
        ([("titel", "a")], "titel"),
        ([("effective_at", "")], "effective_at"),
        ([("external_id", "")], "external_id"),
        ([("principals", "[]")], "principals"),
    ],
)
def test_form_is_as_strict_as_json(form: list[tuple[str, str]], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        UploadFields.from_form(form)

    assert refused.value.errors()[0]["loc"][0] == place


def test_empty_principals_in_a_form_do_not_mean_everyone() -> None:
    with pytest.raises(InvalidPrincipal):
        UploadFields.from_form([("principals", "")])


def test_thousands_of_unknown_fields_are_one_fault() -> None:
    with pytest.raises(ValidationError) as caught:
        SearchRequest.model_validate({f"a{number}": 1 for number in range(3_000)})

    assert [error["type"] for error in caught.value.errors()] == ["value_error"]
