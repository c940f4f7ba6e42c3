"""What was deleted, and which processes have forgotten it."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import created_at, metadata, tenant_itself


def _state() -> tuple[Column[object], ...]:
    """When it was deleted, and when how many nodes had nothing left of it."""
    return (
        Column("deleted_at", DateTime(timezone=True), nullable=False),
        Column("purged_at", DateTime(timezone=True)),
        Column("nodes", Integer, nullable=False, server_default="0"),
        Column("absent_nodes", Integer, nullable=False, server_default="0"),
    )


deletions = Table(
    "deletions",
    metadata,
    tenant_itself(),
    Column("document_id", Uuid, nullable=False),
    Column("owner", Text, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("receipt", JSONB, nullable=False),
    Column("sha256s", ARRAY(Text), nullable=False),
    *_state(),
    PrimaryKeyConstraint("tenant_id", "document_id", name="deletions_pkey"),
    Index("deletions_open", "tenant_id", "generation", postgresql_where=text("purged_at IS NULL")),
)

api_processes = Table(
    "api_processes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("node", Uuid, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

purges = Table(
    "purges",
    metadata,
    tenant_itself(),
    Column("process_id", Uuid, ForeignKey("api_processes.id", ondelete="CASCADE"), nullable=False),
    Column("generation", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "process_id", name="purges_pkey"),
)

tenant_deletions = Table(
    "tenant_deletions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("receipt", JSONB, nullable=False),
    *_state(),
)

tenant_purges = Table(
    "tenant_purges",
    metadata,
    Column("deletion_id", Uuid, ForeignKey("tenant_deletions.id", ondelete="CASCADE")),
    Column("process_id", Uuid, ForeignKey("api_processes.id", ondelete="CASCADE")),
    PrimaryKeyConstraint("deletion_id", "process_id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    created_at(),
)
