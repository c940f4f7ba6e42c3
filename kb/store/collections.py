"""Collections: names that divide a tenant's documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, text, update

from kb.ids import CollectionId, new_uuid
from kb.postgres.database import TenantSession
from kb.store.tables import collections, documents

# Built once: every upload asks.
_NAMED = select(collections.c.id).where(
    collections.c.tenant_id == bindparam("tenant_id"), collections.c.name == bindparam("name")
)


async def ensure_collection(scope: TenantSession, name: str) -> CollectionId:
    """The id of the tenant's collection of that name, made when missing."""
    named = {"tenant_id": scope.tenant_id, "name": name}
    present = (await scope.connection.execute(_NAMED, named)).scalar_one_or_none()
    if present is not None:
        return CollectionId(present)
    # Two uploads may make it at once; the second one then finds the first one's.
    await scope.connection.execute(
        text(
            "INSERT INTO collections (tenant_id, id, name) VALUES (:tenant_id, :id, :name) "
            "ON CONFLICT ON CONSTRAINT collections_name_key DO NOTHING"
        ),
        {"tenant_id": scope.tenant_id, "id": new_uuid(), "name": name},
    )
    return CollectionId((await scope.connection.execute(_NAMED, named)).scalar_one())


async def set_retention(scope: TenantSession, name: str, *, days: int | None) -> None:
    """Keeps the collection's documents for so many days after their last upload; None: for ever.

    Makes the collection when it is missing. Needs a whole-tenant scope.
    """
    collection_id = await ensure_collection(scope, name)
    await scope.connection.execute(
        update(collections)
        .where(collections.c.tenant_id == scope.tenant_id, collections.c.id == collection_id)
        .values(retention_days=days)
    )


async def get_retention(scope: TenantSession, name: str) -> int | None:
    """The days for which the collection's documents are kept; None: for ever, or no such one.

    Needs a whole-tenant scope.
    """
    query = select(collections.c.retention_days).where(
        collections.c.tenant_id == scope.tenant_id, collections.c.name == name
    )
    found: int | None = (await scope.connection.execute(query)).scalar_one_or_none()
    return found


@dataclass(frozen=True, kw_only=True)
class CollectionRule:
    """A collection, and the days for which its documents are kept; None: for ever."""

    name: str
    retention_days: int | None


async def list_collections(scope: TenantSession, *, after: str, limit: int) -> list[CollectionRule]:
    """The tenant's collections by name, after the given one. Needs a whole-tenant scope."""
    query = (
        select(collections.c.name, collections.c.retention_days)
        .where(collections.c.tenant_id == scope.tenant_id, collections.c.name > after)
        .order_by(collections.c.name)
        .limit(limit)
    )
    return [
        CollectionRule(name=row.name, retention_days=row.retention_days)
        for row in await scope.connection.execute(query)
    ]


async def collection_ids(scope: TenantSession, names: Sequence[str]) -> list[CollectionId]:
    """The ids of those of the named collections that exist."""
    query = select(collections.c.id).where(
        collections.c.tenant_id == scope.tenant_id, collections.c.name.in_(names)
    )
    return [CollectionId(row) for row in (await scope.connection.execute(query)).scalars()]


@dataclass(frozen=True, kw_only=True)
class ReadableCollection:
    """A collection in which the caller may read something."""

    name: str
    created_at: datetime


async def readable_collections(scope: TenantSession) -> list[ReadableCollection]:
    """Those that hold a document the caller may read and that can be found, by name."""
    holds_something = (
        select(1)
        .where(documents.c.tenant_id == collections.c.tenant_id)
        .where(documents.c.collection_id == collections.c.id, documents.c.version > 0)
        .exists()
    )
    query = (
        select(collections.c.name, collections.c.created_at)
        .where(collections.c.tenant_id == scope.tenant_id, holds_something)
        .order_by(collections.c.name)
    )
    return [
        ReadableCollection(name=row.name, created_at=row.created_at)
        for row in await scope.connection.execute(query)
    ]
