"""The tables as SQLAlchemy sees them. Row security and grants are in the migrations."""

from kb.store.tables.answers import answer_documents, answer_events, answers
from kb.store.tables.columns import metadata
from kb.store.tables.documents import (
    audiences,
    chunks,
    collections,
    document_versions,
    documents,
    embedding_spaces,
    index_changes,
    reader_changes,
)
from kb.store.tables.jobs import jobs
from kb.store.tables.metering import budget_days, budget_reservations, model_calls
from kb.store.tables.reindexing import reindex_runs, schedules
from kb.store.tables.sources import source_items, sources
from kb.store.tables.tenants import audit_events, credentials, idempotency_keys, tenants

__all__ = [
    "answer_documents",
    "answer_events",
    "answers",
    "audiences",
    "audit_events",
    "budget_days",
    "budget_reservations",
    "chunks",
    "collections",
    "credentials",
    "document_versions",
    "documents",
    "embedding_spaces",
    "idempotency_keys",
    "index_changes",
    "jobs",
    "metadata",
    "model_calls",
    "reader_changes",
    "reindex_runs",
    "schedules",
    "source_items",
    "sources",
    "tenants",
]
