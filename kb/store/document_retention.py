"""Documents that have outlived the retention of their collection, and their deletion."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select

from kb.ids import DocumentId
from kb.postgres.database import TenantSession
from kb.store.audit import Actor
from kb.store.changes import Receipt, delete_document, lock_document
from kb.store.tables import collections, documents

RETENTION: Final = "retention"
"""The actor of these deletions in the audit trail, and their reason in receipts."""


async def outlived_documents(
    scope: TenantSession, *, now: datetime, limit: int
) -> list[DocumentId]:
    """Those last uploaded longer ago than their collection keeps them. Needs a whole tenant."""
    query = _outlived(scope, now).order_by(documents.c.id).limit(limit)
    return [DocumentId(row.id) for row in await scope.connection.execute(query)]


async def delete_outlived(
    scope: TenantSession, document_id: DocumentId, *, now: datetime
) -> Receipt | None:
    """The receipt; None when it was deleted or uploaded anew meanwhile. Needs a whole tenant."""
    await lock_document(scope, document_id)
    query = _outlived(scope, now).where(documents.c.id == document_id)
    if (await scope.connection.execute(query)).one_or_none() is None:
        return None
    actor = Actor(name=RETENTION, principals=(), request_id=None, is_admin=True)
    return await delete_document(scope, document_id, actor=actor, now=now, reason=RETENTION)


def _outlived(scope: TenantSession, now: datetime) -> Select[tuple[UUID]]:
    kept_until = func.coalesce(
        documents.c.uploaded_at, documents.c.created_at
    ) + func.make_interval(0, 0, 0, collections.c.retention_days)
    return (
        select(documents.c.id)
        .join(
            collections,
            (collections.c.tenant_id == documents.c.tenant_id)
            & (collections.c.id == documents.c.collection_id),
        )
        .where(documents.c.tenant_id == scope.tenant_id, collections.c.retention_days.is_not(None))
        .where(kept_until < now)
    )
