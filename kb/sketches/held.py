"""The sketches that a process holds, each tenant's following Postgres by generation.

A search takes what is held and leaves out the documents that changed since; their vectors it
compares in Postgres. Meanwhile they are taken up in the background. Where nothing can be used yet,
Postgres' own plans search: no search waits for more than a moment.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from kb.database import Database, Eyes, TenantSession
from kb.errors import DependencyFailed
from kb.ids import TenantId
from kb.lexical.catch_up import is_known
from kb.lexical.reached import Reached, history_of
from kb.sketches.reading import read_sketches, visible_audiences
from kb.sketches.table import NOBODY, SketchTable, grown, joined, shortlist
from kb.spaces import Space
from kb.tenants import change_at, changed_documents, current_generation

log = structlog.get_logger(__name__)

MAX_CHANGED_DOCUMENTS: Final = 200
"""Compared in Postgres beside a shortlist; with more, its own plans are as fast."""

MAX_CHANGED_GENERATIONS: Final = 1_000
"""Changes that are looked through for these documents."""

PATIENCE_SECONDS: Final = 0.05
"""What is read within it is waited for: some thousand chunks."""

REST: Final = 20
"""Times what taking up took until the next time: a twentieth of a core, whatever is ingested."""

TOO_LARGE_SECONDS: Final = 600
"""How long a tenant that would not fit is left to the other plans."""

MAX_THREADS: Final = min(4, os.cpu_count() or 1)
"""That share large tables; more would wait for memory."""

MAX_EYES: Final = 1_000
"""For whom is remembered what they may see of a tenant, until something changes."""

HISTORY_SECONDS: Final = 10
"""How long sketches of the tenant's own generation are taken for those of its history."""

INLINE_ROWS: Final = 2_000
"""Compared in .3 ms; handing more to a thread costs as much."""


@dataclass(frozen=True, kw_only=True)
class Shortlister:
    """A tenant's sketches as one search may use them: with its eyes, and without what has changed.

    `changed` are documents whose vectors have to be looked up in Postgres.
    """

    tables: Sequence[SketchTable]
    visible: "Visible"
    changed: Sequence[UUID]
    threads: Executor

    async def shortlist(
        self,
        question: NDArray[np.float32],
        *,
        limit: int,
        document_ids: Collection[UUID] | None,
        excluded_document_ids: Collection[UUID],
    ) -> NDArray[np.int64]:
        """Chunks likely to hold the `limit` nearest visible ones of documents that are known."""

        def go_through() -> NDArray[np.int64]:
            visible = [
                table.visible_rows(
                    self.visible.audience_ids,
                    document_ids=document_ids,
                    excluded_document_ids={*excluded_document_ids, *self.changed},
                )
                for table in self.tables
            ]
            return shortlist(self.tables, question, visible, self.threads, limit=limit)

        if sum(len(table.chunk_ids) for table in self.tables) <= INLINE_ROWS:
            return go_through()
        return await asyncio.to_thread(go_through)


@dataclass(frozen=True, kw_only=True)
class Visible:
    """What some eyes may see of the tables, as row security says."""

    audience_ids: NDArray[np.int64]
    is_everything: bool


@dataclass(kw_only=True)
class _Held:
    """A tenant's sketches. What eyes may see of them is read after them and goes with them."""

    tables: Sequence[SketchTable]
    reached: Reached
    rest_until: float
    known_until: float = 0.0
    visible: dict[Eyes, Visible] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return _size(self.tables)


