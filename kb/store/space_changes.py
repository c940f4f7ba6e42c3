"""Adds, activates and drops embedding spaces while searches and workers go on.

Whoever writes new vectors holds the spaces (`kb.store.spaces.hold_spaces`), so that none is added
or activated in between; a transaction that has read which spaces there are may use them to its end.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, text, update

from kb.errors import Conflict, SpaceIncomplete, SpaceInUse, TransactionConflict
from kb.ids import TenantId
from kb.postgres.asyncio_engine import AsyncConnection
from kb.postgres.database import Database, system_within, tenant_within
from kb.store.space_backfill import count_missing, count_rows, enqueue_backfill
from kb.store.spaces import (
    Space,
    SpaceTuning,
    StoredSpace,
    add_space,
    all_spaces,
    current_space,
    find_space,
    lock_spaces,
    stored_spaces,
    tuning_columns,
    vectors_table,
)
from kb.store.tables import embedding_spaces
from kb.store.tenants import generations

LOOK_EVERY_SECONDS: Final = 0.1
UNUSED_WITHIN_SECONDS: Final = 120
"""A drop waits so long for the transactions that may still use the space: a long one reads a large
tenant for its index."""

DROP_TRIES, DROP_LOCK_TIMEOUT = 60, "300ms"
"""Dropping a table that refers to chunks keeps readers of chunks waiting until it has its lock: it
gives up soon, and tries again."""

_SET_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :timeout, true)")

_SIZE = text("SELECT coalesce(pg_total_relation_size(to_regclass(:table)), 0)")

# Every transaction holds the lock on its own virtual id to its end.
_TRANSACTIONS = text(
    """
    SELECT pg_locks.virtualtransaction FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE pg_locks.locktype = 'virtualxid' AND pg_locks.mode = 'ExclusiveLock'
      AND pg_stat_activity.datname = current_database()
      AND pg_stat_activity.backend_type = 'client backend'
      AND pid <> pg_backend_pid()
    """
)


@dataclass(frozen=True, kw_only=True)
class SpaceState:
    """A space, and how much of what is stored it has, over all tenants.

    `size_bytes` is that of its table with its indexes.
    """

    stored: StoredSpace
    rows: int
    missing: int
    size_bytes: int

    @property
    def complete_share(self) -> float:
        """The share of the chunks that have a vector, 0 to 1; 1 when nothing is stored."""
        total = self.rows + self.missing
        return self.rows / total if total else 1.0


async def create_space(database: Database, space: Space, tuning: SpaceTuning) -> bool:
    """True when the space is new: workers keep it current from now on.

    False when it was there before; the tuning is then left as it is. Misconfigured when another
    model has a space of this name, Conflict while one of this name is being dropped.
    """
    async with database.owner() as connection:
        await lock_spaces(connection)
        known = await add_space(connection, space, tuning)
    if known is not None and known.is_dropped:
        raise Conflict(
            f"The embedding space {space.name!r} is being dropped: "
            f"finish that with 'footnote space drop {space.name}', then create it again."
        )
    return known is None


async def set_tuning(database: Database, space: Space, tuning: SpaceTuning) -> None:
    """Stores what depends on the cosines of the space's model; processes read it in seconds."""
    async with database.owner() as connection:
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name)
            .values(**tuning_columns(tuning))
        )


async def enqueue_backfills(database: Database, space: Space) -> int:
    """The number of tenants that lack vectors in the space, and have a job for it now."""
    count = 0
    for tenant_id in await _tenants(database):
        async with database.tenant(tenant_id, viewer=None) as scope:
            if await count_missing(scope, space):
                await enqueue_backfill(scope, space)
                count += 1
    return count


async def activate_space(database: Database, name: str, *, is_forced: bool = False) -> Space | None:
    """The space that searches used before; from the next search on all processes use this one.

    Raises:
        SpaceNotFound: There is no such live space.
        SpaceIncomplete: Chunks lack a vector in it, and it is not forced.
    """
    async with database.system() as system:
        space = (await find_space(system, name)).space
        counted = await generations(system)
    async with database.owner() as connection:
        missing = 0 if is_forced else await _count_missing(connection, space, list(counted))
        # The planner knows of what was filled in a moment ago only by this.
        await connection.exec_driver_sql(f'ANALYZE "{vectors_table(space).name}"')
    if missing:
        raise _incomplete(space, missing)
    async with database.owner() as connection:
        await lock_spaces(connection)
        # What was published while this waited; nothing more is until the end.
        async with system_within(connection) as system:
            current = await current_space(system)
            await find_space(system, space.name)
            now = await generations(system)
        changed = [tenant for tenant, number in now.items() if counted.get(tenant) != number]
        missing = 0 if is_forced else await _count_missing(connection, space, changed)
        if missing:
            raise _incomplete(space, missing)
        await connection.execute(update(embedding_spaces).values(is_current=False))
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name)
            .values(is_current=True)
        )
    return current


