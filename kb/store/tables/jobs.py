"""Background jobs."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kb.store.tables.columns import EMPTY_OBJECT, created_at, metadata, tenant_itself

jobs = Table(
    "jobs",
    metadata,
    tenant_itself(),
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
    Column("priority", Text, nullable=False, server_default="single"),
    Column("arguments", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("lock", Text),
    Column("run_id", Uuid),
    Column("embedded_chunks", Integer, nullable=False, server_default="0"),
    Column("embedded_tokens", BigInteger, nullable=False, server_default="0"),
    created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "id", name="jobs_pkey"),
    Index("jobs_document", "tenant_id", "document_id"),
    Index("jobs_status", "tenant_id", "status", "id"),
    Index("jobs_run", "tenant_id", "run_id", postgresql_where=text("run_id IS NOT NULL")),
)
