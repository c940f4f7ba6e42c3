"""Runs of the re-index, and the schedules of the installation."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import EMPTY_OBJECT, created_at, metadata, tenant_itself

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
)

reindex_runs = Table(
    "reindex_runs",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("collection", Text),
    Column("source", Text),
    Column("only_changed", Boolean, nullable=False),
    Column("embedding_model", Text),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("steps", ARRAY(Text), nullable=False, server_default="{}"),
    Column("report", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="reindex_runs_pkey"),
    UniqueConstraint("tenant_id", "due_at", name="reindex_runs_due_key"),
)
