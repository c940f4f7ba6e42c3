"""Vectors that a space lacks: of chunks that are older than it, or that no worker could embed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Uuid, any_, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from kb.ids import ChunkId, DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.job_kinds import BACKFILL
from kb.store.jobs import TenantWork, enqueue_job
from kb.store.spaces import Space, hold_spaces, vectors_table
from kb.store.tables import chunks, documents, jobs
from kb.store.tenants import advance_generation
from kb.store.vectors import text_sha256
from kb.unit_vectors import Vectors

NOBODY: Final = "footnote:spaces"
"""Who owns a job that no caller has asked for: no uploader has this name."""

SPACE_ARGUMENT = "space"
"""The name of the space, in the arguments of the job."""


@dataclass(frozen=True, kw_only=True)
class MissingChunk:
    """A chunk without a vector, and the text that its vector is made of."""

    id: ChunkId
    document_id: DocumentId
    embedded_text: str

    @property
    def sha256(self) -> str:
        """The key by which the text's vector is found again."""
        return text_sha256(self.embedded_text)


async def enqueue_backfill(
    scope: TenantSession, space: Space, *, owner: str = NOBODY
) -> JobId | None:
    """A queued job that embeds what the tenant's space lacks; None while one waits already.

    Its progress tells the owner how many chunks the tenant has. Needs a whole-tenant scope.
    """
    waiting = select(jobs.c.id).where(
        jobs.c.tenant_id == scope.tenant_id,
        jobs.c.kind == BACKFILL.name,
        jobs.c.status == "queued",
        jobs.c.arguments[SPACE_ARGUMENT].astext == space.name,
    )
    if (await scope.connection.execute(waiting.limit(1))).one_or_none() is not None:
        return None
    job = await enqueue_job(
        scope,
        BACKFILL,
        owner=owner,
        work=TenantWork(lock=f"space:{space.name}", arguments={SPACE_ARGUMENT: space.name}),
        priority="background",
    )
    return job.id


async def count_missing(scope: TenantSession, space: Space) -> int:
    """The number of the tenant's chunks without a vector. Needs a whole-tenant scope."""
    query = select(func.count()).select_from(chunks).where(*_is_missing(scope, space))
    return int((await scope.connection.execute(query)).scalar_one())


async def count_rows(scope: TenantSession, space: Space) -> int:
    """The number of the tenant's vectors. Needs a whole-tenant scope."""
    table = vectors_table(space)
    query = select(func.count()).where(table.c.tenant_id == scope.tenant_id)
    return int((await scope.connection.execute(query)).scalar_one())


async def sample_chunks(scope: TenantSession, *, limit: int) -> list[int]:
    """The ids of some of the chunks that the scope may see, by chance; reads all ids."""
    query = (
        select(chunks.c.id)
        .where(chunks.c.tenant_id == scope.tenant_id)
        .order_by(func.random())
        .limit(limit)
    )
    return sorted((await scope.connection.execute(query)).scalars())


async def missing_chunks(
    scope: TenantSession, space: Space, *, after: int, limit: int
) -> list[MissingChunk]:
    """The first chunks without a vector whose id is larger. Needs a whole-tenant scope."""
    query = (
        select(chunks.c.id, chunks.c.document_id, chunks.c.context, chunks.c.text)
        .where(*_is_missing(scope, space), chunks.c.id > after)
        .order_by(chunks.c.id)
        .limit(limit)
    )
    return [
        MissingChunk(
            id=ChunkId(row.id),
            document_id=DocumentId(row.document_id),
            # As `ingest.chunk` embeds it.
            embedded_text=f"{row.context}\n{row.text}" if row.context else row.text,
        )
        for row in await scope.connection.execute(query)
    ]


async def insert_missing(
    scope: TenantSession, space: Space, filled: Sequence[MissingChunk], vectors: Vectors
) -> bool:
    """Stores the vectors, (n, d) in the order of the chunks; False: the space is being dropped.

    Of chunks that have gone meanwhile nothing is stored. Their documents are locked, so that no
    change of readers passes by. Needs a whole-tenant scope.
    """
    stored = next((each for each in await hold_spaces(scope) if each.space == space), None)
    if stored is None:
        return False
    document_ids = literal([each.document_id for each in filled], ARRAY(Uuid))
    await scope.connection.execute(
        select(documents.c.id)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id == any_(document_ids))
        .order_by(documents.c.id)
        .with_for_update()
    )
    made_by_chunk = {
        chunk.id: {"embedded_sha256": chunk.sha256, "embedding": vector}
        for chunk, vector in zip(filled, vectors, strict=True)
    }
    chunk_ids = literal(list(made_by_chunk), ARRAY(BigInteger))
    present = await scope.connection.execute(
        select(chunks.c.id, chunks.c.document_id, chunks.c.collection_id, chunks.c.principals)
        .where(chunks.c.tenant_id == scope.tenant_id, chunks.c.id == any_(chunk_ids))
        .order_by(chunks.c.id)
    )
    rows = present.all()
    if rows:
        await scope.connection.execute(
            upsert(vectors_table(space)).on_conflict_do_nothing(),
            [
                {
                    "tenant_id": scope.tenant_id,
                    "chunk_id": row.id,
                    "document_id": row.document_id,
                    "collection_id": row.collection_id,
                    "principals": row.principals,
                    **made_by_chunk[row.id],
                }
                for row in rows
            ],
        )
    if stored.is_current:
        # What follows the space that is searched learns of its news by the generation.
        for document_id, readers in {row.document_id: row.principals for row in rows}.items():
            await advance_generation(scope, document_id, readers=readers)
    return True


def _is_missing(scope: TenantSession, space: Space) -> tuple[ColumnElement[bool], ...]:
    table = vectors_table(space)
    vector = exists().where(
        table.c.tenant_id == chunks.c.tenant_id,
        table.c.tenant_id == scope.tenant_id,
        table.c.chunk_id == chunks.c.id,
    )
    return chunks.c.tenant_id == scope.tenant_id, ~vector
