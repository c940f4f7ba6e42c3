"""Places that documents are synchronised from, and what is known of each of their files."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import created_at, metadata, tenant_id, tenant_itself

sources = Table(
    "sources",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("rules", JSONB, nullable=False),
    Column("include", ARRAY(Text), nullable=False),
    Column("exclude", ARRAY(Text), nullable=False),
    Column("max_vanish_share", Double, nullable=False),
    Column("is_operators", Boolean, nullable=False),
    Column("has_rule_file", Boolean, nullable=False, server_default=text("false")),
    Column("cron", Text),
    Column("scheduled_for", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_job_id", Uuid),
    Column("run_token", Uuid),
    Column("run_expires_at", DateTime(timezone=True)),
    Column("last_run", JSONB),
    Column("held", JSONB),
    created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "id", name="sources_pkey"),
    UniqueConstraint("tenant_id", "name", name="sources_name_key"),
)

source_items = Table(
    "source_items",
    metadata,
    tenant_id(),
    Column("source_id", Uuid, nullable=False),
    Column("path", Text, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("document_id", Uuid),
    Column("etag", Text),
    Column("size_bytes", BigInteger),
    Column("content_sha256", Text),
    Column("sidecar_etag", Text),
    Column("sidecar", JSONB),
    Column("error", JSONB),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "source_id", "path", name="source_items_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "source_id"],
        ["sources.tenant_id", "sources.id"],
        name="source_items_source_fkey",
        ondelete="CASCADE",
    ),
)
