"""The deletion of a tenant, in one transaction that ends only when no table has a row of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, cast

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from kb.errors import KnowledgeBaseError, TenantNotFound
from kb.ids import TenantId
from kb.postgres.database import SystemSession, TenantSession
from kb.store.api_processes import ApiProcess, Purged
from kb.store.deletions import PurgeState
from kb.store.tables import tenant_deletions, tenant_purges, tenants

# Each table by the role that may count its rows.
_TABLES = text(
    """
    SELECT relname AS name,
           has_table_privilege('footnote_writer', pg_class.oid, 'SELECT') AS writer_reads,
           has_table_privilege('footnote_system', pg_class.oid, 'SELECT') AS system_reads
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'tenant_id'
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    ORDER BY relname
    """
)
_FORGET_JOBS = text("SELECT footnote_forget_jobs(:tenant_id, NULL)")


class TenantReceipt(TypedDict):
    """What a tenant had when it was deleted: rows by table, what waited in the queue, files."""

    tenant_id: str
    tenant_name: str
    rows: dict[str, int]
    queued: int
    files: int


@dataclass(frozen=True, kw_only=True)
class TenantDeletion:
    """A tenant's deletion and how far its copies are purged."""

    receipt: TenantReceipt
    state: PurgeState


async def delete_tenant(scope: TenantSession, *, files: int, now: datetime) -> TenantReceipt:
    """The receipt; TenantNotFound when it is gone already, and for a viewer. Needs a whole tenant.

    Waits for transactions of the tenant that are going on; later ones find no tenant. `files` is
    their number, to tell.
    """
    if scope.viewer is not None:
        raise TenantNotFound
    tenant_id = scope.tenant_id
    async with scope.as_system() as system:
        found = await system.connection.execute(
            select(tenants.c.name).where(tenants.c.id == tenant_id).with_for_update()
        )
        name = found.scalar_one_or_none()
    if name is None:
        raise TenantNotFound
    rows = await _count_rows(scope)
    queued = await scope.connection.execute(_FORGET_JOBS, {"tenant_id": str(tenant_id)})
    receipt = TenantReceipt(
        tenant_id=str(tenant_id),
        tenant_name=name,
        rows={table: count for table, count in rows.items() if count},
        queued=int(queued.scalar_one()),
        files=files,
    )
    async with scope.as_system() as system:
        # All that belongs to it goes with its row.
        await system.connection.execute(delete(tenants).where(tenants.c.id == tenant_id))
    left = {table: count for table, count in (await _count_rows(scope)).items() if count}
    if left:
        raise KnowledgeBaseError(f"Nothing was deleted: rows would be left in {sorted(left)}.")
    async with scope.as_system() as system:
        await system.connection.execute(
            insert(tenant_deletions).values(id=tenant_id, receipt=receipt, deleted_at=now)
        )
    return receipt


async def _count_rows(scope: TenantSession) -> dict[str, int]:
    """The tenant's rows by table; an error when nobody may count those of one."""
    counts: dict[str, int] = {}
    for table in (await scope.connection.execute(_TABLES)).all():
        # The name is one of our own tables'.
        query = text(f'SELECT count(*) FROM "{table.name}" WHERE tenant_id = :tenant_id')  # noqa: S608
        if table.writer_reads:
            found = await scope.connection.execute(query, {"tenant_id": scope.tenant_id})
        elif table.system_reads:
            async with scope.as_system() as system:
                found = await system.connection.execute(query, {"tenant_id": scope.tenant_id})
        else:
            raise KnowledgeBaseError(f"Nobody may count the rows of {table.name!r}.")
        counts[table.name] = int(found.scalar_one())
    return counts


async def get_tenant_deletion(system: SystemSession, tenant_id: TenantId) -> TenantDeletion:
    """The deletion of the tenant; TenantNotFound when there was none."""
    query = select(tenant_deletions).where(tenant_deletions.c.id == tenant_id)
    row = (await system.connection.execute(query)).one_or_none()
    if row is None:
        raise TenantNotFound(f"No tenant {str(tenant_id)!r} was deleted.")
    return TenantDeletion(
        # Stored by `delete_tenant`.
        receipt=cast("TenantReceipt", row.receipt),
        state=PurgeState(
            deleted_at=row.deleted_at,
            purged_at=row.purged_at,
            nodes=row.nodes,
            absent_nodes=row.absent_nodes,
        ),
    )


async def open_tenant_deletions(system: SystemSession) -> list[TenantId]:
    """The deleted tenants of which processes may have copies, the oldest first."""
    query = (
        select(tenant_deletions.c.id)
        .where(tenant_deletions.c.purged_at.is_(None))
        .order_by(tenant_deletions.c.deleted_at)
    )
    return [TenantId(row) for row in (await system.connection.execute(query)).scalars()]


async def deleted_among(system: SystemSession, tenant_ids: Collection[TenantId]) -> set[TenantId]:
    """Those that were deleted. One that is merely unknown may belong to another database."""
    query = select(tenant_deletions.c.id).where(tenant_deletions.c.id.in_(tenant_ids))
    return {TenantId(row) for row in (await system.connection.execute(query)).scalars()}


async def note_tenant_purged(
    system: SystemSession, process: ApiProcess, tenant_id: TenantId
) -> None:
    """Says that the process and its node have nothing left of the deleted tenant."""
    await system.connection.execute(
        upsert(tenant_purges)
        .values(deletion_id=tenant_id, process_id=process.id)
        .on_conflict_do_nothing()
    )


async def complete_tenant_deletion(
    system: SystemSession, tenant_id: TenantId, purged: Purged, *, now: datetime
) -> None:
    """Notes that nothing is left of the tenant, unless somebody may still have a copy."""
    if purged.generation == 0:
        return
    await system.connection.execute(
        update(tenant_deletions)
        .where(tenant_deletions.c.id == tenant_id, tenant_deletions.c.purged_at.is_(None))
        .values(purged_at=now, nodes=purged.nodes, absent_nodes=purged.absent_nodes)
    )
