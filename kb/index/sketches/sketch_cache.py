"""The sketches that a process holds, each tenant's following Postgres by generation.

A search takes what is held and leaves out the documents that changed since; their vectors it
compares in Postgres. Meanwhile they are taken up in the background. Where nothing can be used yet,
Postgres' own plans search: no search waits for more than a moment.
"""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from kb.errors import DependencyFailed
from kb.ids import TenantId
from kb.index.lexical.catch_up import is_known
from kb.index.lexical.reached import Reached, history_of
from kb.index.sketches.reading import read_sketches, visible_audiences
from kb.index.sketches.table import SketchTable, grown, joined, shortlist
from kb.postgres.database import Database, TenantSession, Viewer
from kb.store.spaces import Space
from kb.store.tenants import change_at, changed_documents, current_generation

log = structlog.get_logger(__name__)

MAX_CHANGED_DOCUMENTS: Final = 200
"""Compared in Postgres beside a shortlist; with more, its own plans are as fast."""

MAX_CHANGED_GENERATIONS: Final = 1_000
"""Changes that are looked through for these documents."""

PATIENCE_SECONDS: Final = 0.05
"""What is read within it is waited for: some thousand chunks."""

REST: Final = 20
"""Times what taking changes up took until the next time: a twentieth of a core at most."""

FAILED_SECONDS: Final = 5
"""How long after a failure nothing is read again."""

TOO_LARGE_SECONDS: Final = 600
"""How long a tenant that would not fit is left to the other plans."""

MAX_THREADS: Final = min(4, os.cpu_count() or 1)
"""That share large tables; more would wait for memory."""

MAX_VIEWERS, MAX_AUDIENCES = 1_000, 1_000_000
"""For whom is remembered what they may see of a tenant, and ids in all (8 bytes each), until
something changes."""

HELD_BYTES, TABLE_BYTES, VIEWER_BYTES = 600, 1_100, 400
"""What Python takes for each tenant, table and viewer, besides columns, ids and names.

Measured by tracemalloc over 2,000 of each: 570, 1,080 and 335 to 375. Thousands of small tenants
are hardly more than this.
"""

HISTORY_SECONDS: Final = 10
"""How long sketches of the tenant's own generation are taken for those of its history."""

INLINE_ROWS: Final = 2_000
"""Compared in .3 ms; handing more to a thread costs as much."""


@dataclass(frozen=True, kw_only=True)
class Shortlister:
    """A tenant's sketches as one search may use them: for its viewer, and without what has changed.

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
    """What a viewer may see of the tables, as row security says."""

    audience_ids: NDArray[np.int64]

    def size_bytes(self, viewer: Viewer) -> int:
        """Memory that it takes to remember this of them."""
        names = sum(map(sys.getsizeof, viewer.principals)) + sys.getsizeof(viewer.principals)
        return VIEWER_BYTES + names + self.audience_ids.nbytes


@dataclass(kw_only=True)
class _Held:
    """A tenant's sketches. What a viewer may see of them is read after them and goes with them."""

    tables: Sequence[SketchTable]
    reached: Reached
    rest_until: float
    read_seconds: float
    known_until: float = 0.0
    visible: dict[Viewer, Visible] = field(default_factory=dict)
    visible_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Memory that it takes; quick, because all tenants' are added up."""
        return self._unseen_bytes + self.visible_bytes

    @cached_property
    def _unseen_bytes(self) -> int:
        return HELD_BYTES + _size(self.tables)

    def remember(self, viewer: Viewer, visible: Visible) -> None:
        """What this viewer may see; forgets all others' when it would be too much."""
        remembered = sum(len(each.audience_ids) for each in self.visible.values())
        if remembered > MAX_AUDIENCES or len(self.visible) >= MAX_VIEWERS:
            self.forget_visible()
        # Another search may have read it at the same time.
        if viewer not in self.visible:
            self.visible_bytes += visible.size_bytes(viewer)
        self.visible[viewer] = visible

    def forget_visible(self) -> None:
        """It is read again, in one statement, for whoever looks next."""
        self.visible.clear()
        self.visible_bytes = 0


