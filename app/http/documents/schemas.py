"""Documents: what is sent to store one, and what is shown of it."""

import json
from collections.abc import Iterable
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import (
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    TypeAdapter,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue

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
from app.http.response_fields import (
    QUOTE,
    TIME,
    ChunkIdField,
    ChunkTextField,
    CollectionField,
    CreatedAtField,
    DocumentIdField,
    EffectiveAtField,
    ErrorCodeField,
    ErrorMessageField,
    ExpiresAtField,
    ExternalIdField,
    FilenameField,
    MediaTypeField,
    PrincipalsField,
    Sha256Field,
    SizeField,
    SourceUriField,
    TitleField,
    UpdatedAtField,
    VersionField,
)
from app.http.schemas import Count, PatchModel, RequestModel, ResponseModel, Text, Time
from kb.principals import split_principals
from kb.store.documents import DocumentStatus, PendingStatus
from kb.store.uploads import UploadMode

DEFAULT_COLLECTION = "default"
EVERYONE = "tenant:*"


class UploadFields(RequestModel):
    """The properties that an uploader gives a document, in JSON or as fields of a form."""

    among_fields: ClassVar[JsonSchemaValue] = {
        "if": {"required": ["mode"], "properties": {"mode": {"const": "upsert"}}},
        "then": {"required": ["external_id"], "properties": {"external_id": {"type": "string"}}},
    }

    collection: CollectionName = Field(
        default=DEFAULT_COLLECTION,
        description="The collection to put it in; a new name makes a new one.",
        examples=[DEFAULT_COLLECTION],
    )
    external_id: ExternalId | None = Field(
        default=None,
        description="The document's id where it comes from; one document of a collection has it.",
        examples=["handbook/leave.md"],
    )
    mode: UploadMode | None = Field(
        default=None,
        description="`create` refuses an external_id that exists, `upsert` makes a new version of "
        "it. Unset: `upsert` with an external_id, else `create`.",
        examples=["upsert"],
    )
    title: Title | None = Field(
        default=None,
        description="The title; unset: the one found in the document.",
        examples=["Employee handbook"],
    )
    source_uri: SourceUri | None = Field(
        default=None,
        description="The address that the document can be opened at; citations link to it.",
        examples=["https://intranet.example.org/handbook/leave"],
    )
    language: Language | None = Field(
        default=None,
        description="The language as a BCP 47 tag; unset: it is recognised.",
        examples=["en"],
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="Fields to filter by.",
        examples=[{"department": "hr"}],
    )
    principals: Principals = Field(
        default_factory=lambda: [EVERYONE],
        description="Who may read it; unset: every member of the tenant.",
        examples=[["group:hr", "user:ana"]],
    )
    effective_at: Time | None = Field(
        default=None, description="From then on it is in force; unset: always.", examples=[TIME]
    )
    expires_at: Time | None = Field(
        default=None,
        description="From then on it is out of force; unset: never.",
        examples=["2031-03-01T00:00:00Z"],
    )
    supersedes: Annotated[UUID, Field(strict=False)] | None = Field(
        default=None,
        description="The id of a document that is out of force from now on.",
        examples=["01a1fb00-2c41-7a6e-b0d9-3f8e5d7c1a92"],
    )

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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": f"# Parental leave\n\n{QUOTE}",
                    "title": "Employee handbook",
                    "external_id": "handbook/leave.md",
                    "metadata": {"department": "hr"},
                }
            ]
        }
    )

    text: Annotated[Text, Field(json_schema_extra={"pattern": "[^\\t-\\r ]"})] = Field(
        description="The text, plain or in Markdown; not white space alone.",
        examples=[f"# Parental leave\n\n{QUOTE}"],
    )


MAX_BATCH_ITEMS = 500
"""Documents of one batch: its answer, with each of them, has then about a megabyte."""


