"""Calls of language models and their budgets."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from kb.store.tables.columns import created_at, metadata, tenant_itself

model_calls = Table(
    "model_calls",
    metadata,
    tenant_itself(),
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
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="model_calls_pkey"),
)

budget_days = Table(
    "budget_days",
    metadata,
    tenant_itself(),
    Column("day", Date, nullable=False),
    Column("spent_microdollars", BigInteger, nullable=False),
    Column("reserved_microdollars", BigInteger, nullable=False),
    Column("granted", Uuid),
    Column("threshold_told", SmallInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant_id", "day", name="budget_days_pkey"),
)

budget_reservations = Table(
    "budget_reservations",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("microdollars", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id", name="budget_reservations_pkey"),
    Index("budget_reservations_expiry", "tenant_id", "day", "expires_at"),
)
