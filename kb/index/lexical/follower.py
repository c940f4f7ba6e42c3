"""Each node's lexical indexes follow Postgres; a search seldom waits for an index commit.

A search compares generations first. What changed since the index's generation is left out of the
index's results and statistics and scored directly from Postgres under row security, so that a
publish, a permission change and a delete are seen by the very next query. Where more is missing
than `MAX_FRESH_CHUNKS` the index catches up in the background: a search waits for that when it is
short, and is told when it is not.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog

from kb.errors import DependencyFailed, IndexNotReady
from kb.ids import TenantId
from kb.index.lexical.catch_up import Writing, catch_up, is_known
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.open_indexes import OpenIndexes
from kb.index.lexical.reached import Reached
from kb.index.lexical.reader import IndexReader
from kb.index.lexical.view import LexicalView
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import count_chunks, indexed_chunks
from kb.store.tenants import changed_documents, generations

log = structlog.get_logger(__name__)

MAX_FRESH_CHUNKS: Final = 300
"""Chunks scored directly; reading and analysing one takes 0.1 ms, so more would be felt."""

MAX_FRESH_GENERATIONS: Final = 1_000
"""Changes looked through for fresh chunks; documents without chunks are changes as well."""

WRITER_PATIENCE_SECONDS: Final = 5
"""A search waits this long for an index that is soon there, whoever is writing it."""

WRITER_POLL_SECONDS: Final = 0.1

HISTORY_SECONDS: Final = 10
"""How long an index of the tenant's own generation is taken for one of its history."""


@dataclass(kw_only=True)
class _CatchUp:
    """A catch-up in the background; `outlook` is set when it ends or is known to take long."""

    task: asyncio.Task[int]
    outlook: asyncio.Event
    is_long: bool = False


