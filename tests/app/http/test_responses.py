"""Responses have every field of the contract, and its enumerations to the letter."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from pydantic import BaseModel

from app.answering import claims, outcome
from app.http import location
from app.http.answers import schemas as answers
from app.http.documents import receipt_schemas
from app.http.documents import schemas as documents
from app.http.jobs import schemas as jobs
from app.http.paging import Page
from app.http.problem_schemas import Problem
from app.http.search import schemas as search
from kb.store.choices import JobStatus
from kb.store.documents import DocumentStatus
from kb.store.uploads import UploadMode

FIELDS: dict[type[BaseModel], str] = {
    documents.Document: (
        "id external_id collection title filename source_uri media_type language version "
        "content_sha256 size_bytes status warnings error chunk_count principals metadata "
        "effective_at expires_at created_at updated_at pending_upload"
    ),
    documents.DocumentAccepted: "document job",
    receipt_schemas.DocumentDeleted: "receipt",
    location.Location: "section page slide sheet row char_start char_end",
    jobs.Job: "id kind status progress error attempts",
    jobs.Progress: "done total unit",
    jobs.JobError: "code message retryable",
    search.SearchHit: "chunk_id document text location scores ranks",
    search.FoundDocument: "id external_id version title filename source_uri updated_at",
    search.Scores: "fused bm25 cosine rerank",
    search.Ranks: "lexical vector",
    search.SearchTimings: "embed lexical vector fetch total",
    answers.Answer: (
        "id status reason answer claims citations conflicts clarifying_question retrieved context "
        "usage model prompt generation timings_ms created_at request_id handover "
        "confidence_reason feedback"
    ),
    answers.Claim: "text verdict score citations wording draft",
    answers.Citation: (
        "id marker document_id document_version external_id title filename source_uri chunk_id "
        "quote location content_sha256 verification"
    ),
    answers.Feedback: "answer_id rating reason_code comment created_at updated_at",
    answers.CitationVerification: "method checks reader",
    answers.Checks: "source quote numbers names negation coverage",
    answers.ContextUse: "budget used dropped",
    answers.Usage: "input_tokens output_tokens cost_usd cache",
    answers.PromptUse: "name version",
    Page: "data next_cursor has_more",
    Problem: "type title status detail code request_id errors retry_after",
}
"""From the contract, word for word."""

IN_RECORDS_ONLY: dict[type[BaseModel], set[str]] = {answers.Claim: {"draft"}}
"""What a response does not have, and the stored record may."""

ENUMERATIONS = [
    (
        DocumentStatus,
        "pending processing ready ready_with_warnings failed deleting deleted",
    ),
    (JobStatus, "queued running succeeded completed_with_errors failed canceled"),
    (UploadMode, "create upsert"),
    (search.SearchMode, "hybrid lexical vector"),
    (
        outcome.AnswerStatus,
        "answered partially_supported unsupported conflicting needs_clarification escalate blocked",
    ),
    (
        outcome.AnswerReason,
        (
            "no_results low_relevance insufficient_evidence verification_failed stale_evidence "
            "out_of_scope policy injection_detected"
        ),
    ),
    (claims.Verdict, "supported unsupported contradicted"),
    (claims.MatchMethod, "exact normalized snapped"),
]


def test_fields_are_those_of_the_contract_in_its_order() -> None:
    assert {kind: " ".join(kind.model_fields) for kind in FIELDS} == FIELDS


def test_search_response_has_every_field_of_the_contract() -> None:
    contract = {"data", "generation", "timings_ms", "request_id"}

    assert contract <= set(search.SearchResponse.model_fields)


def test_enumerations_are_those_of_the_contract() -> None:
    written = [(literal, " ".join(get_args(literal))) for literal, _ in ENUMERATIONS]

    assert written == ENUMERATIONS


def test_no_field_can_be_forgotten() -> None:
    """Optional ones are null, not absent: callers need not ask whether a key is there."""
    optional = {
        kind: {name for name, field in kind.model_fields.items() if not field.is_required()}
        for kind in FIELDS.keys() - {Problem, Page}
    }

    assert {kind: names for kind, names in optional.items() if names} == IN_RECORDS_ONLY


def test_times_are_written_in_utc() -> None:
    in_tokyo = datetime(2026, 3, 1, 9, 0, tzinfo=timezone(timedelta(hours=9)))

    version = documents.DocumentVersion(
        version=1,
        content_sha256="0" * 64,
        size_bytes=1,
        media_type="text/plain",
        parser="text",
        parser_version="1",
        created_at=in_tokyo,
    )

    assert version.created_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert json.loads(version.model_dump_json())["created_at"] == "2026-03-01T00:00:00Z"


def test_a_page_is_typed_by_its_rows() -> None:
    page = Page[jobs.Progress](
        data=[jobs.Progress(done=1, total=None, unit="chunks")], next_cursor=None, has_more=False
    )

    assert json.loads(page.model_dump_json()) == {
        "data": [{"done": 1, "total": None, "unit": "chunks"}],
        "next_cursor": None,
        "has_more": False,
    }


def test_every_body_can_be_described_in_openapi() -> None:
    requests: list[type[BaseModel]] = [
        search.SearchRequest,
        answers.AnswerRequest,
        documents.DocumentCreate,
    ]
    for kind in [*FIELDS, *requests]:
        described = kind.model_json_schema()

        assert set(described["properties"]) == set(kind.model_fields), kind
        assert described["additionalProperties"] is False, kind
