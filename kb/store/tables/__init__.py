"""The tables as SQLAlchemy sees them. Row security and grants are in the migrations."""

from kb.store.tables.answers import (
    answer_documents,
    answer_events,
    answer_feedback,
    answers,
)
from kb.store.tables.columns import metadata
from kb.store.tables.deletions import (
    api_processes,
    deletions,
    purges,
    signing_keys,
    tenant_deletions,
    tenant_purges,
)
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
from kb.store.tables.metering import model_calls
from kb.store.tables.reindexing import reindex_runs, schedules
from kb.store.tables.sources import source_items, sources
from kb.store.tables.tenants import audit_events, credentials, idempotency_keys, tenants
from kb.store.tables.webhooks import webhook_deliveries, webhooks

__all__ = [
    "answer_documents",
    "answer_events",
    "answer_feedback",
    "answers",
    "api_processes",
    "audiences",
    "audit_events",
    "chunks",
    "collections",
    "credentials",
    "deletions",
    "document_versions",
    "documents",
    "embedding_spaces",
    "idempotency_keys",
    "index_changes",
    "jobs",
    "metadata",
    "model_calls",
    "purges",
    "reader_changes",
    "reindex_runs",
    "schedules",
    "signing_keys",
    "source_items",
    "sources",
    "tenant_deletions",
    "tenant_purges",
    "tenants",
    "webhook_deliveries",
    "webhooks",
]