async def drop_space(database: Database, name: str) -> None:
    """Frees the space's table and indexes, once no transaction can use them any more.

    Goes on with a drop that was cut off.

    Raises:
        SpaceNotFound: There is no such space.
        SpaceInUse: Searches use it.
        TransactionConflict: Others used it for too long; it is no longer kept current, and the
            same call goes on from here.
    """
    async with database.owner() as connection:
        await lock_spaces(connection)
        async with system_within(connection) as system:
            stored = {each.space.name: each for each in await stored_spaces(system)}
            is_dropped = name in stored and stored[name].is_dropped
            found = stored[name] if is_dropped else await find_space(system, name)
        space = found.space
        values = {"dropped_at": func.coalesce(embedding_spaces.c.dropped_at, func.now())}
        marked = await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name, ~embedding_spaces.c.is_current)
            .values(**values)
        )
    if not marked.rowcount:
        raise SpaceInUse(
            f"Searches use the embedding space {space.name!r}: activate another one first."
        )
    await _wait_for_older_transactions(database)
    for _ in range(DROP_TRIES):
        try:
            async with database.owner() as connection:
                await connection.execute(_SET_LOCK_TIMEOUT, {"timeout": DROP_LOCK_TIMEOUT})
                await _drop_table(connection, space)
        except TransactionConflict:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        else:
            return
    raise TransactionConflict(has_waited=True)


async def describe_spaces(database: Database) -> list[SpaceState]:
    """Every space with its rows, counted one tenant after the other."""
    async with database.system() as system:
        stored = await stored_spaces(system)
    states = []
    for each in stored:
        rows = missing = 0
        for tenant_id in await _tenants(database):
            async with database.tenant(tenant_id, viewer=None) as scope:
                # One that is being dropped may be gone the next moment.
                if each.space in await all_spaces(scope):
                    rows += await count_rows(scope, each.space)
                    missing += await count_missing(scope, each.space)
        async with database.system() as system:
            table = {"table": vectors_table(each.space).name}
            size = (await system.connection.execute(_SIZE, table)).scalar_one()
        states.append(SpaceState(stored=each, rows=rows, missing=missing, size_bytes=int(size)))
    return states


def _incomplete(space: Space, missing: int) -> SpaceIncomplete:
    return SpaceIncomplete(
        f"{missing} chunks have no vector in the embedding space {space.name!r} yet: wait for the "
        "backfill, which 'footnote space list' shows, or activate with --force, after which "
        "searches find these chunks by their words alone."
    )


async def _drop_table(connection: AsyncConnection, space: Space) -> None:
    await connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{vectors_table(space).name}"')
    await connection.execute(
        delete(embedding_spaces).where(
            embedding_spaces.c.name == space.name, embedding_spaces.c.dropped_at.is_not(None)
        )
    )


async def _count_missing(
    connection: AsyncConnection, space: Space, tenant_ids: Sequence[TenantId]
) -> int:
    """Of these tenants together."""
    total = 0
    for tenant_id in tenant_ids:
        async with tenant_within(connection, tenant_id) as scope:
            total += await count_missing(scope, space)
    return total


async def _tenants(database: Database) -> list[TenantId]:
    async with database.system() as system:
        return list(await generations(system))


async def _wait_for_older_transactions(database: Database) -> None:
    """Returns when every transaction that is open now has ended.

    TransactionConflict when some are still open after UNUSED_WITHIN_SECONDS.
    """
    async with database.owner() as connection:
        older = set((await connection.execute(_TRANSACTIONS)).scalars())
    for _ in range(round(UNUSED_WITHIN_SECONDS / LOOK_EVERY_SECONDS)):
        if not older:
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        async with database.owner() as connection:
            older &= set((await connection.execute(_TRANSACTIONS)).scalars())
    raise TransactionConflict(
        "Transactions that may use the embedding space are still open: run the same command again.",
        has_waited=True,
    )