class _DescribedAsDocuments:
    @staticmethod
    def __get_pydantic_json_schema__(
        _schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(TypeAdapter(list[DocumentCreate]).core_schema)
        return {**described, "minItems": 1, "maxItems": MAX_BATCH_ITEMS}


BatchItems = Annotated[
    list[JsonValue],
    Field(min_length=1, max_length=MAX_BATCH_ITEMS),
    _DescribedAsDocuments(),
]
"""One entry for each document, looked at by itself: a faulty one is an error of its own."""


class DocumentBatch(RequestModel):
    """Many documents sent as JSON, each as in a single upload."""

    items: BatchItems = Field(
        description="The documents. One that is faulty has an error of its own, and leaves the "
        "others alone."
    )


class DocumentPatch(PatchModel):
    """Changes of a document: what is not sent stays as it is.

    Null removes a title or a time. Metadata and principals are replaced as a whole and cannot be
    null.
    """

    title: Title | None = Field(
        default=None, description="The title; null takes it away.", examples=["Leave in 2026"]
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="All metadata, in place of what there is.",
        examples=[{"department": "hr"}],
    )
    principals: Principals = Field(
        default_factory=list,
        description="All who may read it, in place of those who may.",
        examples=[["group:hr"]],
    )
    effective_at: Time | None = Field(
        default=None, description="From then on it is in force; null: always.", examples=[TIME]
    )
    expires_at: Time | None = Field(
        default=None, description="From then on it is out of force; null: never.", examples=[None]
    )


class DocumentError(ResponseModel):
    """The reason why a document could not be read."""

    code: ErrorCodeField
    message: ErrorMessageField


class PendingUpload(ResponseModel):
    """An upload of the caller that is newer than what is served: it waits, or cannot be read."""

    status: PendingStatus = Field(description="How far it is.", examples=["processing"])
    error: DocumentError | None = Field(
        description="Why it cannot be read; null unless it failed.", examples=[None]
    )
    content_sha256: Sha256Field
    created_at: CreatedAtField


class Document(ResponseModel):
    """A document; `version` is 0 until the first one can be found.

    `media_type`, `content_sha256` and `size_bytes` are those of the served version. An upload that
    is newer is told of to its uploader only: in `pending_upload`, `status` and `error`, and when it
    failed in a warning `newer_upload_failed`.
    """

    id: DocumentIdField
    external_id: ExternalIdField
    collection: CollectionField
    title: TitleField
    filename: FilenameField
    source_uri: SourceUriField
    media_type: MediaTypeField
    language: str | None = Field(
        description="The language as a BCP 47 tag; null until it is known.", examples=["en"]
    )
    version: Count = Field(
        description="The version that is served; 0 until the first can be found.", examples=[2]
    )
    content_sha256: Sha256Field
    size_bytes: SizeField
    status: DocumentStatus = Field(
        description="`ready` means that at least one chunk can be found.", examples=["ready"]
    )
    warnings: list[str] = Field(
        description="What was lost when it was read.",
        examples=[["Two pages hold pictures without text."]],
    )
    error: DocumentError | None = Field(
        description="Why it could not be read; null unless the status is `failed`.", examples=[None]
    )
    chunk_count: Count = Field(description="Chunks that can be found.", examples=[31])
    principals: PrincipalsField
    metadata: dict[str, JsonValue] = Field(
        description="Fields to filter by.", examples=[{"department": "hr"}]
    )
    effective_at: EffectiveAtField
    expires_at: ExpiresAtField
    created_at: CreatedAtField
    updated_at: UpdatedAtField
    pending_upload: PendingUpload | None = Field(
        description="A newer upload of yours that is not served; null without one.",
        examples=[None],
    )


class DocumentAccepted(ResponseModel):
    """A stored upload; no job when nothing has to be read again."""

    document: Document = Field(description="The document as it is now.")
    job: Job | None = Field(description="The job that reads it; null when nothing has changed.")


class DocumentVersion(ResponseModel):
    """The text read from one upload, described; never changed afterwards."""

    version: VersionField
    content_sha256: Sha256Field
    size_bytes: SizeField
    media_type: MediaTypeField
    parser: str = Field(description="What read the bytes.", examples=["kreuzberg"])
    parser_version: str = Field(description="The parser's version.", examples=["4.0.8"])
    created_at: CreatedAtField


class BatchResult(ResponseModel):
    """The result for one document of a batch: as for a single upload, or the problem it had.

    `status` is the one that a single upload would have had.
    """

    index: Count = Field(description="The document's place in the batch.", examples=[0])
    status: int = Field(description="As of a single upload.", examples=[202])
    document: Document | None = Field(default=None, description="The document, if it was stored.")
    job: Job | None = Field(default=None, description="The job that reads it, if there is one.")
    error: Problem | None = Field(
        default=None, description="Why it was refused; absent unless it was.", examples=[None]
    )


class BatchResults(ResponseModel):
    """The results of a batch, in the order of its documents."""

    data: list[BatchResult] = Field(description="One result for each document, in order.")


class Chunk(ResponseModel):
    """A piece of a document that can be found."""

    chunk_id: ChunkIdField
    ordinal: Count = Field(description="The chunk's place in its version, from 0.", examples=[4])
    document_version: VersionField
    text: ChunkTextField
    location: Location = Field(description="The chunk's place in its document.")


def _json_or_text(value: str) -> JsonValue:
    """Parsed JSON; anything else stays text, for the model to refuse with its place and type."""
    try:
        parsed: JsonValue = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed
