"""Webhooks and what is delivered to them."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import EMPTY_LIST, created_at, metadata, tenant_id, tenant_itself

_LONG_AGO = text("'epoch'")

webhooks = Table(
    "webhooks",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("secrets", JSONB, nullable=False),
    Column("is_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("disabled_reason", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=_LONG_AGO),
    Column("leased_until", DateTime(timezone=True), nullable=False, server_default=_LONG_AGO),
    created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("tenant_id", "id", name="webhooks_pkey"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    tenant_id(),
    Column("id", Uuid, nullable=False),
    Column("webhook_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", JSONB, nullable=False, server_default=EMPTY_LIST),
    Column("due_at", DateTime(timezone=True), nullable=False),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", "webhook_id", name="webhook_deliveries_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "webhook_id"],
        ["webhooks.tenant_id", "webhooks.id"],
        name="webhook_deliveries_webhook_fkey",
        ondelete="CASCADE",
    ),
    Index("webhook_deliveries_listed", "tenant_id", "webhook_id", "id"),
    Index(
        "webhook_deliveries_due",
        "tenant_id",
        "webhook_id",
        "due_at",
        postgresql_where=text("status = 'pending'"),
    ),
)
