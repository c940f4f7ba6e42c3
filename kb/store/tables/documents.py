"""Documents, what is found of them, and who may read it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import (
    EMPTY_LIST,
    EMPTY_OBJECT,
    created_at,
    metadata,
    tenant_id,
    tenant_itself,
)

collections = Table(
    "collections",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("retention_days", Integer),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="collections_pkey"),
    UniqueConstraint("tenant_id", "name", name="collections_name_key"),
)

documents = Table(
    "documents",
    metadata,
    tenant_itself(),
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
    Column("waiting_principals", ARRAY(Text)),
    Column("shown_since", Integer, nullable=False, server_default="1"),
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
    created_at(),
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
    tenant_id(),
    Column("document_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("parser", Text, nullable=False),
    Column("parser_version", Text, nullable=False),
    Column("chunker_version", Text, nullable=False, server_default="1"),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "document_id", "version", name="document_versions_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "document_id"], ["documents.tenant_id", "documents.id"], ondelete="CASCADE"
    ),
    Index("document_versions_sha256", "tenant_id", "content_sha256"),
)

chunks = Table(
    "chunks",
    metadata,
    tenant_id(),
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
    tenant_itself(),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("principals_sha256", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant_id", "id", name="audiences_pkey"),
    UniqueConstraint("tenant_id", "principals_sha256", name="audiences_principals_key"),
)

reader_changes = Table(
    "reader_changes",
    metadata,
    tenant_itself(),
    Column("principal", Text, nullable=False),
    Column("changes", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "principal", name="reader_changes_pkey"),
)

index_changes = Table(
    "index_changes",
    metadata,
    tenant_itself(),
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
    Column("evidence_floor", Double),
    Column("lexical_weight", Double),
    Column("languages", ARRAY(Text)),
    Column("cosine_slope", Double),
    Column("cosine_intercept", Double),
    Column("abstention", JSONB(none_as_null=True)),
    Column("dropped_at", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("evidence_floor BETWEEN 0 AND 1", name="embedding_spaces_floor_range"),
    CheckConstraint("lexical_weight BETWEEN 0 AND 1", name="embedding_spaces_weight_range"),
    CheckConstraint("cosine_slope > 0", name="embedding_spaces_slope_range"),
    CheckConstraint("NOT is_current OR dropped_at IS NULL", name="embedding_spaces_current_stays"),
    Index(
        "embedding_spaces_current", "is_current", unique=True, postgresql_where=text("is_current")
    ),
)