class LexicalIndexes:
    """One index for each tenant, below one folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Opens nothing yet.

        `database` is for what goes on in the background. It is not that of searches: those that
        wait for an index would hold all the connections that writing it needs.
        """
        self._database = database
        self._open_indexes = OpenIndexes(folder)
        self._writing = Writing()
        self._catch_ups: dict[TenantId, _CatchUp] = {}
        # What each open index was seen to have in common with Postgres, and until when to trust it.
        self._known: WeakKeyDictionary[TenantIndex, tuple[Reached, float]] = WeakKeyDictionary()

    async def look(self, scope: TenantSession, *, generation: int) -> LexicalView:
        """The index for the viewer of `scope`, in which `generation` was read.

        Raises:
            IndexNotReady: The index is being built, and that takes longer than a search may wait.
        """
        index = await self._open_indexes.get(scope.tenant_id)
        reader, changed = await self._changed(scope, index, generation)
        fresh = []
        if changed:
            fresh = await indexed_chunks(scope, changed, after=0, limit=MAX_FRESH_CHUNKS + 1)
        return LexicalView(
            reader=reader,
            principals=scope.viewer.principals if scope.viewer else (),
            changed=tuple(changed),
            fresh=fresh,
        )

    async def catch_up(self, tenant_id: TenantId) -> int:
        """The generation the index has reached, however long it takes.

        Raises:
            IndexNotReady: Another process is writing, or the folder was lost meanwhile.
        """
        index = await self._open_indexes.get(tenant_id)
        return await asyncio.shield(self._catching_up(tenant_id, index).task)

    async def follow(self, *, interval_seconds: float) -> None:
        """Catches every open index up, again and again, until cancelled."""
        while True:
            try:
                await self.catch_up_open()
            except DependencyFailed as error:
                log.warning("lexical.cannot_follow", code=error.code)
            await asyncio.sleep(interval_seconds)

    async def catch_up_open(self) -> None:
        """Catches every open index up once; those that take long go on in the background."""
        async with self._database.system() as system:
            generation_by_tenant = await generations(system)
        for tenant_id, index in self._open_indexes.all().items():
            if tenant_id not in generation_by_tenant:
                self._open_indexes.close(tenant_id)
            elif index.generation != generation_by_tenant[tenant_id]:
                await self._catching_up(tenant_id, index).outlook.wait()

    def is_caught_up(self, generation_by_tenant: dict[TenantId, int]) -> bool:
        """True when no open index lags behind."""
        return all(
            index.generation == generation_by_tenant.get(tenant_id, index.generation)
            for tenant_id, index in self._open_indexes.all().items()
        )

    async def aclose(self) -> None:
        """Stops what goes on in the background; what was not committed is not in the index."""
        tasks = [catching_up.task for catching_up in self._catch_ups.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _changed(
        self, scope: TenantSession, index: TenantIndex, generation: int
    ) -> tuple[IndexReader, Sequence[UUID]]:
        """A commit, and the documents that it does not know as they are.

        The index catches up when these are many.
        """
        reader = index.reader
        changed = await self._few_changed(scope, index, reader.reached, generation)
        if changed is None:
            await self._wait_until_caught_up(scope.tenant_id, index)
            if not index.is_current():
                await asyncio.to_thread(index.reload)
            # What was published while this waited.
            reader = index.reader
            changed = await self._few_changed(scope, index, reader.reached, generation)
        if changed is None:
            raise IndexNotReady
        return reader, changed

    async def _few_changed(
        self, scope: TenantSession, index: TenantIndex, reached: Reached, generation: int
    ) -> Sequence[UUID] | None:
        """As `_changed`; None: they are too many, or the index knows another history."""
        clock = asyncio.get_running_loop().time
        if reached.generation == generation:
            known, until = self._known.get(index, (None, 0.0))
            if generation == 0 or (known == reached and clock() < until):
                return []
        if not await is_known(scope, reached):
            return None
        self._known[index] = (reached, clock() + HISTORY_SECONDS)
        if generation - reached.generation > MAX_FRESH_GENERATIONS:
            return None
        changed = await changed_documents(scope, since=reached.generation)
        limit = MAX_FRESH_CHUNKS + 1
        return changed if await count_chunks(scope, changed, limit=limit) < limit else None

    async def _wait_until_caught_up(self, tenant_id: TenantId, index: TenantIndex) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + WRITER_PATIENCE_SECONDS
        while True:
            catching_up = self._catching_up(tenant_id, index)
            with suppress(TimeoutError):
                await asyncio.wait_for(catching_up.outlook.wait(), deadline - clock())
            if catching_up.is_long or not catching_up.task.done():
                raise IndexNotReady
            error = catching_up.task.exception()
            if error is None:
                return
            if not isinstance(error, IndexNotReady) or clock() >= deadline:
                raise error
            # Another process writes; it does this work.
            await asyncio.sleep(WRITER_POLL_SECONDS)

    def _catching_up(self, tenant_id: TenantId, index: TenantIndex) -> _CatchUp:
        """The tenant's catch-up that goes on now, or a new one."""
        catching_up = self._catch_ups.get(tenant_id)
        if catching_up is not None:
            return catching_up
        task = asyncio.create_task(
            catch_up(
                self._database,
                index,
                tenant_id,
                writing=self._writing,
                on_long=lambda: self._announce_long(tenant_id),
            )
        )
        task.add_done_callback(lambda task: self._end(tenant_id, task))
        self._catch_ups[tenant_id] = _CatchUp(task=task, outlook=asyncio.Event())
        return self._catch_ups[tenant_id]

    def _announce_long(self, tenant_id: TenantId) -> None:
        catching_up = self._catch_ups[tenant_id]
        catching_up.is_long = True
        catching_up.outlook.set()
        log.info("lexical.takes_long", tenant_id=str(tenant_id))

    def _end(self, tenant_id: TenantId, task: asyncio.Task[int]) -> None:
        self._catch_ups.pop(tenant_id).outlook.set()
        error = None if task.cancelled() else task.exception()
        match error:
            case None:
                pass
            case IndexNotReady():
                log.info("lexical.not_ready", tenant_id=str(tenant_id), reason=error.message)
            case DependencyFailed():
                log.warning("lexical.cannot_catch_up", tenant_id=str(tenant_id), code=error.code)
            case _:
                log.error("lexical.catch_up_failed", tenant_id=str(tenant_id), exc_info=error)
