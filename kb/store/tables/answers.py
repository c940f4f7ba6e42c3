"""Answers and what is kept of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.store.tables.columns import EMPTY_OBJECT, created_at, metadata, tenant_id, tenant_itself

answers = Table(
    "answers",
    metadata,
    tenant_itself(),
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
    created_at(),
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
    tenant_id(),
    Column("answer_id", Uuid, nullable=False),
    Column("document_id", Uuid, nullable=False),
    PrimaryKeyConstraint("tenant_id", "answer_id", "document_id", name="answer_documents_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "answer_id"], ["answers.tenant_id", "answers.id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "document_id"],
        ["documents.tenant_id", "documents.id"],
        name="answer_documents_document_fkey",
    ),
    Index("answer_documents_document", "tenant_id", "document_id"),
)

answer_events = Table(
    "answer_events",
    metadata,
    tenant_id(),
    Column("answer_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", JSONB),
    created_at(),
    PrimaryKeyConstraint("tenant_id", "answer_id", "number", name="answer_events_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "answer_id"],
        ["answers.tenant_id", "answers.id"],
        name="answer_events_answer_fkey",
        ondelete="CASCADE",
    ),
)

answer_feedback = Table(
    "answer_feedback",
    metadata,
    tenant_id(),
    Column("answer_id", Uuid, nullable=False),
    Column("author", Text, nullable=False),
    Column("principals", ARRAY(Text), nullable=False),
    Column("rating", SmallInteger, nullable=False),
    Column("reason_code", Text),
    Column("comment", Text),
    created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "answer_id", "author", name="answer_feedback_pkey"),
    ForeignKeyConstraint(
        ["tenant_id", "answer_id"],
        ["answers.tenant_id", "answers.id"],
        name="answer_feedback_answer_fkey",
        ondelete="CASCADE",
    ),
    CheckConstraint("rating IN (-1, 1)", name="answer_feedback_rating"),
)
