"""The processes of the API, and how far each has purged its copies of what was deleted.

Processes with one home folder are one node: they share its indexes on disk, and each has caches of
its own. A process tells every few seconds that it lives.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from kb.ids import TenantId
from kb.postgres.database import SystemSession, TenantSession
from kb.store.tables import api_processes, purges, tenant_purges

SILENT_AFTER: Final = timedelta(seconds=60)
"""A process that says nothing for so long has ended, and its memory with it."""

ABSENT_AFTER: Final = timedelta(days=7)
"""A node without a process for so long is not waited for: its disk may be gone. Receipts count it,
and it purges what it has when it comes back."""

_AGE = func.now() - api_processes.c.seen_at


@dataclass(frozen=True, kw_only=True)
class ApiProcess:
    """One process, at its node."""

    id: UUID
    node: UUID


@dataclass(frozen=True, kw_only=True)
class Purged:
    """The generation up to which no node and no process has copies left; any when there is none.

    `nodes` have confirmed that; `absent_nodes` are no longer waited for.
    """

    generation: int
    nodes: int
    absent_nodes: int


async def say_alive(system: SystemSession, process: ApiProcess) -> None:
    """Registers the process or renews its entry, and removes those that ended at its node."""
    await system.connection.execute(
        insert(api_processes)
        .values(id=process.id, node=process.node)
        .on_conflict_do_update(index_elements=["id"], set_={"seen_at": func.now()})
    )
    await system.connection.execute(
        delete(api_processes).where(
            api_processes.c.node == process.node,
            api_processes.c.id != process.id,
            _AGE > SILENT_AFTER,
        )
    )


async def count_living(system: SystemSession) -> int:
    """The number of processes of the API that have said lately that they live."""
    query = select(func.count()).select_from(api_processes).where(_AGE < SILENT_AFTER)
    return int((await system.connection.execute(query)).scalar_one())


async def say_goodbye(system: SystemSession, process: ApiProcess) -> None:
    """Says that the process ends: nobody waits for its memory. Its node stays known."""
    await system.connection.execute(
        api_processes.update()
        .where(api_processes.c.id == process.id)
        .values(seen_at=func.now() - SILENT_AFTER)
    )


async def note_purged(scope: TenantSession, process: ApiProcess, *, generation: int) -> None:
    """Says that the process and its node have no copy of what was deleted up to the generation.

    Needs a whole-tenant scope.
    """
    statement = insert(purges).values(
        tenant_id=scope.tenant_id, process_id=process.id, generation=generation
    )
    await scope.connection.execute(
        statement.on_conflict_do_update(
            constraint="purges_pkey",
            set_={"generation": func.greatest(purges.c.generation, generation)},
        )
    )


async def node_purged(scope: TenantSession, node: UUID) -> int:
    """The generation up to which a process of the node has purged its disk; 0 when none has."""
    query = (
        select(func.coalesce(func.max(purges.c.generation), 0))
        .join(api_processes, api_processes.c.id == purges.c.process_id)
        .where(purges.c.tenant_id == scope.tenant_id, api_processes.c.node == node)
    )
    return int((await scope.connection.execute(query)).scalar_one())


async def purged_everywhere(scope: TenantSession) -> Purged:
    """What all processes that live, and all nodes that are not absent, have purged of the tenant.

    Needs a whole-tenant scope.
    """
    query = _progress(func.coalesce(purges.c.generation, 0)).outerjoin(
        purges,
        (purges.c.process_id == api_processes.c.id) & (purges.c.tenant_id == scope.tenant_id),
    )
    return _summed_up((await scope.connection.execute(query)).all())


async def tenant_purged_everywhere(system: SystemSession, tenant_id: TenantId) -> Purged:
    """The same of a deleted tenant: generation 0 while somebody may have something left of it."""
    query = _progress(case((tenant_purges.c.process_id.is_(None), 0), else_=1)).outerjoin(
        tenant_purges,
        (tenant_purges.c.process_id == api_processes.c.id)
        & (tenant_purges.c.deletion_id == tenant_id),
    )
    return _summed_up((await system.connection.execute(query)).all())


def _progress(generation: ColumnElement[int]) -> Select[tuple[UUID, bool, bool, int]]:
    return select(
        api_processes.c.node,
        (_AGE < SILENT_AFTER).label("lives"),
        (_AGE > ABSENT_AFTER).label("is_absent"),
        generation.label("generation"),
    ).select_from(api_processes)


def _summed_up(rows: Sequence[Row[tuple[UUID, bool, bool, int]]]) -> Purged:
    """The least of all that is waited for."""
    living = {row.node for row in rows if row.lives}
    reached = [row.generation for row in rows if row.lives]
    absent: set[UUID] = set()
    for node in {row.node for row in rows} - living:
        of_node = [row for row in rows if row.node == node]
        if all(row.is_absent for row in of_node):
            absent.add(node)
        else:
            # Its memory is gone; what any of its processes did to the disk is done.
            reached.append(max(row.generation for row in of_node))
    return Purged(
        generation=min(reached, default=sys.maxsize),
        nodes=len({row.node for row in rows} - absent),
        absent_nodes=len(absent),
    )
