"""Rows, vectors, jobs and files that do not agree with each other, found by set-based queries.

Publishing, deleting and queueing are transactions, so that none of it is there in normal operation.
It comes from restored backups, from hands in the database, and from mistakes. Every function here
needs a whole-tenant scope and returns at most `limit` findings, in order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, cast, delete, exists, func, or_, select, union
from sqlalchemy.dialects.postgresql import UUID

from kb.ids import ChunkId, DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table
from kb.store.tables import chunks, documents, jobs

UNFINISHED = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class MissingFile:
    """A document whose served or newest bytes are not in the file store."""

    document_id: DocumentId
    sha256: str


async def vectors_without_chunks(
    scope: TenantSession, space: Space, *, limit: int
) -> list[ChunkId]:
    """The chunk ids of the space's vectors whose chunk is gone."""
    table = vectors_table(space)
    query = (
        select(table.c.chunk_id)
        .where(table.c.tenant_id == scope.tenant_id)
        .where(
            ~exists().where(
                chunks.c.tenant_id == table.c.tenant_id, chunks.c.id == table.c.chunk_id
            )
        )
        .order_by(table.c.chunk_id)
        .limit(limit)
    )
    return [ChunkId(row) for row in (await scope.connection.execute(query)).scalars()]


async def delete_vectors_of(
    scope: TenantSession, space: Space, chunk_ids: Sequence[ChunkId]
) -> int:
    """The number of the space's vectors of these chunks deleted."""
    table = vectors_table(space)
    deleted = await scope.connection.execute(
        delete(table).where(table.c.tenant_id == scope.tenant_id, table.c.chunk_id.in_(chunk_ids))
    )
    return int(deleted.rowcount)


async def unread_documents(
    scope: TenantSession,
    *,
    limit: int,
    with_failed: bool = False,
    besides: JobId | None = None,
) -> list[DocumentId]:
    """Documents whose newest upload waits to be read and has no job that would.

    With `with_failed` also those whose newest upload could not be read; `besides` leaves out those
    that this run of the re-index has queued.
    """
    table = documents.c
    has_live_job = exists().where(
        jobs.c.tenant_id == table.tenant_id,
        jobs.c.document_id == table.id,
        jobs.c.upload == table.upload,
        jobs.c.status.in_(UNFINISHED),
    )
    is_waiting = table.status.in_(("pending", "processing"))
    query = (
        select(table.id)
        .where(table.tenant_id == scope.tenant_id, table.upload > table.version)
        .where(or_(is_waiting, table.error.is_not(None)) if with_failed else is_waiting)
        .where(~has_live_job)
        .order_by(table.id)
        .limit(limit)
    )
    if besides is not None:
        query = query.where(
            ~exists().where(
                jobs.c.tenant_id == table.tenant_id,
                jobs.c.document_id == table.id,
                jobs.c.run_id == besides,
            )
        )
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def lost_jobs(scope: TenantSession, *, limit: int, kind: str | None = None) -> list[JobId]:
    """Unfinished jobs that are neither in the queue nor in a worker's hands; None: of any kind."""
    # One statement: a job may end between two, and would seem to be lost.
    query = (
        select(jobs.c.id)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.status.in_(UNFINISHED))
        .where(jobs.c.id.not_in(select(func.footnote_queued_jobs())))
        .order_by(jobs.c.id)
        .limit(limit)
    )
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    return [JobId(row) for row in (await scope.connection.execute(query)).scalars()]


async def miscounted_documents(scope: TenantSession, *, limit: int) -> list[DocumentId]:
    """Documents that do not have the chunks of their served version, all of them and no others."""
    of_another_version = func.count().filter(chunks.c.version != documents.c.version)
    query = (
        select(documents.c.id)
        .outerjoin(
            chunks,
            and_(
                chunks.c.tenant_id == documents.c.tenant_id,
                chunks.c.document_id == documents.c.id,
            ),
        )
        .where(documents.c.tenant_id == scope.tenant_id)
        .group_by(documents.c.tenant_id, documents.c.id)
        .having(or_(func.count(chunks.c.id) != documents.c.chunk_count, of_another_version > 0))
        .order_by(documents.c.id)
        .limit(limit)
    )
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def documents_of_files(
    scope: TenantSession, sha256s: Collection[str], *, limit: int
) -> list[MissingFile]:
    """The documents, one for each of their files, whose newest or served bytes these are."""
    queries = [
        select(cast(documents.c.id, UUID).label("id"), column.label("sha256")).where(
            documents.c.tenant_id == scope.tenant_id, column.in_(sha256s)
        )
        for column in (documents.c.content_sha256, documents.c.served_sha256)
    ]
    query = union(*queries).order_by("id").limit(limit)
    return [
        MissingFile(document_id=DocumentId(row.id), sha256=row.sha256)
        for row in await scope.connection.execute(query)
    ]
