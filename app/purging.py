"""Each process of the API purges its copies of what was deleted, and its node's.

files -> the node's lexical index -> sketches, caches in memory -> say so -> complete, when all have

It looks every second. What it could not do, it does the next time; what another process of the
node has done to the disk, it takes up.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Final

import structlog

from app.retrieve.node_indexes import NodeIndexes
from app.retrieve.search import Retriever
from kb.errors import DependencyFailed, TenantNotFound
from kb.files import FileStore
from kb.ids import TenantId
from kb.postgres.database import Database, SystemSession
from kb.store.api_processes import (
    ApiProcess,
    node_purged,
    note_purged,
    purged_everywhere,
    say_alive,
    say_goodbye,
    tenant_purged_everywhere,
)
from kb.store.deletions import complete_deletions, files_to_discard, note_discarded, open_deletions
from kb.store.stored_files import discard_file
from kb.store.tenant_deletion import (
    complete_tenant_deletion,
    deleted_among,
    note_tenant_purged,
    open_tenant_deletions,
)
from language.remembered import forget_texts

log = structlog.get_logger(__name__)

ALIVE_SECONDS: Final = 10.0
"""Between two signs of life: a sixth of the time after which a process is taken for ended."""

REST: Final = 4
"""Times what a purge took until the tenant's next one: a fifth of a core at most, while documents
are deleted all the time from an index that takes long to write."""


@dataclass(kw_only=True)
class Purger:
    """What this process has purged so far, and the tools for the rest."""

    database: Database
    files: FileStore
    indexes: NodeIndexes
    retriever: Retriever
    process: ApiProcess
    clock: Callable[[], datetime]
    _purged: dict[TenantId, int] = field(default_factory=dict)
    _rests_until: dict[TenantId, float] = field(default_factory=dict)
    _removed: set[TenantId] = field(default_factory=set)
    _alive_at: float | None = None

    async def run(self, *, interval_seconds: float) -> None:
        """Purges again and again until cancelled; then nobody waits for this process."""
        try:
            while True:
                try:
                    await self.purge_once()
                except DependencyFailed as error:
                    log.warning("purge.cannot_look", code=error.code)
                except Exception:  # one purge that fails must not be the last
                    log.exception("purge.cannot_look")
                await asyncio.sleep(interval_seconds)
        finally:
            try:
                async with self.database.system() as system:
                    await say_goodbye(system, self.process)
            except DependencyFailed as error:
                log.warning("purge.no_goodbye", code=error.code)

    async def announce(self) -> None:
        """From now on deletions wait for this process, which may hold texts.

        Until it runs, for as long as for one that has died.
        """
        async with self.database.system() as system:
            await self._say_alive(system)

    async def purge_once(self) -> None:
        """One look at what is to be purged, and all of it that can be."""
        stored = await self._stored()
        async with self.database.system() as system:
            await self._say_alive(system)
            generation_by_tenant = await open_deletions(system)
            deleted_tenants = await open_tenant_deletions(system)
            returned = await deleted_among(system, stored)
        # A search that was going on may have made the folder anew.
        for tenant_id in returned:
            await self._remove_indexes(tenant_id)
        for tenant_id in deleted_tenants:
            await self._tried(tenant_id, self._purge_tenant(tenant_id))
        self._keep(generation_by_tenant)
        for tenant_id, generation in generation_by_tenant.items():
            await self._tried(tenant_id, self._purge_documents(tenant_id, generation))

    async def _say_alive(self, system: SystemSession) -> None:
        if self._alive_at is None or monotonic() - self._alive_at > ALIVE_SECONDS:
            await say_alive(system, self.process)
            self._alive_at = monotonic()

    async def _tried(self, tenant_id: TenantId, purge: Coroutine[Any, Any, None]) -> None:
        """One tenant's trouble does not keep the others from their turn."""
        try:
            await purge
        except (DependencyFailed, TenantNotFound) as error:
            log.info("purge.postponed", tenant_id=str(tenant_id), code=error.code)
        except Exception:  # nor does what nobody has foreseen
            log.exception("purge.failed", tenant_id=str(tenant_id))

    def _keep(self, generation_by_tenant: Mapping[TenantId, int]) -> None:
        """Forgets the tenants of which nothing is open."""
        for known in (self._purged, self._rests_until):
            for tenant_id in known.keys() - generation_by_tenant.keys():
                del known[tenant_id]

    async def _purge_documents(self, tenant_id: TenantId, generation: int) -> None:
        """Purges what was deleted up to the generation, and completes what all have purged."""
        if self._purged.get(tenant_id, 0) < generation:
            if monotonic() < self._rests_until.get(tenant_id, 0):
                return
            started = monotonic()
            await self._discard_files(tenant_id, generation)
            await self._purge_disk(tenant_id, generation)
            await self._purge_memory(tenant_id, generation)
            self._rests_until[tenant_id] = monotonic() + REST * (monotonic() - started)
            async with self.database.tenant(tenant_id, viewer=None) as scope:
                await note_purged(scope, self.process, generation=generation)
            self._purged[tenant_id] = generation
            log.info("purge.done", tenant_id=str(tenant_id), generation=generation)
        async with self.database.tenant(tenant_id, viewer=None) as scope:
            purged = await purged_everywhere(scope)
            await complete_deletions(
                scope,
                generation=purged.generation,
                nodes=purged.nodes,
                absent_nodes=purged.absent_nodes,
                now=self.clock(),
            )

    async def _discard_files(self, tenant_id: TenantId, generation: int) -> None:
        while True:
            async with self.database.tenant(tenant_id, viewer=None) as scope:
                sha256s = await files_to_discard(scope, generation=generation)
            if not sha256s:
                return
            for sha256 in sha256s:
                await discard_file(self.database, self.files, tenant_id, sha256)
                async with self.database.tenant(tenant_id, viewer=None) as scope:
                    await note_discarded(scope, sha256)

    async def _purge_disk(self, tenant_id: TenantId, generation: int) -> None:
        async with self.database.tenant(tenant_id, viewer=None) as scope:
            done = await node_purged(scope, self.process.node)
        if done < generation:
            await self.indexes.lexical.purge(tenant_id, generation=generation)
        else:
            await self.indexes.lexical.let_go(tenant_id)

    async def _purge_memory(self, tenant_id: TenantId, generation: int) -> None:
        if self.indexes.sketches is not None:
            await self.indexes.sketches.purge(tenant_id, generation=generation)
        elif self.indexes.unused_files is not None:
            await asyncio.to_thread(self.indexes.unused_files.remove, tenant_id)
        self.retriever.forget(tenant_id)
        forget_texts()

    async def _stored(self) -> set[TenantId]:
        """The tenants with indexes on the node's disk."""
        stored = await self.indexes.lexical.stored()
        if self.indexes.sketches is not None:
            stored |= await self.indexes.sketches.stored()
        elif self.indexes.unused_files is not None:
            stored |= await asyncio.to_thread(self.indexes.unused_files.stored)
        return stored

    async def _remove_indexes(self, tenant_id: TenantId) -> None:
        await self.indexes.lexical.remove(tenant_id)
        if self.indexes.sketches is not None:
            await self.indexes.sketches.remove(tenant_id)
        elif self.indexes.unused_files is not None:
            await asyncio.to_thread(self.indexes.unused_files.remove, tenant_id)

    async def _purge_tenant(self, tenant_id: TenantId) -> None:
        """Removes all that is left of a deleted tenant."""
        if tenant_id not in self._removed:
            await self.files.delete_all(tenant_id)
            await self._remove_indexes(tenant_id)
            self.retriever.forget(tenant_id)
            forget_texts()
            async with self.database.system() as system:
                await note_tenant_purged(system, self.process, tenant_id)
            self._removed.add(tenant_id)
        async with self.database.system() as system:
            purged = await tenant_purged_everywhere(system, tenant_id)
            await complete_tenant_deletion(system, tenant_id, purged, now=self.clock())
