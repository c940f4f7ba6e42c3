"""Every operation of the API: the name it goes by in clients, and the errors of its own.

The errors that operations share, such as a missing key, are in `described_problems`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from kb.errors import (
    AlreadyExists,
    AnswerNotFound,
    BudgetExhausted,
    DeliveryNotFound,
    DocumentDeleted,
    DocumentEmpty,
    DocumentNotFound,
    DocumentOfAnother,
    EvidenceDeleted,
    FileStoreUnavailable,
    IndexNotReady,
    InvalidFilter,
    JobFinished,
    JobNotFound,
    JobOfAnother,
    KnowledgeBaseError,
    LimitExceeded,
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    ModelUnavailable,
    ModerationUnavailable,
    NotFound,
    NothingHeld,
    OutboundRefused,
    OutboundTimedOut,
    ReindexRunNotFound,
    RequestBudgetExceeded,
    SourceNotFound,
    SourceUriRefused,
    SpaceChanged,
    StillRunning,
    TextTooLong,
    UnsupportedMediaType,
    VersionNotFound,
    WebhookNotFound,
    WorkTooCostly,
)

Errors: TypeAlias = tuple[type[KnowledgeBaseError], ...]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The id is `resource.verb`; the errors are those that not every operation has."""

    id: str
    errors: Errors = ()


def _operation(operation_id: str, *errors: type[KnowledgeBaseError]) -> Operation:
    return Operation(id=operation_id, errors=errors)


UPLOADING: Final[Errors] = (
    DocumentNotFound,
    DocumentDeleted,
    AlreadyExists,
    DocumentOfAnother,
    UnsupportedMediaType,
    DocumentEmpty,
    FileStoreUnavailable,
)
SEARCHING: Final[Errors] = (
    InvalidFilter,
    TextTooLong,
    WorkTooCostly,
    ModelUnavailable,
    IndexNotReady,
    SpaceChanged,
)
ANSWERING: Final[Errors] = (
    *SEARCHING,
    BudgetExhausted,
    RequestBudgetExceeded,
    EvidenceDeleted,
    LlmUnavailable,
    LlmTimedOut,
    ModerationUnavailable,
    LlmOutputInvalid,
)

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "/v1/documents"): _operation("documents.create", *UPLOADING),
    ("POST", "/v1/documents:batch"): _operation("documents.create_batch"),
    ("GET", "/v1/documents"): _operation("documents.list"),
    ("GET", "/v1/documents/{document_id}"): _operation("documents.get", DocumentNotFound),
    ("PATCH", "/v1/documents/{document_id}"): _operation(
        "documents.update", DocumentNotFound, DocumentOfAnother
    ),
    ("DELETE", "/v1/documents/{document_id}"): _operation(
        "documents.delete", DocumentNotFound, DocumentOfAnother
    ),
    ("GET", "/v1/documents/{document_id}/versions"): _operation(
        "documents.list_versions", DocumentNotFound
    ),
    ("GET", "/v1/documents/{document_id}/content"): _operation(
        "documents.get_content", DocumentNotFound, VersionNotFound, FileStoreUnavailable
    ),
    ("GET", "/v1/documents/{document_id}/chunks"): _operation(
        "documents.list_chunks", DocumentNotFound
    ),
    ("GET", "/v1/documents/{document_id}/receipt"): _operation(
        "documents.get_receipt", DocumentNotFound
    ),
    ("GET", "/v1/receipts/keys"): _operation("receipts.list_keys"),
    ("GET", "/v1/collections/{name}"): _operation("collections.get"),
    ("PATCH", "/v1/collections/{name}"): _operation("collections.update"),
    ("GET", "/v1/jobs"): _operation("jobs.list"),
    ("GET", "/v1/jobs/{job_id}"): _operation("jobs.get", JobNotFound),
    ("GET", "/v1/jobs/{job_id}/events"): _operation("jobs.stream_events", JobNotFound),
    ("POST", "/v1/jobs/{job_id}:retry"): _operation(
        "jobs.retry", JobNotFound, JobOfAnother, JobFinished
    ),
    ("POST", "/v1/jobs/{job_id}:cancel"): _operation(
        "jobs.cancel", JobNotFound, JobOfAnother, JobFinished
    ),
    ("POST", "/v1/search"): _operation("search.run", *SEARCHING),
    ("POST", "/v1/answers"): _operation("answers.create", AnswerNotFound, *ANSWERING),
    ("GET", "/v1/answers/{answer_id}"): _operation("answers.get", AnswerNotFound, StillRunning),
    ("POST", "/v1/answers/{answer_id}/feedback"): _operation(
        "answers.give_feedback", AnswerNotFound, StillRunning
    ),
    ("POST", "/v1/grounding:check"): _operation("grounding.check", WorkTooCostly),
    ("POST", "/v1/chat/completions"): _operation("chat.complete", NotFound, *ANSWERING),
    ("GET", "/v1/models"): _operation("models.list"),
    ("GET", "/v1/models/{model_id}"): _operation("models.get", NotFound),
    ("POST", "/v1/reindex"): _operation("reindex.begin", SourceNotFound),
    ("GET", "/v1/reindex/runs"): _operation("reindex.list_runs"),
    ("GET", "/v1/reindex/runs/{run_id}"): _operation("reindex.get_run", ReindexRunNotFound),
    ("POST", "/v1/sources"): _operation("sources.create", SourceUriRefused, AlreadyExists),
    ("GET", "/v1/sources"): _operation("sources.list"),
    ("GET", "/v1/sources/{name}"): _operation("sources.get", SourceNotFound),
    ("PATCH", "/v1/sources/{name}"): _operation("sources.update", SourceNotFound, SourceUriRefused),
    ("DELETE", "/v1/sources/{name}"): _operation("sources.delete", SourceNotFound),
    ("POST", "/v1/sources/{name}:sync"): _operation("sources.sync", SourceNotFound),
    ("POST", "/v1/sources/{name}:confirm"): _operation(
        "sources.confirm", SourceNotFound, NothingHeld
    ),
    ("POST", "/v1/webhooks"): _operation(
        "webhooks.create", OutboundRefused, OutboundTimedOut, LimitExceeded
    ),
    ("GET", "/v1/webhooks"): _operation("webhooks.list"),
    ("GET", "/v1/webhooks/{webhook_id}"): _operation("webhooks.get", WebhookNotFound),
    ("PATCH", "/v1/webhooks/{webhook_id}"): _operation(
        "webhooks.update", WebhookNotFound, OutboundRefused, OutboundTimedOut
    ),
    ("DELETE", "/v1/webhooks/{webhook_id}"): _operation("webhooks.delete", WebhookNotFound),
    ("POST", "/v1/webhooks/{webhook_id}:rotate"): _operation("webhooks.rotate", WebhookNotFound),
    ("POST", "/v1/webhooks/{webhook_id}:test"): _operation("webhooks.test", WebhookNotFound),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): _operation(
        "webhooks.list_deliveries", WebhookNotFound
    ),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:retry"): _operation(
        "webhooks.retry_delivery", WebhookNotFound, DeliveryNotFound
    ),
    ("GET", "/healthz"): _operation("health.get_liveness"),
    ("GET", "/readyz"): _operation("health.get_readiness"),
    ("GET", "/metrics"): _operation("metrics.get"),
}
