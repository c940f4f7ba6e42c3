"""Rows of a tenant that contradict each other, beyond those that `kb.store.drift` finds.

Transactions and constraints keep all of this; it comes from restored backups, from hands in the
database, and from mistakes. Every function needs a whole-tenant scope. Each statement reads the
tenant's rows of its tables once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import TextClause, select, text

from kb.ids import ChunkId, DocumentId
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table
from kb.store.tables import chunks

FINDERS: Final[Mapping[str, TextClause]] = {
    name: text(f"{statement} LIMIT :limit")
    for name, statement in {
        "documents_of_one_name": (
            "SELECT min(id::text) AS id FROM documents"
            " WHERE tenant_id = :tenant_id AND external_id IS NOT NULL"
            " GROUP BY collection_id, external_id, owner HAVING count(*) > 1 ORDER BY id"
        ),
        "documents_without_version": (
            "SELECT id::text FROM documents AS document"
            " WHERE tenant_id = :tenant_id AND version > 0 AND NOT EXISTS ("
            "SELECT FROM document_versions AS served WHERE served.tenant_id = document.tenant_id"
            " AND served.document_id = document.id AND served.version = document.version)"
            " ORDER BY id"
        ),
        "ready_documents_without_chunks": (
            "SELECT id::text FROM documents WHERE tenant_id = :tenant_id"
            " AND status IN ('ready', 'ready_with_warnings') AND (version = 0 OR chunk_count = 0)"
            " ORDER BY id"
        ),
        "chunks_with_other_readers": (
            "SELECT chunks.id::text FROM chunks JOIN documents"
            " ON documents.tenant_id = chunks.tenant_id AND documents.id = chunks.document_id"
            " WHERE chunks.tenant_id = :tenant_id"
            " AND (chunks.principals != documents.principals"
            " OR chunks.collection_id != documents.collection_id) ORDER BY chunks.id"
        ),
        "jobs_without_document": (
            "SELECT id::text FROM jobs AS job"
            " WHERE tenant_id = :tenant_id AND document_id IS NOT NULL AND NOT EXISTS ("
            "SELECT FROM documents WHERE documents.tenant_id = job.tenant_id"
            " AND documents.id = job.document_id) ORDER BY id"
        ),
        "queued_without_job": (
            "SELECT queued::text AS id FROM footnote_queued_jobs() AS queued"
            " WHERE NOT EXISTS (SELECT FROM jobs"
            " WHERE jobs.tenant_id = :tenant_id AND jobs.id = queued) ORDER BY queued"
        ),
        "quotes_without_document": (
            "SELECT answer_id::text AS id FROM answer_documents AS quoted"
            " WHERE tenant_id = :tenant_id AND NOT EXISTS ("
            "SELECT FROM documents WHERE documents.tenant_id = quoted.tenant_id"
            " AND documents.id = quoted.document_id) ORDER BY answer_id"
        ),
        **{
            f"{table}_without_document": (
                f"SELECT DISTINCT document_id::text AS id FROM {name} AS kept"  # noqa: S608  # ours
                " WHERE tenant_id = :tenant_id AND NOT EXISTS ("
                "SELECT FROM documents WHERE documents.tenant_id = kept.tenant_id"
                " AND documents.id = kept.document_id) ORDER BY id"
            )
            for table, name in (("versions", "document_versions"), ("chunks", "chunks"))
        },
    }.items()
}
"""Statements by what they find; each gives the ids of what is wrong."""

_CHUNK_IDS: Final = text(
    "SELECT id FROM chunks WHERE tenant_id = :tenant_id"
    " AND document_id != ALL(CAST(:without AS uuid[]))"
)


@dataclass(frozen=True, kw_only=True)
class RowCounts:
    """How much a tenant has."""

    documents: int
    chunks: int


async def count_rows(scope: TenantSession) -> RowCounts:
    """The numbers of documents and chunks."""
    statement = text(
        "SELECT (SELECT count(*) FROM documents WHERE tenant_id = :tenant_id) AS documents,"
        " (SELECT count(*) FROM chunks WHERE tenant_id = :tenant_id) AS chunks"
    )
    row = (await scope.connection.execute(statement, {"tenant_id": scope.tenant_id})).one()
    return RowCounts(documents=row.documents, chunks=row.chunks)


async def find(scope: TenantSession, name: str, *, limit: int) -> list[str]:
    """The ids that a finder gives, in order."""
    rows = await scope.connection.execute(
        FINDERS[name], {"tenant_id": scope.tenant_id, "limit": limit}
    )
    return [str(row) for row in rows.scalars()]


async def vectors_with_other_readers(
    scope: TenantSession, space: Space, *, limit: int
) -> list[str]:
    """The chunks whose vector in the space names other readers, or another document.

    Its audience counts too: it guards what a vector search may see.
    """
    statement = text(
        # The table's name is ours and checked.
        f"SELECT chunks.id::text FROM {vectors_table(space).name} AS vector"  # noqa: S608
        " JOIN chunks ON chunks.tenant_id = vector.tenant_id AND chunks.id = vector.chunk_id"
        " LEFT JOIN audiences ON audiences.tenant_id = vector.tenant_id"
        " AND audiences.id = vector.audience_id"
        " WHERE vector.tenant_id = :tenant_id AND ("
        "vector.principals != chunks.principals OR vector.document_id != chunks.document_id"
        " OR vector.collection_id != chunks.collection_id"
        " OR audiences.principals IS DISTINCT FROM vector.principals)"
        " ORDER BY chunks.id LIMIT :limit"
    )
    rows = await scope.connection.execute(statement, {"tenant_id": scope.tenant_id, "limit": limit})
    return [str(row) for row in rows.scalars()]


async def documents_of_chunks(scope: TenantSession, chunk_ids: Collection[str]) -> list[DocumentId]:
    """The documents that have the chunks, in the order of their ids."""
    query = (
        select(chunks.c.document_id)
        .distinct()
        .where(chunks.c.tenant_id == scope.tenant_id, chunks.c.id.in_(map(int, chunk_ids)))
        .order_by(chunks.c.document_id)
    )
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def chunk_ids(scope: TenantSession, *, without_documents: Collection[str]) -> set[ChunkId]:
    """The ids of all chunks, apart from those of some documents."""
    rows = await scope.connection.execute(
        _CHUNK_IDS, {"tenant_id": scope.tenant_id, "without": sorted(without_documents)}
    )
    return {ChunkId(row) for row in rows.scalars()}
