"""Tenants and what belongs to a tenant as a whole."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import EMPTY_OBJECT, created_at, metadata, tenant_itself

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default="0"),
    created_at(),
    UniqueConstraint("name", name="tenants_name_key"),
)

credentials = Table(
    "credentials",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="credentials_pkey"),
    UniqueConstraint("prefix", name="credentials_prefix_key"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant_itself(),
    Column("owner", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("status_code", Integer),
    Column("response", JSONB),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "owner", "key", name="idempotency_keys_pkey"),
)

Index(
    "idempotency_keys_named",
    func.footnote_named(idempotency_keys.c.response).label("named"),
    postgresql_using="gin",
    postgresql_ops={"named": "jsonb_path_ops"},
)

audit_events = Table(
    "audit_events",
    metadata,
    tenant_itself(),
    Column("id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("object_id", Text),
    Column("request_id", Text),
    Column("detail", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "id", name="audit_events_pkey"),
)
