"""Documents that are still stored but out of force, for reports to whoever manages the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import text

from kb.ids import CollectionId, DocumentId
from kb.postgres.database import TenantSession

_CHOSEN: Final = """
    document.tenant_id = :tenant_id
    AND (CAST(:collection_id AS uuid) IS NULL OR document.collection_id = :collection_id)
    AND (CAST(:document_ids AS uuid[]) IS NULL OR document.id = ANY (:document_ids))
"""

_COUNT: Final = text(
    f"""
    SELECT count(*) AS documents, count(*) FILTER (WHERE expires_at <= :at) AS expired
    FROM documents AS document WHERE {_CHOSEN}
    """  # noqa: S608  # the condition is ours
)

# The notion of answers whose reason is `stale_evidence` (`kb/store/admissible.py`), as the whole
# tenant sees it, without what is not yet in force.
_STALE: Final = text(
    f"""
    SELECT document.id, 'expired' AS reason, document.expires_at AS since
    FROM documents AS document WHERE {_CHOSEN} AND document.expires_at <= :at
    UNION ALL
    SELECT document.id, 'superseded', min(coalesce(successor.effective_at, successor.created_at))
    FROM documents AS document
    JOIN documents AS successor
        ON successor.tenant_id = document.tenant_id AND successor.supersedes = document.id
    WHERE {_CHOSEN}
        AND (document.expires_at IS NULL OR document.expires_at > :at)
        AND successor.version > 0
        AND coalesce(successor.effective_at, successor.created_at) <= :at
        AND (successor.expires_at IS NULL OR successor.expires_at > :at)
    GROUP BY document.id
    ORDER BY since, id
    LIMIT :limit
    """  # noqa: S608  # the condition is ours
)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The documents of a collection, or these; None: any."""

    collection_id: CollectionId | None = None
    document_ids: Sequence[DocumentId] | None = None

    def parameters(self, scope: TenantSession, at: datetime) -> dict[str, object]:
        """Those of the statements here."""
        ids = None if self.document_ids is None else list(self.document_ids)
        return {
            "tenant_id": scope.tenant_id,
            "collection_id": self.collection_id,
            "document_ids": ids,
            "at": at,
        }


@dataclass(frozen=True, kw_only=True)
class DocumentCounts:
    """The number of documents, and of those among them that have expired."""

    documents: int
    expired: int


@dataclass(frozen=True, kw_only=True)
class StaleDocument:
    """A document that no answer is made of any more, and since when."""

    document_id: DocumentId
    reason: Literal["expired", "superseded"]
    since: datetime


async def count_documents(scope: TenantSession, chosen: Chosen, *, at: datetime) -> DocumentCounts:
    """The chosen documents, whatever their state. Needs a whole-tenant scope."""
    row = (await scope.connection.execute(_COUNT, chosen.parameters(scope, at))).one()
    return DocumentCounts(documents=row.documents, expired=row.expired)


async def stale_documents(
    scope: TenantSession, chosen: Chosen, *, at: datetime, limit: int
) -> list[StaleDocument]:
    """Those of the chosen documents that are out of force, the longest first.

    Needs a whole-tenant scope.
    """
    parameters = {**chosen.parameters(scope, at), "limit": limit}
    return [
        StaleDocument(document_id=DocumentId(row.id), reason=row.reason, since=row.since)
        for row in await scope.connection.execute(_STALE, parameters)
    ]
