"""The tables as SQLAlchemy sees them. Row security and grants are in the migrations."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

EMPTY_OBJECT = text("'{}'::jsonb")
EMPTY_LIST = text("'[]'::jsonb")


def _tenant_id() -> Column[object]:
    return Column("tenant_id", Uuid, nullable=False)


def _tenant_itself() -> Column[object]:
    return Column("tenant_id", Uuid, ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False)


def _created_at() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())


tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default="0"),
    _created_at(),
    UniqueConstraint("name", name="tenants_name_key"),
)

credentials = Table(
    "credentials",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="credentials_pkey"),
    UniqueConstraint("prefix", name="credentials_prefix_key"),
)

collections = Table(
    "collections",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="collections_pkey"),
    UniqueConstraint("tenant_id", "name", name="collections_name_key"),
)

documents = Table(
    "documents",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("collection_id", Uuid, nullable=False),
    Column("external_id", Text),
    Column("owner", Text, nullable=False),
    *(Column(name, Text) for name in ("owner_person", "uploader", "uploader_person")),
    Column("uploaded_at", DateTime(timezone=True)),
    Column("title", Text),
    Column("parsed_title", Text),
    Column("detected_language", Text),
    Column("source_uri", Text),
    Column("filename", Text),
    Column("media_type", Text, nullable=False),
    Column("language", Text),
    Column("metadata", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("principals", ARRAY(Text), nullable=False),
    Column("status", Text, nullable=False),
    Column("warnings", JSONB, nullable=False, server_default=EMPTY_LIST),
    Column("error", JSONB),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("upload", Integer, nullable=False, server_default="1"),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("content_sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    *(Column(name, Text) for name in ("served_sha256", "served_filename", "served_media_type")),
    Column("served_size_bytes", BigInteger),
    Column("chunk_count", Integer, nullable=False, server_default="0"),
    Column("effective_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("supersedes", Uuid),
    _created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "id", name="documents_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "collection_id"], ["collections.tenant_id", "collections.id"]
    ),
    Index("documents_external_id", "tenant_id", "collection_id", "external_id"),
    Index("documents_sha256", "tenant_id", "content_sha256"),
    Index(
        "documents_limited",
        "tenant_id",
        postgresql_where=text(
            "expires_at IS NOT NULL OR effective_at IS NOT NULL OR supersedes IS NOT NULL"
        ),
    ),
    Index("documents_principals", "principals", postgresql_using="gin"),
    Index(
        "documents_metadata",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    ),
)

document_versions = Table(
    "document_versions",
    metadata,
    _tenant_id(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("parser", Text, nullable=False),
    Column("parser_version", Text, nullable=False),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "document_id", "version", name="document_versions_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"
    ),
    Index("document_versions_sha256", "tenant_id", "content_sha256"),
)

chunks = Table(
    "chunks",
    metadata,
    _tenant_id(),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("document_id", Uuid, nullable=False),
    Column("collection_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("location", JSONB, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("language", Text),
    PrimaryKeyConstraint("tenant_id", "id", name="chunks_pkey"),
    UniqueConstraint(
        "tenant_id", "document_id", "version", "ordinal", name="chunks_document_ordinal_key"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "document_id", "version"],
        [f"document_versions.{key}" for key in ("tenant_id", "document_id", "version")],
        ondelete="CASCADE",
    ),
)

audiences = Table(
    "audiences",
    metadata,
    _tenant_itself(),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("principals_sha256", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id", "id", name="audiences_pkey"),
    UniqueConstraint("tenant_id", "principals_sha256", name="audiences_principals_key"),
)

reader_changes = Table(
    "reader_changes",
    metadata,
    _tenant_itself(),
    Column("principal", Text, nullable=False),
    Column("changes", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "principal", name="reader_changes_pkey"),
)

index_changes = Table(
    "index_changes",
    metadata,
    _tenant_itself(),
    Column("generation", BigInteger, nullable=False),
    Column("document_id", Uuid, nullable=False),
    PrimaryKeyConstraint("tenant_id", "generation", name="index_changes_pkey"),
)

embedding_spaces = Table(
    "embedding_spaces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False, server_default=text("false")),
    _created_at(),
    Index(
        "embedding_spaces_current", "is_current", unique=True, postgresql_where=text("is_current")
    ),
)

jobs = Table(
    "jobs",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document_id", Uuid),
    Column("upload", Integer),
    Column("content_sha256", Text),
    Column("owner", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("progress_done", Integer, nullable=False, server_default="0"),
    Column("progress_total", Integer),
    Column("progress_unit", Text, nullable=False, server_default="chunks"),
    Column("error", JSONB),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lone_attempts", Integer, nullable=False, server_default="0"),
    _created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "id", name="jobs_pkey"),
    Index("jobs_document", "tenant_id", "document_id"),
)

answers = Table(
    "answers",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("credential_id", Uuid),
    Column("subject", Text),
    Column("principals", ARRAY(Text), nullable=False),
    Column("request", JSONB, nullable=False),
    Column("response", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("trace", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("owner", Text),
    Column("request_sha256", Text),
    *(Column(name, DateTime(timezone=True)) for name in ("alive_at", "followed_at")),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="answers_pkey"),
    Index("answers_caller", "tenant_id", "credential_id", "created_at"),
    Index(
        "answers_subject",
        "tenant_id",
        "subject",
        "created_at",
        postgresql_where=text("credential_id IS NULL"),
    ),
    Index(
        "answers_request",
        "tenant_id",
        "owner",
        "request_sha256",
        "created_at",
        postgresql_where=text("owner IS NOT NULL"),
    ),
    Index(
        "answers_running",
        "tenant_id",
        "created_at",
        postgresql_where=text("status IN ('running', 'failed')"),
    ),
)

answer_documents = Table(
    "answer_documents",
    metadata,
    _tenant_id(),
    Column("answer_id", Uuid, nullable=False),
    Column("document_id", Uuid, nullable=False),
    PrimaryKeyConstraint("tenant_id", "answer_id", "document_id", name="answer_documents_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "answer_id"], ["answers.tenant_id", "answers.id"], ondelete="CASCADE"
    ),
    Index("answer_documents_document", "tenant_id", "document_id"),
)

answer_events = Table(
    "answer_events",
    metadata,
    _tenant_id(),
    Column("answer_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", JSONB),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "answer_id", "number", name="answer_events_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "answer_id"],
        ["answers.tenant_id", "answers.id"],
        name="answer_events_answer_fkey",
        ondelete="CASCADE",
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _tenant_itself(),
    Column("owner", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("status_code", Integer),
    Column("response", JSONB),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "owner", "key", name="idempotency_keys_pkey"),
)

audit_events = Table(
    "audit_events",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("object_id", Text),
    Column("request_id", Text),
    Column("detail", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="audit_events_pkey"),
)

model_calls = Table(
    "model_calls",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("feature", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_name", Text),
    Column("prompt_version", Integer),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("is_streamed", Boolean, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("is_estimated", Boolean, nullable=False),
    Column("cost_microdollars", BigInteger),
    Column("price_version", Text),
    Column("latency_ms", Integer, nullable=False),
    Column("first_token_ms", Integer),
    _created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="model_calls_pkey"),
)

budget_days = Table(
    "budget_days",
    metadata,
    _tenant_itself(),
    Column("day", Date, nullable=False),
    Column("spent_microdollars", BigInteger, nullable=False),
    Column("reserved_microdollars", BigInteger, nullable=False),
    Column("granted", Uuid),
    PrimaryKeyConstraint("tenant_id", "day", name="budget_days_pkey"),
)

budget_reservations = Table(
    "budget_reservations",
    metadata,
    _tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("microdollars", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id", name="budget_reservations_pkey"),
    Index("budget_reservations_expiry", "tenant_id", "day", "expires_at"),
)
