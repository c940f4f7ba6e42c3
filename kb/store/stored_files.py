"""The stored bytes that documents need, and the deletion of those that none does.

Bytes are shared by the documents of a tenant that have the same content. Whoever is about to need
them and whoever takes them away hold one lock, so that no document loses its bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, text, union

from kb.files import FileStore
from kb.ids import TenantId
from kb.postgres.database import Database, TenantSession
from kb.store.tables import document_versions, documents, jobs

FILES_AT_ONCE: Final = 1_000
"""Looked up in one statement."""

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def lock_file(scope: TenantSession, sha256: str) -> None:
    """Until the transaction ends nobody else begins to need these bytes or takes them away."""
    await scope.connection.execute(_LOCK, {"name": f"file {scope.tenant_id} {sha256}"})


async def needed_files(scope: TenantSession, sha256s: Sequence[str]) -> frozenset[str]:
    """Those that a document, a version or a job names. Needs a whole-tenant scope."""
    named = union(
        *(
            select(column).where(table.c.tenant_id == scope.tenant_id, column.in_(sha256s))
            for table, column in (
                (documents, documents.c.content_sha256),
                (documents, documents.c.served_sha256),
                (document_versions, document_versions.c.content_sha256),
                (jobs, jobs.c.content_sha256),
            )
        )
    )
    return frozenset((await scope.connection.execute(named)).scalars())


async def named_files(scope: TenantSession) -> frozenset[str]:
    """The sha256 of all bytes that documents and their versions name."""
    columns = (
        (documents, documents.c.content_sha256),
        (documents, documents.c.served_sha256),
        (document_versions, document_versions.c.content_sha256),
    )
    query = union(
        *(
            select(column).where(table.c.tenant_id == scope.tenant_id, column.is_not(None))
            for table, column in columns
        )
    )
    return frozenset((await scope.connection.execute(query)).scalars())


async def missing_files(
    database: Database, files: FileStore, tenant_id: TenantId
) -> frozenset[str]:
    """The sha256 of bytes that something needs and that are not stored."""
    # Bytes are stored before the rows that name them, and deleted after them.
    async with database.tenant(tenant_id, viewer=None) as scope:
        named = await named_files(scope)
    missing = sorted(named.difference(await files.stored(tenant_id)))
    async with database.tenant(tenant_id, viewer=None) as scope:
        # Again: what was deleted meanwhile is not missed.
        return await needed_files(scope, missing)


async def unneeded_files(database: Database, files: FileStore, tenant_id: TenantId) -> list[str]:
    """The sha256 of stored bytes that nothing needs now; an upload may be about to."""
    stored = await files.stored(tenant_id)
    unneeded: list[str] = []
    for start in range(0, len(stored), FILES_AT_ONCE):
        page = stored[start : start + FILES_AT_ONCE]
        async with database.tenant(tenant_id, viewer=None) as scope:
            needed = await needed_files(scope, page)
        unneeded += [sha256 for sha256 in page if sha256 not in needed]
    return unneeded


async def discard_file(
    database: Database, files: FileStore, tenant_id: TenantId, sha256: str
) -> bool:
    """True when the bytes were there, nothing needed them, and they are gone."""
    async with database.tenant(tenant_id, viewer=None) as scope:
        await lock_file(scope, sha256)
        if await needed_files(scope, [sha256]):
            return False
        # Before the lock is given back: after it somebody may need them.
        return await files.delete(tenant_id, sha256)


async def discard_unneeded(
    database: Database, files: FileStore, tenant_id: TenantId, *, before: datetime, limit: int
) -> int:
    """The number of files deleted: written before that and needed by nothing, at most `limit`.

    They are what a process leaves that dies between storing bytes and storing their document.
    """
    await files.delete_partial(tenant_id, before=before)
    unneeded = await unneeded_files(database, files, tenant_id)
    # Only these are asked for their age, which costs a request each in a store far away.
    discarded = [
        await discard_file(database, files, tenant_id, sha256)
        for sha256 in unneeded[:limit]
        if await files.is_older(tenant_id, sha256, before)
    ]
    return sum(discarded)
