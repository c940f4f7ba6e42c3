"""Documents: what is sent to store one, and what is shown of it."""

import json
from collections.abc import Iterable
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from app.http.fields import (
    CollectionName,
    ExternalId,
    Language,
    Metadata,
    Principals,
    SourceUri,
    Title,
)
from app.http.jobs.schemas import Job
from app.http.location import Location
from app.http.problem_schemas import Problem
from app.http.schemas import Count, Filename, RequestModel, ResponseModel, Text, Time
from kb.principals import split_principals
from kb.receipts import Remaining
from kb.store.deletions import DeletionReason
from kb.store.documents import DocumentStatus, PendingStatus
from kb.store.uploads import UploadMode

DEFAULT_COLLECTION = "default"
EVERYONE = "tenant:*"


class UploadFields(RequestModel):
    """The properties that an uploader gives a document, in JSON or as fields of a form."""

    collection: CollectionName = DEFAULT_COLLECTION
    external_id: ExternalId | None = None
    mode: UploadMode | None = None
    title: Title | None = None
    source_uri: SourceUri | None = None
    language: Language | None = None
    metadata: Metadata = Field(default_factory=dict)
    principals: Principals = Field(default_factory=lambda: [EVERYONE])
    effective_at: Time | None = None
    expires_at: Time | None = None
    supersedes: Annotated[UUID, Field(strict=False)] | None = None

    @model_validator(mode="after")
    def _upsert_needs_a_name(self) -> Self:
        if self.mode == "upsert" and self.external_id is None:
            raise ValueError("mode 'upsert' needs an external_id")
        return self

    @classmethod
    def from_form(cls, fields: Iterable[tuple[str, str]]) -> Self:
        """The fields of a form: `metadata` is JSON, `principals` are repeated or one list.

        A list of principals is JSON, or has commas between them, which no principal can contain.

        Raises:
            ValidationError: as for JSON; a field sent twice is an error too.
        """
        values: dict[str, JsonValue] = {}
        principals: list[JsonValue] = []
        for name, value in fields:
            if name == "principals":
                listed = _json_or_text(value) if value.startswith("[") else None
                if not isinstance(listed, list):
                    # An empty field is an empty name, to be refused: it must not mean everybody.
                    listed = [*(split_principals(value) or [""])]
                principals += listed
                values[name] = principals
            elif name in values:
                values[name] = [values[name], value]
            else:
                values[name] = _json_or_text(value) if name == "metadata" else value
        return cls.model_validate(values)


class DocumentCreate(UploadFields):
    """A document sent as JSON."""

    text: Text


MAX_BATCH_ITEMS = 500
"""Documents of one batch: its answer, with each of them, has then about a megabyte."""

BatchItems = Annotated[list[JsonValue], Field(min_length=1, max_length=MAX_BATCH_ITEMS)]
"""One entry for each document, looked at by itself: a faulty one is an error of its own."""


class DocumentBatch(RequestModel):
    """Many documents sent as JSON, each as in DocumentCreate."""

    items: BatchItems


class DocumentPatch(RequestModel):
    """Changes of a document: only what stands in `model_fields_set` changes.

    Null removes a title or a time. Metadata and principals are replaced as a whole and cannot be
    null: their defaults here mean nothing.
    """

    title: Title | None = None
    metadata: Metadata = Field(default_factory=dict)
    principals: Principals = Field(default_factory=list)
    effective_at: Time | None = None
    expires_at: Time | None = None


class DocumentError(ResponseModel):
    """The reason why a document could not be read."""

    code: str
    message: str


class PendingUpload(ResponseModel):
    """An upload of the caller that is newer than what is served: it waits, or cannot be read."""

    status: PendingStatus
    error: DocumentError | None
    content_sha256: str
    created_at: Time


class Document(ResponseModel):
    """A document; `version` is 0 until the first one can be found.

    `media_type`, `content_sha256` and `size_bytes` are those of the served version. An upload that
    is newer is told of to its uploader only: in `pending_upload`, `status` and `error`.
    """

    id: UUID
    external_id: str | None
    collection: str
    title: str | None
    filename: Filename | None
    source_uri: str | None
    media_type: str
    language: str | None
    version: Count
    content_sha256: str
    size_bytes: Count
    status: DocumentStatus
    warnings: list[str]
    error: DocumentError | None
    chunk_count: Count
    principals: list[str]
    metadata: dict[str, JsonValue]
    effective_at: Time | None
    expires_at: Time | None
    created_at: Time
    updated_at: Time
    pending_upload: PendingUpload | None


class DocumentAccepted(ResponseModel):
    """A stored upload; no job when nothing has to be read again."""

    document: Document
    job: Job | None


class DocumentVersion(ResponseModel):
    """The text read from one upload, described; never changed afterwards."""

    version: Count
    content_sha256: str
    size_bytes: Count
    media_type: str
    parser: str
    parser_version: str
    created_at: Time


class BatchResult(ResponseModel):
    """The result for one document of a batch: as for a single upload, or the problem it had.

    `status` is the one that a single upload would have had.
    """

    index: Count
    status: int
    document: Document | None = None
    job: Job | None = None
    error: Problem | None = None


class BatchResults(ResponseModel):
    """The results of a batch, in the order of its documents."""

    data: list[BatchResult]


class Chunk(ResponseModel):
    """A piece of a document that can be found."""

    chunk_id: int
    ordinal: Count
    document_version: Count
    text: str
    location: Location


class Purge(ResponseModel):
    """How far the copies outside of the tables are purged: on disk and in memory, at every node.

    `nodes` confirmed it; `absent_nodes` were silent for a week. Both are 0 while it runs.
    """

    status: Literal["running", "complete"]
    completed_at: Time | None
    nodes: Count
    absent_nodes: Count


class Receipt(ResponseModel):
    """The numbers of things that a deletion removed, the generation without them, and the purge.

    `signature` is of all other fields, as canonical JSON, by the key `key_id`.
    """

    type: Literal["footnote.document_deletion.1"]
    document_id: UUID
    content_sha256: str
    reason: DeletionReason
    deleted_at: Time
    documents: Count
    versions: Count
    chunks: Count
    vectors: Count
    answers: Count
    jobs: Count
    files: Count
    generation: Count
    purge: Purge
    remaining: list[Remaining]
    key_id: str
    signature: str


class PublicKey(ResponseModel):
    """A key that checks receipts, as RFC 8037 writes it."""

    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str


class PublicKeys(ResponseModel):
    """The keys that have signed receipts, the newest first."""

    keys: list[PublicKey]


class DocumentDeleted(ResponseModel):
    """The answer to a deletion."""

    receipt: Receipt


def _json_or_text(value: str) -> JsonValue:
    """Parsed JSON; anything else stays text, for the model to refuse with its place and type."""
    try:
        parsed: JsonValue = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed
