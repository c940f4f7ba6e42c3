"""What the database holds of a document and of the queue, for tests that look behind the API."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kb.ids import DocumentId, TenantId
from kb.postgres.database import Database
from kb.store.documents import get_document
from kb.store.spaces import all_spaces


@dataclass(frozen=True, kw_only=True)
class StoredDocument:
    """The rows of a document, counted and compared with each other."""

    status: str
    version: int
    chunk_count: int
    versions: list[int]
    ordinals: list[int]
    vector_count: int
    unproved_chunks: int
    """Chunks that are not the text at their place."""

    @property
    def is_whole(self) -> bool:
        """True when the served version is complete and nothing is there twice."""
        return (
            self.version in self.versions
            and self.ordinals == list(range(self.chunk_count))
            and self.vector_count == self.chunk_count
            and self.unproved_chunks == 0
        )


async def stored_document(
    database: Database, tenant_id: TenantId, document_id: str
) -> StoredDocument:
    """The document as the whole tenant sees it."""
    async with database.tenant(tenant_id, viewer=None) as scope:
        document = await get_document(scope, DocumentId(UUID(document_id)))

        async def rows(query: str) -> list[int]:
            result = await scope.connection.execute(text(query), {"id": document_id})
            return list(result.scalars())

        vector_count = 0
        for space in await all_spaces(scope):
            query = f"SELECT count(*) FROM vectors_{space.name} WHERE document_id = :id"  # noqa: S608  # the name is ours
            vector_count += (await rows(query))[0]
        return StoredDocument(
            status=document.status,
            version=document.version,
            chunk_count=document.chunk_count,
            versions=await rows(
                "SELECT version FROM document_versions WHERE document_id = :id ORDER BY version"
            ),
            ordinals=await rows(
                "SELECT ordinal FROM chunks WHERE document_id = :id ORDER BY version, ordinal"
            ),
            vector_count=vector_count,
            unproved_chunks=(
                await rows(
                    "SELECT count(*) FROM chunks JOIN document_versions AS versions"
                    " USING (tenant_id, document_id, version) WHERE document_id = :id"
                    " AND text != substr(content, 1 + CAST(location ->> 'char_start' AS integer),"
                    " length(text))"
                )
            )[0],
        )


async def queue_rows(database: Database) -> list[tuple[str, int]]:
    """Status and attempts of every job in the queue, oldest first."""
    async with database.owner() as connection:
        query = "SELECT status, attempts FROM procrastinate.procrastinate_jobs ORDER BY id"
        return [(row.status, row.attempts) for row in await connection.execute(text(query))]


async def let_time_pass(database: Database) -> None:
    """Every worker seems silent for long, and every retry is due."""
    async with database.owner() as connection:
        for statement in (
            "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = 'epoch'",
            "UPDATE procrastinate.procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'",
        ):
            await connection.execute(text(statement))