@dataclass(frozen=True, kw_only=True)
class _News:
    """A state of the tenant: rows of the documents that changed, None: of all."""

    reached: Reached
    changed: Sequence[UUID] | None
    pages: Sequence[SketchTable]


class SketchCache:
    """Belongs to one event loop. A tenant that is not held is searched by other plans."""

    def __init__(self, database: Database, space: Space, *, max_bytes: int) -> None:
        """Holds nothing yet; `max_bytes` is for all tenants together, those used last stay."""
        self._database = database
        self._space = space
        self._max_bytes = max_bytes
        self._held: OrderedDict[TenantId, _Held] = OrderedDict()
        self._left_until: dict[TenantId, float] = {}
        self._taking_up: dict[TenantId, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(1)
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="sketches")

    async def look(self, scope: TenantSession, *, generation: int) -> Shortlister | None:
        """What shortlists for the viewer of `scope`, in which `generation` was read; None: nothing.

        Starts to take up what is missing.
        """
        if scope.viewer is None:
            return None
        tenant_id = scope.tenant_id
        held, changed = await self._held_and_changed(scope, generation)
        if changed is None:
            if self._is_resting(tenant_id, held):
                return None
            await asyncio.wait({self._take_up_soon(tenant_id)}, timeout=PATIENCE_SECONDS)
            held, changed = await self._held_and_changed(scope, generation)
        elif changed and not self._is_resting(tenant_id, held):
            self._take_up_soon(tenant_id)
        if held is None or changed is None:
            return None
        if tenant_id in self._held:
            self._held.move_to_end(tenant_id)
        return Shortlister(
            tables=held.tables,
            visible=await self._visible(scope, held, scope.viewer),
            changed=changed,
            threads=self._threads,
        )

    async def take_up(self, tenant_id: TenantId) -> None:
        """Takes the tenant up, or waits for who does; without effect while it does not fit."""
        await asyncio.shield(self._take_up_soon(tenant_id))

    async def aclose(self) -> None:
        """Stops what goes on in the background."""
        tasks = list(self._taking_up.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def _held_and_changed(
        self, scope: TenantSession, generation: int
    ) -> tuple["_Held | None", Sequence[UUID] | None]:
        """What is held, and the documents that are not as it has them.

        None of the latter: too many, or what is held is of no use.
        """
        held = self._held.get(scope.tenant_id)
        if held is None:
            return None, None
        reached = held.reached.generation
        if reached == generation and (generation == 0 or perf_counter() < held.known_until):
            return held, ()
        if reached and not await is_known(scope, held.reached):
            # Others may have noticed it too, and taken up what is there now.
            if self._held.get(scope.tenant_id) is held:
                del self._held[scope.tenant_id]
            return None, None
        held.known_until = perf_counter() + HISTORY_SECONDS
        if generation - reached > MAX_CHANGED_GENERATIONS:
            return held, None
        changed = await changed_documents(scope, since=reached)
        return held, changed if len(changed) <= MAX_CHANGED_DOCUMENTS else None

    def _is_resting(self, tenant_id: TenantId, held: "_Held | None") -> bool:
        until = self._left_until.get(tenant_id, 0.0) if held is None else held.rest_until
        return perf_counter() < until

    def _take_up_soon(self, tenant_id: TenantId) -> "asyncio.Task[None]":
        """What takes the tenant's changes up now, or a new task for it."""
        task = self._taking_up.get(tenant_id)
        if task is None:
            task = self._taking_up[tenant_id] = asyncio.create_task(self._take_up(tenant_id))
            task.add_done_callback(lambda task: self._end(tenant_id, task))
        return task

    def _end(self, tenant_id: TenantId, task: "asyncio.Task[None]") -> None:
        del self._taking_up[tenant_id]
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        # Searches go on by other plans.
        self._left_until[tenant_id] = perf_counter() + FAILED_SECONDS
        if isinstance(error, DependencyFailed):
            log.warning("sketches.cannot_follow", tenant_id=str(tenant_id), code=error.code)
        else:
            log.error("sketches.failed", tenant_id=str(tenant_id), exc_info=error)

    async def _take_up(self, tenant_id: TenantId) -> None:
        async with self._turn:
            started = perf_counter()
            before = self._held.get(tenant_id)
            news = await self._read(tenant_id, before)
            if news is None:
                self._leave_out(tenant_id)
                return
            earlier = before.tables if before is not None and news.changed is not None else ()
            tables = await asyncio.to_thread(_taken_up, earlier, news)
        seconds = perf_counter() - started
        # The first time is not what ingestion brings.
        rest = REST * seconds if earlier else 0.0
        self._held[tenant_id] = _Held(
            tables=tables,
            reached=news.reached,
            rest_until=perf_counter() + rest,
            read_seconds=before.read_seconds if before and earlier else seconds,
        )
        self._left_until.pop(tenant_id, None)
        self._held.move_to_end(tenant_id)
        self._make_room(tenant_id)
        log.info(
            "sketches.taken_up",
            tenant_id=str(tenant_id),
            generation=news.reached.generation,
            chunks=sum(len(page.chunk_ids) for page in news.pages),
            is_whole=news.changed is None,
            seconds=round(seconds, 3),
        )

    async def _read(self, tenant_id: TenantId, before: "_Held | None") -> "_News | None":
        """What there is beyond what is held; None: more than fits."""
        async with self._database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
            generation = await current_generation(scope)
            reached = Reached(
                generation=generation, history=history_of(await change_at(scope, generation))
            )
            changed = None
            # The database may have been restored since it was looked at.
            if before is not None and await is_known(scope, before.reached):
                changed = await changed_documents(scope, since=before.reached.generation)
            pages: list[SketchTable] = []
            async for page in read_sketches(scope, self._space, changed):
                pages.append(page)
                if _size(pages) > self._max_bytes:
                    return None
        return _News(reached=reached, changed=changed, pages=pages)

    def _make_room(self, newest: TenantId) -> None:
        """Lets those go that were used longest ago; the newest alone may be too large."""
        size_bytes = sum(held.size_bytes for held in self._held.values())
        while size_bytes > self._max_bytes:
            tenant_id, held = next(iter(self._held.items()))
            if tenant_id == newest and held.visible:
                size_bytes -= held.visible_bytes
                held.forget_visible()
                continue
            size_bytes -= held.size_bytes
            del self._held[tenant_id]
            log.info("sketches.let_go", tenant_id=str(tenant_id))
            if tenant_id == newest:
                self._leave_out(newest)
            else:
                # Tenants that do not fit together would else push each other out all the time.
                self._left_until[tenant_id] = perf_counter() + REST * held.read_seconds

    async def _visible(self, scope: TenantSession, held: _Held, viewer: Viewer) -> Visible:
        found = held.visible.get(viewer)
        if found is not None:
            return found
        found = Visible(audience_ids=await visible_audiences(scope))
        held.remember(viewer, found)
        # It may have been let go, or taken up anew, in the meantime.
        if self._held.get(scope.tenant_id) is held:
            self._held.move_to_end(scope.tenant_id)
            self._make_room(scope.tenant_id)
        return found

    def _leave_out(self, tenant_id: TenantId) -> None:
        self._held.pop(tenant_id, None)
        self._left_until[tenant_id] = perf_counter() + TOO_LARGE_SECONDS
        log.warning("sketches.too_large", tenant_id=str(tenant_id), max_bytes=self._max_bytes)


def _taken_up(earlier: Sequence[SketchTable], news: _News) -> Sequence[SketchTable]:
    """The earlier tables with what has changed as the pages have it."""
    return grown([table.without(news.changed or ()) for table in earlier], joined(news.pages))


def _size(tables: Sequence[SketchTable]) -> int:
    return sum(TABLE_BYTES + table.size_bytes for table in tables)
