"""The objects of the contract: what is sent as options, and what comes back.

A newer service may send fields that are not here, which are ignored, and other values where a
Literal stands. A field that an older service does not send is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, TypedDict

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
DocumentStatus: TypeAlias = Literal[
    "pending", "processing", "ready", "ready_with_warnings", "failed", "deleting", "deleted"
]
JobStatus: TypeAlias = Literal[
    "queued", "running", "succeeded", "completed_with_errors", "failed", "canceled"
]
AnswerStatus: TypeAlias = Literal[
    "answered",
    "partially_supported",
    "unsupported",
    "conflicting",
    "needs_clarification",
    "escalate",
    "blocked",
]
AnswerReason: TypeAlias = Literal[
    "no_results",
    "low_relevance",
    "insufficient_evidence",
    "verification_failed",
    "stale_evidence",
    "out_of_scope",
    "policy",
    "injection_detected",
]
SearchMode: TypeAlias = Literal["hybrid", "lexical", "vector"]
Verdict: TypeAlias = Literal["supported", "unsupported", "contradicted"]


# --- What is sent ------------------------------------------------------------------------------


class FileFields(TypedDict, total=False):
    """What is said of a file; `principals` may read it, by default everybody of the tenant."""

    collection: str | None
    title: str | None
    source_uri: str | None
    language: str | None
    metadata: Mapping[str, JsonValue] | None
    principals: Sequence[str] | None
    effective_at: datetime | None
    expires_at: datetime | None


class UploadFields(FileFields, total=False):
    """What is said of an upload.

    With an `external_id` it replaces the document of that id, unless `mode` is `create`.
    """

    external_id: str | None
    mode: Literal["create", "upsert"] | None
    supersedes: str | None


class DocumentChanges(TypedDict, total=False):
    """Changes of a document: what is left out stays, None removes a title or a time."""

    title: str | None
    metadata: Mapping[str, JsonValue]
    principals: Sequence[str]
    effective_at: datetime | None
    expires_at: datetime | None


class DocumentListing(TypedDict, total=False):
    """Which documents to list."""

    collection: str | None
    status: DocumentStatus | None
    external_id: str | None
    filter: Mapping[str, JsonValue] | None


class SearchOptions(TypedDict, total=False):
    """Options of a search; what is left out is as the service does it."""

    collections: Sequence[str] | None
    filter: Mapping[str, JsonValue] | None
    as_of: datetime | None
    top_k: int | None
    mode: SearchMode | None
    rerank: bool | None
    explain: bool | None


class TurnMessage(TypedDict):
    """An earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class AnswerOptions(TypedDict, total=False):
    """Options of a question; what is left out is as the service does it."""

    history: Sequence[TurnMessage] | None
    collections: Sequence[str] | None
    filter: Mapping[str, JsonValue] | None
    as_of: datetime | None
    top_k: int | None
    max_context_tokens: int | None
    max_output_tokens: int | None
    model: str | None
    prompt: str | None
    include_retrieved: bool | None


# --- What comes back -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    """The fault of one field of a request."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """The body of an error; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldProblem, ...] | None = None
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """The place of a text; offsets are code points into the version's normalised text."""

    section: tuple[str, ...]
    page: int | None
    slide: int | None
    sheet: str | None
    row: int | None
    char_start: int
    char_end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a job is; `total` is None until it is known."""

    done: int
    total: int | None
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobError:
    """The reason why a job failed; `retryable` says that trying again may help."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A piece of background work."""

    id: str
    kind: str
    status: JobStatus
    progress: Progress
    error: JobError | None
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentError:
    """The reason why a document could not be read."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingUpload:
    """An upload of the caller that is newer than what is served: it waits, or cannot be read."""

    status: Literal["pending", "processing", "failed"]
    error: DocumentError | None
    content_sha256: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A document; `version` is 0 until its first one can be found.

    `etag` is for `if_match`; None in lists and uploads, where the service sends none.
    """

    id: str
    external_id: str | None
    collection: str
    title: str | None
    filename: str | None
    source_uri: str | None
    media_type: str
    language: str | None
    version: int
    content_sha256: str
    size_bytes: int
    status: DocumentStatus
    warnings: tuple[str, ...]
    error: DocumentError | None
    chunk_count: int
    principals: tuple[str, ...]
    metadata: Mapping[str, JsonValue]
    effective_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    pending_upload: PendingUpload | None
    etag: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentAccepted:
    """A stored upload; no job when nothing has to be read again."""

    document: Document
    job: Job | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentPage:
    """A page of documents; the next one begins behind `next_cursor`."""

    data: tuple[Document, ...]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """How far the copies on disk and in memory are purged."""

    status: Literal["running", "complete"]
    completed_at: datetime | None
    nodes: int
    absent_nodes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a deletion removed. `signature` is of all other fields, by the key `key_id`."""

    type: str
    document_id: str
    content_sha256: str
    reason: str
    deleted_at: datetime
    documents: int
    versions: int
    chunks: int
    vectors: int
    answers: int
    jobs: int
    files: int
    generation: int
    purge: Purge
    remaining: tuple[str, ...]
    key_id: str
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentDeleted:
    """The answer to a deletion."""

    receipt: Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundDocument:
    """The document that a hit belongs to."""

    id: str
    external_id: str | None
    version: int
    title: str | None
    filename: str | None
    source_uri: str | None
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """The scores of a hit; None where that search did not find it or was not made."""

    fused: float
    bm25: float | None
    cosine: float | None
    rerank: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """The hit's place in each search, counted from 1."""

    lexical: int | None
    vector: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchHit:
    """A passage that was found."""

    chunk_id: int
    document: FoundDocument
    text: str
    location: Location
    scores: Scores
    ranks: Ranks


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResponse:
    """Hits, best first; `explanation` only with `explain`."""

    data: tuple[SearchHit, ...]
    generation: int
    timings_ms: Mapping[str, float]
    explanation: Mapping[str, JsonValue] | None
    request_id: str
