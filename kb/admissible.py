"""Which documents a search may look at, besides what row security says."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from kb.database import TenantSession
from kb.filters import Filter, FilterColumns, filter_clause
from kb.ids import CollectionId, DocumentId
from kb.tables import collections, documents


def document_condition(parsed: Filter) -> ColumnElement[bool]:
    """The filter as a condition on the documents table."""
    collection_name = (
        select(collections.c.name)
        .where(
            collections.c.tenant_id == documents.c.tenant_id,
            collections.c.id == documents.c.collection_id,
        )
        # A query that joins the collections itself would otherwise lend this one its own row.
        .correlate(documents)
        .scalar_subquery()
    )
    return filter_clause(
        parsed,
        FilterColumns(
            metadata=documents.c.metadata,
            collection=collection_name,
            media_type=documents.c.media_type,
            language=documents.c.language,
            created_at=documents.c.created_at,
            updated_at=documents.c.updated_at,
            effective_at=documents.c.effective_at,
        ),
    )


async def matching_documents(
    scope: TenantSession,
    collections: Sequence[CollectionId] | None,
    condition: ColumnElement[bool] | None,
) -> list[DocumentId]:
    """Visible documents in these collections that meet the condition; None: any."""
    query = select(documents.c.id).where(documents.c.tenant_id == scope.tenant_id)
    if collections is not None:
        query = query.where(documents.c.collection_id.in_(collections))
    if condition is not None:
        query = query.where(condition)
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def languages(scope: TenantSession) -> list[str]:
    """The languages of the visible documents that say theirs."""
    query = (
        select(documents.c.language)
        .distinct()
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.language.is_not(None))
    )
    return sorted((await scope.connection.execute(query)).scalars())


async def has_limited_documents(scope: TenantSession) -> bool:
    """True when a visible document begins, ends, or replaces another one."""
    query = select(select(documents.c.id).where(_is_limited(scope)).exists())
    return bool((await scope.connection.execute(query)).scalar_one())


async def inadmissible_documents(scope: TenantSession, *, now: datetime) -> list[DocumentId]:
    """Visible documents that are no evidence at the time: expired, not yet effective, superseded.

    A successor that the caller may not see supersedes nothing for them, or its existence would
    show.
    """
    table = documents.c
    is_limited = _is_limited(scope)
    is_in_force = and_(
        table.version > 0,
        or_(table.effective_at.is_(None), table.effective_at <= now),
        or_(table.expires_at.is_(None), table.expires_at > now),
    )
    out_of_time = select(table.id).where(
        is_limited, or_(table.expires_at <= now, table.effective_at > now)
    )
    superseded = select(table.supersedes).where(
        is_limited, table.supersedes.is_not(None), is_in_force
    )
    rows = await scope.connection.execute(out_of_time.union(superseded))
    return [DocumentId(row) for row in rows.scalars()]


def _is_limited(scope: TenantSession) -> ColumnElement[bool]:
    """Spelt as the partial index documents_limited is, so that it is used."""
    table = documents.c
    return and_(
        table.tenant_id == scope.tenant_id,
        or_(
            table.expires_at.is_not(None),
            table.effective_at.is_not(None),
            table.supersedes.is_not(None),
        ),
    )
