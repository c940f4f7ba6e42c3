"""The documents that a search may look at, besides what row security says."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Uuid, and_, any_, case, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from kb.ids import CollectionId, DocumentId
from kb.postgres.database import TenantSession
from kb.store.filters import Filter, FilterColumns, filter_clause
from kb.store.tables import collections, documents


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
            # Not that of a newer upload, which waits to be read.
            media_type=case(
                (documents.c.upload == documents.c.version, documents.c.media_type),
                else_=func.coalesce(documents.c.served_media_type, documents.c.media_type),
            ),
            language=_language(),
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
        sought = literal(list(collections), ARRAY(Uuid))
        query = query.where(documents.c.collection_id == any_(sought))
    if condition is not None:
        query = query.where(condition)
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def languages(scope: TenantSession) -> dict[str, float]:
    """The languages of the visible documents, each with its share of them."""
    query = (
        select(_language(), func.count())
        .where(documents.c.tenant_id == scope.tenant_id)
        .group_by(_language())
    )
    rows = (await scope.connection.execute(query)).all()
    total = sum(count for _, count in rows)
    return {language: count / total for language, count in rows if language}


async def has_limited_documents(scope: TenantSession) -> bool:
    """True when a visible document begins, ends, or replaces another one."""
    query = select(select(documents.c.id).where(_is_limited(scope)).exists())
    return bool((await scope.connection.execute(query)).scalar_one())


async def inadmissible_documents(scope: TenantSession, *, at: datetime) -> list[DocumentId]:
    """Visible documents that are no evidence at a time: expired, not yet effective, superseded.

    A successor that the caller may not see supersedes nothing for them, or its existence would
    show. One that does not say when it takes effect does so when it was uploaded.
    """
    table = documents.c
    is_limited = _is_limited(scope)
    is_in_force = and_(
        table.version > 0,
        or_(table.effective_at <= at, and_(table.effective_at.is_(None), table.created_at <= at)),
        or_(table.expires_at.is_(None), table.expires_at > at),
    )
    out_of_time = select(table.id).where(
        is_limited, or_(table.expires_at <= at, table.effective_at > at)
    )
    superseded = select(table.supersedes).where(
        is_limited, table.supersedes.is_not(None), is_in_force
    )
    rows = await scope.connection.execute(out_of_time.union(superseded))
    return [DocumentId(row) for row in rows.scalars()]


def had_begun(at: datetime) -> ColumnElement[bool]:
    """Documents that counted by then, for looking back; how they ended is not judged here.

    A document counts from `effective_at`. One that does not state it counts from its upload,
    unless its end is stated, by `expires_at` or by a successor with an `effective_at`: then it
    counts as having always been in force before that.
    """
    table = documents.c
    successor = documents.alias("successor").c
    has_dated_successor = (
        select(successor.id)
        .where(
            successor.tenant_id == table.tenant_id,
            successor.supersedes == table.id,
            successor.version > 0,
            successor.effective_at.is_not(None),
        )
        .correlate(documents)
        .exists()
    )
    return or_(
        table.effective_at <= at,
        and_(
            table.effective_at.is_(None),
            or_(table.created_at <= at, table.expires_at.is_not(None), has_dated_successor),
        ),
    )


def is_one_of(document_ids: Collection[DocumentId]) -> ColumnElement[bool]:
    """These documents only, however many."""
    return documents.c.id == any_(literal(list(document_ids), ARRAY(Uuid)))


def all_of(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Documents that meet each condition; all documents when there is none."""
    return and_(true(), *conditions)


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


def _language() -> ColumnElement[str | None]:
    """The language that the uploader gave, else the one that was detected."""
    return func.coalesce(documents.c.language, documents.c.detected_language)
