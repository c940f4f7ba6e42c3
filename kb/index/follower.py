"""Copies of tenants' chunks, on disk or in memory, follow Postgres by generation.

A search compares generations first. What changed since its copy's generation it leaves out of the
copy and reads from Postgres under row security, so that a publish, a permission change and a delete
are seen by the very next query. What is too much for that is taken up in the background.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Final, Protocol
from uuid import UUID

import structlog
from cachetools import TLRUCache, TTLCache

from kb.errors import DependencyFailed, IndexNotReady
from kb.ids import TenantId
from kb.index.reached import Changes, Reached, changes_after, is_known
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import count_chunks
from kb.store.tenants import changed_documents

log = structlog.get_logger(__name__)

MAX_SEARCHED_GENERATIONS: Final = 1_000
"""Changes that a search looks through; documents without chunks are changes as well."""

MAX_AWAITED_CHUNKS: Final = 10_000
"""Written in about half a second. For more no search waits."""

HISTORY_SECONDS: Final = 10
"""A copy of the tenant's own generation is taken for one of its history for so long."""

FAILED_SECONDS: Final = 5
"""A tenant is left alone for so long after a failure."""

MAX_TENANTS: Final = 100_000
"""Entries kept of states to trust and of tenants to leave alone, 200 bytes each."""


class Copies(Protocol):
    """The copies of one kind, one for each tenant."""

    async def read_reached(self, tenant_id: TenantId) -> Reached | None:
        """The state of the tenant's copy, whoever brought it there; None without a copy."""

    async def apply(self, scope: TenantSession, changes: Changes) -> int:
        """Takes the copy to the changes' target; how many chunks were read.

        `scope` is a snapshot of the whole tenant at the target. Ends without effect when the copy
        is no longer at `changes.since`.
        """


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The tenants that may catch up at once: those with much to take up, and the others.

    `long` None: no search waits so long that the two have to be told apart.
    """

    short: asyncio.Semaphore
    long: asyncio.Semaphore | None = None


@dataclass(kw_only=True)
class CatchUp:
    """A catch-up in the background; `outlook` is set when it ends or is known to take long."""

    task: asyncio.Task[None]
    outlook: asyncio.Event
    is_long: bool = False


class Follower:
    """Brings the copies of one kind up to date, each by one catch-up at a time."""

    def __init__(self, database: Database, copies: Copies, *, kind: str, turns: Turns) -> None:
        """`kind` is the index's name in what is logged.

        `database` is for what goes on in the background. It is not that of searches: those that
        wait for a copy would hold all the connections that writing it needs.
        """
        self._database = database
        self._copies = copies
        self._kind = kind
        self._turns = turns
        self._catch_ups: dict[TenantId, CatchUp] = {}
        self._known: TTLCache[tuple[TenantId, Reached], bool] = TTLCache(
            MAX_TENANTS, HISTORY_SECONDS
        )
        self.rest_seconds: TLRUCache[TenantId, float] = TLRUCache(
            MAX_TENANTS, ttu=lambda _tenant, seconds, now: now + seconds, timer=monotonic
        )
        """The tenants to leave alone, each for so long; then it is no longer in here."""

    async def changed_documents(
        self, scope: TenantSession, reached: Reached, *, generation: int
    ) -> Sequence[UUID] | None:
        """The documents that a copy lacks as they are in `generation`, which `scope` has read.

        None when too many changes are to be looked through, or the copy is of another history.
        """
        key = (scope.tenant_id, reached)
        if reached.generation == generation and (generation == 0 or key in self._known):
            return ()
        if not await is_known(scope, reached):
            return None
        self._known[key] = True
        if generation - reached.generation > MAX_SEARCHED_GENERATIONS:
            return None
        return await changed_documents(scope, since=reached.generation)

    def catch_up_soon(self, tenant_id: TenantId) -> CatchUp:
        """The tenant's catch-up that goes on now, or a new one."""
        catch_up = self._catch_ups.get(tenant_id)
        if catch_up is None:
            task = asyncio.create_task(self._catch_up(tenant_id))
            task.add_done_callback(lambda task: self._end(tenant_id, task))
            catch_up = CatchUp(task=task, outlook=asyncio.Event())
            self._catch_ups[tenant_id] = catch_up
        return catch_up

    def is_catching_up(self, tenant_id: TenantId) -> bool:
        """True while the tenant's copy is being brought up to date."""
        return tenant_id in self._catch_ups

    async def catch_up(self, tenant_id: TenantId) -> None:
        """Returns when the copy has what there is now, however long that takes.

        Raises:
            DependencyFailed: As the copies' `apply` does.
        """
        await asyncio.shield(self.catch_up_soon(tenant_id).task)

    async def wait(self, tenant_id: TenantId, *, seconds: float) -> CatchUp:
        """The tenant's catch-up, once it has ended or is known to take long, or after the time."""
        catch_up = self.catch_up_soon(tenant_id)
        with suppress(TimeoutError):
            await asyncio.wait_for(catch_up.outlook.wait(), seconds)
        return catch_up

    async def aclose(self) -> None:
        """Stops what goes on in the background; what was not taken up is not in the copies."""
        tasks = [catch_up.task for catch_up in self._catch_ups.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _catch_up(self, tenant_id: TenantId) -> None:
        turn = self._turns.short
        if self._turns.long is not None and await self._takes_long(tenant_id):
            turn = self._turns.long
            self._catch_ups[tenant_id].is_long = True
            self._catch_ups[tenant_id].outlook.set()
            log.info("index.takes_long", index=self._kind, tenant_id=str(tenant_id))
        is_last = False
        async with turn:
            while not is_last:
                started = perf_counter()
                # Before the transaction: read in it, another process may have gone beyond it.
                since = await self._copies.read_reached(tenant_id)
                # One snapshot for each step: its chunks and its generation belong together.
                async with self._database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
                    changes = await changes_after(scope, since)
                    if changes is None:
                        return
                    count = await self._copies.apply(scope, changes)
                is_last = changes.is_last
                log.info(
                    "index.catch_up",
                    index=self._kind,
                    tenant_id=str(tenant_id),
                    generation=changes.target.generation,
                    is_rebuilt=changes.changed is None,
                    chunks=count,
                    seconds=round(perf_counter() - started, 3),
                )

    async def _takes_long(self, tenant_id: TenantId) -> bool:
        since = await self._copies.read_reached(tenant_id)
        async with self._database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
            changes = await changes_after(scope, since)
            if changes is None or not changes.is_last:
                return changes is not None
            limit = MAX_AWAITED_CHUNKS + 1
            return await count_chunks(scope, changes.changed, limit=limit) == limit

    def _end(self, tenant_id: TenantId, task: asyncio.Task[None]) -> None:
        self._catch_ups.pop(tenant_id).outlook.set()
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self.rest_seconds[tenant_id] = FAILED_SECONDS
        if isinstance(error, IndexNotReady):
            log.info(
                "index.not_ready", index=self._kind, tenant_id=str(tenant_id), reason=error.message
            )
        elif isinstance(error, DependencyFailed):
            log.warning(
                "index.cannot_catch_up", index=self._kind, tenant_id=str(tenant_id), code=error.code
            )
        else:
            log.error(
                "index.catch_up_failed", index=self._kind, tenant_id=str(tenant_id), exc_info=error
            )
