"""The record of each deletion: what its receipt says, and how far copies are purged."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast

from sqlalchemy import func, insert, select, update

from kb.errors import DocumentNotFound
from kb.ids import DocumentId, TenantId
from kb.postgres.database import SystemSession, TenantSession
from kb.store.tables import deletions

DeletionReason = Literal["request", "retention"]

FILES_AT_ONCE: int = 100


class DocumentReceipt(TypedDict):
    """What the deleter of a document was told, as `Receipt` of kb.store.changes counts it."""

    document_id: str
    content_sha256: str
    reason: DeletionReason
    documents: int
    versions: int
    chunks: int
    vectors: int
    answers: int
    jobs: int
    files: int
    generation: int


@dataclass(frozen=True, kw_only=True)
class PurgeState:
    """How far the copies of something deleted are purged.

    `nodes` had copies and have none now; `absent_nodes` were silent for so long that nobody waits
    for them. Both count when `purged_at` is set.
    """

    deleted_at: datetime
    purged_at: datetime | None
    nodes: int
    absent_nodes: int


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A document's deletion; `owner` names who deleted it."""

    owner: str
    receipt: DocumentReceipt
    state: PurgeState


@dataclass(frozen=True, kw_only=True)
class NewDeletion:
    """A deletion that is being made; `generation` is the tenant's, `principals` could read."""

    receipt: DocumentReceipt
    owner: str
    principals: tuple[str, ...]
    generation: int
    sha256s: tuple[str, ...]
    deleted_at: datetime


async def insert_deletion(scope: TenantSession, deletion: NewDeletion) -> None:
    """Stores it, for the purge to begin. Needs a whole-tenant scope."""
    await scope.connection.execute(
        insert(deletions).values(
            tenant_id=scope.tenant_id,
            document_id=deletion.receipt["document_id"],
            owner=deletion.owner,
            principals=list(deletion.principals),
            generation=deletion.generation,
            receipt=deletion.receipt,
            sha256s=list(deletion.sha256s),
            deleted_at=deletion.deleted_at,
        )
    )


async def get_deletion(scope: TenantSession, document_id: DocumentId) -> Deletion:
    """The deletion; DocumentNotFound when there is none that the viewer may know of."""
    query = select(deletions).where(
        deletions.c.tenant_id == scope.tenant_id, deletions.c.document_id == document_id
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        raise DocumentNotFound
    return Deletion(
        owner=row.owner,
        # Stored by `insert_deletion`.
        receipt=cast("DocumentReceipt", row.receipt),
        state=PurgeState(
            deleted_at=row.deleted_at,
            purged_at=row.purged_at,
            nodes=row.nodes,
            absent_nodes=row.absent_nodes,
        ),
    )


async def open_deletions(system: SystemSession) -> dict[TenantId, int]:
    """For each tenant with copies to purge the generation of its last such deletion."""
    query = (
        select(deletions.c.tenant_id, func.max(deletions.c.generation).label("generation"))
        .where(deletions.c.purged_at.is_(None))
        .group_by(deletions.c.tenant_id)
        .order_by(deletions.c.tenant_id)
    )
    rows = await system.connection.execute(query)
    return {TenantId(row.tenant_id): row.generation for row in rows}


async def files_to_discard(scope: TenantSession, *, generation: int) -> list[str]:
    """The hashes of some files that the open deletions up to the generation left behind."""
    query = (
        select(func.unnest(deletions.c.sha256s))
        .where(deletions.c.tenant_id == scope.tenant_id, deletions.c.purged_at.is_(None))
        .where(deletions.c.generation <= generation)
        .limit(FILES_AT_ONCE)
    )
    return list((await scope.connection.execute(query)).scalars())


async def note_discarded(scope: TenantSession, sha256: str) -> None:
    """Takes the file from those to discard. Needs a whole-tenant scope."""
    await scope.connection.execute(
        update(deletions)
        .where(deletions.c.tenant_id == scope.tenant_id, deletions.c.purged_at.is_(None))
        .where(deletions.c.sha256s.contains([sha256]))
        .values(sha256s=func.array_remove(deletions.c.sha256s, sha256))
    )


async def complete_deletions(
    scope: TenantSession, *, generation: int, nodes: int, absent_nodes: int, now: datetime
) -> int:
    """The number of deletions, up to the generation, of which nothing is left. A whole tenant."""
    completed = await scope.connection.execute(
        update(deletions)
        .where(deletions.c.tenant_id == scope.tenant_id, deletions.c.purged_at.is_(None))
        .where(deletions.c.generation <= generation, deletions.c.sha256s == [])
        .values(purged_at=now, nodes=nodes, absent_nodes=absent_nodes)
    )
    return int(completed.rowcount)