class HeldSketches:
    """Belongs to one event loop. A tenant that is not held is searched by other plans."""

    def __init__(self, database: Database, space: Space, *, max_bytes: int) -> None:
        """Holds nothing yet; `max_bytes` is for all tenants together, those used last stay."""
        self._database = database
        self._space = space
        self._max_bytes = max_bytes
        self._held: OrderedDict[TenantId, _Held] = OrderedDict()
        self._too_large_until: dict[TenantId, float] = {}
        self._taking_up: dict[TenantId, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(1)
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="sketches")

    async def look(self, scope: TenantSession, *, generation: int) -> Shortlister | None:
        """What shortlists for the eyes of `scope`, in which `generation` was read; None: nothing.

        Starts to take up what is missing.
        """
        if scope.eyes is None:
            return None
        tenant_id = scope.tenant_id
        changed = await self._changed(scope, generation)
        if changed is None:
            await asyncio.wait({self._take_up_soon(tenant_id)}, timeout=PATIENCE_SECONDS)
            changed = await self._changed(scope, generation)
        elif changed and self._held[tenant_id].rest_until <= perf_counter():
            self._take_up_soon(tenant_id)
        held = self._held.get(tenant_id)
        if held is None or changed is None:
            return None
        self._held.move_to_end(tenant_id)
        return Shortlister(
            tables=held.tables,
            visible=await _visible(scope, held, scope.eyes),
            changed=changed,
            threads=self._threads,
        )

    async def take_up(self, tenant_id: TenantId) -> None:
        """Brings the tenant's sketches to its generation, however long it takes."""
        await asyncio.shield(self._take_up_soon(tenant_id))

    async def aclose(self) -> None:
        """Stops what goes on in the background."""
        tasks = list(self._taking_up.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def _changed(self, scope: TenantSession, generation: int) -> Sequence[UUID] | None:
        """Documents that are not held as they are; None: too many, or what is held is of no use."""
        held = self._held.get(scope.tenant_id)
        if held is None:
            return None
        reached = held.reached.generation
        if reached == generation and (generation == 0 or perf_counter() < held.known_until):
            return ()
        if reached and not await is_known(scope, held.reached):
            del self._held[scope.tenant_id]
            return None
        held.known_until = perf_counter() + HISTORY_SECONDS
        if generation - reached > MAX_CHANGED_GENERATIONS:
            return None
        changed = await changed_documents(scope, since=reached)
        return changed if len(changed) <= MAX_CHANGED_DOCUMENTS else None

    def _take_up_soon(self, tenant_id: TenantId) -> "asyncio.Task[None]":
        """What takes the tenant's changes up now, or a new task for it."""
        task = self._taking_up.get(tenant_id)
        if task is None:
            task = self._taking_up[tenant_id] = asyncio.create_task(self._take_up(tenant_id))
            task.add_done_callback(lambda _: self._taking_up.pop(tenant_id))
        return task

    async def _take_up(self, tenant_id: TenantId) -> None:
        if self._too_large_until.get(tenant_id, 0.0) > perf_counter():
            return
        async with self._turn:
            try:
                await self._read(tenant_id)
            except DependencyFailed as error:
                # Searches go on by other plans; the next one tries again.
                log.warning("sketches.cannot_follow", tenant_id=str(tenant_id), code=error.code)

    async def _read(self, tenant_id: TenantId) -> None:
        started = perf_counter()
        before = self._held.get(tenant_id)
        async with self._database.tenant(tenant_id, eyes=None, is_snapshot=True) as scope:
            generation = await current_generation(scope)
            reached = Reached(
                generation=generation, history=history_of(await change_at(scope, generation))
            )
            changed = None
            if before is not None and before.reached.generation:
                changed = await changed_documents(scope, since=before.reached.generation)
            pages: list[SketchTable] = []
            async for page in read_sketches(scope, self._space, changed):
                pages.append(page)
                if _size(pages) > self._max_bytes:
                    self._leave_out(tenant_id)
                    return
        earlier = before.tables if before is not None and changed is not None else ()
        tables = await asyncio.to_thread(_taken_up, earlier, changed or (), pages)
        seconds = perf_counter() - started
        self._held[tenant_id] = _Held(
            tables=tables, reached=reached, rest_until=perf_counter() + REST * seconds
        )
        self._held.move_to_end(tenant_id)
        self._make_room(tenant_id)
        log.info(
            "sketches.taken_up",
            tenant_id=str(tenant_id),
            generation=reached.generation,
            chunks=sum(len(page.chunk_ids) for page in pages),
            is_whole=changed is None,
            seconds=round(seconds, 3),
        )

    def _make_room(self, newest: TenantId) -> None:
        """Lets those go that were used longest ago; the newest alone may be too large."""
        while sum(held.size_bytes for held in self._held.values()) > self._max_bytes:
            tenant_id, _ = self._held.popitem(last=False)
            log.info("sketches.let_go", tenant_id=str(tenant_id))
            if tenant_id == newest:
                self._leave_out(newest)

    def _leave_out(self, tenant_id: TenantId) -> None:
        self._held.pop(tenant_id, None)
        self._too_large_until[tenant_id] = perf_counter() + TOO_LARGE_SECONDS
        log.warning("sketches.too_large", tenant_id=str(tenant_id), max_bytes=self._max_bytes)


async def _visible(scope: TenantSession, held: _Held, eyes: Eyes) -> Visible:
    found = held.visible.get(eyes)
    if found is None:
        if len(held.visible) >= MAX_EYES:
            held.visible.clear()
        audience_ids = await visible_audiences(scope)
        seen = np.append(audience_ids, NOBODY)
        is_everything = all(np.isin(table.audiences, seen).all() for table in held.tables)
        found = Visible(audience_ids=audience_ids, is_everything=is_everything)
        held.visible[eyes] = found
    return found


def _taken_up(
    earlier: Sequence[SketchTable], changed: Collection[UUID], pages: Sequence[SketchTable]
) -> Sequence[SketchTable]:
    """The earlier tables with what has changed as the pages have it."""
    return grown([table.without(changed) for table in earlier], joined(pages))


def _size(tables: Sequence[SketchTable]) -> int:
    return sum(table.size_bytes for table in tables)
