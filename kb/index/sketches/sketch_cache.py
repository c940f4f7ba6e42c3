"""The sketches that a process holds in memory, each tenant's following Postgres by generation.

A search takes what is held and leaves out the documents that changed since; these it compares in
Postgres. Meanwhile they are taken up in the background. Where nothing can be used yet,
Postgres' own plans search: no search waits for more than a moment.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter
from time import perf_counter
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from cachetools import LRUCache
from numpy.typing import NDArray

from kb.ids import TenantId
from kb.index.follower import Follower, Turns
from kb.index.reached import Changes, Reached
from kb.index.sketches.reading import read_sketches, visible_audiences
from kb.index.sketches.table import SketchTable, grown, joined
from kb.index.sketches.view import SketchView
from kb.postgres.database import Database, TenantSession, Viewer
from kb.store.spaces import Space, all_spaces

log = structlog.get_logger(__name__)

MAX_CHANGED_DOCUMENTS: Final = 200
"""Compared in Postgres beside what is held; with more, its own plans are as fast."""

PATIENCE_SECONDS: Final = 0.05
"""A search waits so long for sketches that are being read: enough for some thousand chunks."""

REST: Final = 20
"""Times what taking changes up took until the next time: a twentieth of a core at most."""

TOO_LARGE_SECONDS: Final = 600
"""A tenant that would not fit is left to the other plans for so long."""

MAX_THREADS: Final = min(4, os.cpu_count() or 1)
"""Threads that share large tables; more would wait for memory."""

VISIBLE_BYTES: Final = 8_000_000
"""For remembering what viewers may see of a tenant: a thousand viewers of a thousand audiences."""

HELD_BYTES, TABLE_BYTES, VIEWER_BYTES = 1_100, 1_100, 500
"""Memory of Python's for each tenant, table and viewer, besides columns, ids and names.

Measured by tracemalloc over 2,000 of each: 1,040, 1,080 and 280 beside the array of ids and the
viewer. Thousands of small tenants are hardly more than this.
"""


@dataclass(frozen=True, kw_only=True)
class _Visible:
    """The audiences that a viewer belongs to, and the memory that remembering it takes."""

    audience_ids: NDArray[np.int64]
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A tenant's sketches. What a viewer may see of them is read after them and goes with them."""

    space: Space
    tables: Sequence[SketchTable]
    reached: Reached
    read_seconds: float
    tables_bytes: int
    visible: LRUCache[Viewer, _Visible]

    @property
    def size_bytes(self) -> int:
        """Memory that it takes; grows with those who look."""
        return self.tables_bytes + int(self.visible.currsize)


class SketchCache:
    """Belongs to one event loop. A tenant that is not held is searched by other plans.

    A tenant is held for one embedding space, the one that was last searched.
    """

    def __init__(self, database: Database, *, max_bytes: int) -> None:
        """Holds nothing yet; `max_bytes` is for all tenants together, those used last stay."""
        # Reading takes memory of its own beside what is held: one tenant at a time.
        turns = Turns(short=asyncio.Semaphore(1))
        self._follower = Follower(database, self, kind="sketches", turns=turns)
        self._held: LRUCache[TenantId, _Held] = LRUCache(
            max_bytes, getsizeof=attrgetter("size_bytes")
        )
        self._space: Space | None = None
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="sketches")

    async def view(
        self, scope: TenantSession, space: Space, *, generation: int
    ) -> SketchView | None:
        """The sketches for the viewer of `scope`, in which `generation` was read; None: unusable.

        Starts to take up what is missing.
        """
        if scope.viewer is None:
            return None
        self._space = space
        tenant_id = scope.tenant_id
        usable = await self._usable(scope, space, generation)
        if tenant_id not in self._follower.rest_seconds:
            if usable is None:
                await self._follower.wait(tenant_id, seconds=PATIENCE_SECONDS)
                usable = await self._usable(scope, space, generation)
            elif usable[1]:
                self._follower.catch_up_soon(tenant_id)
        if usable is None:
            return None
        held, changed = usable
        visible = held.visible.get(scope.viewer)
        if visible is None:
            audience_ids = await visible_audiences(scope)
            principals = scope.viewer.principals
            names = sum(map(sys.getsizeof, principals)) + sys.getsizeof(principals)
            visible = _Visible(
                audience_ids=audience_ids, size_bytes=VIEWER_BYTES + names + audience_ids.nbytes
            )
            if visible.size_bytes <= VISIBLE_BYTES:
                held.visible[scope.viewer] = visible
            # It may have been let go, or taken up anew, in the meantime.
            if self._held.get(tenant_id) is held:
                self._hold(tenant_id, held)
        return self._view(held, visible, changed)

    def held_view(self, tenant_id: TenantId, viewer: Viewer, space: Space) -> SketchView | None:
        """The sketches as they are held; None unless the memory has all for the viewer.

        Asks nobody: the caller compares `reached` with what Postgres says.
        """
        held = self._held.get(tenant_id)
        if held is None or held.space != space:
            return None
        visible = held.visible.get(viewer)
        return None if visible is None else self._view(held, visible, changed=())

    async def catch_up(self, tenant_id: TenantId, space: Space) -> None:
        """Takes the tenant up, or waits for who does; without effect while it does not fit."""
        self._space = space
        await self._follower.catch_up(tenant_id)

    async def purge(self, tenant_id: TenantId, *, generation: int) -> None:
        """Returns when nothing is held of what was deleted up to the generation.

        Raises:
            DependencyFailed: As the follower does.
        """
        if tenant_id in self._held or self._follower.is_catching_up(tenant_id):
            await self._follower.catch_up(tenant_id)
        held = self._held.get(tenant_id)
        if held is not None and held.reached.generation < generation:
            self._held.pop(tenant_id)

    def forget(self, tenant_id: TenantId) -> None:
        """Lets go what is held of a tenant that no longer exists."""
        self._held.pop(tenant_id, None)

    async def aclose(self) -> None:
        """Stops what goes on in the background."""
        await self._follower.aclose()
        self._threads.shutdown(wait=False)

    async def read_reached(self, tenant_id: TenantId) -> Reached | None:
        """The state that the sketches in the space have; None when they are not held."""
        held = self._held.get(tenant_id)
        return held.reached if held is not None and held.space == self._space else None

    async def apply(self, scope: TenantSession, changes: Changes) -> int:
        """Takes the sketches to the changes' target; how many chunks were read.

        A tenant that does not fit is left to the other plans.
        """
        tenant_id, space = scope.tenant_id, self._space
        held = self._held.get(tenant_id)
        if space is None or space not in await all_spaces(scope):
            return 0
        started = perf_counter()
        earlier: Sequence[SketchTable] = ()
        if changes.changed is not None:
            if held is None or held.space != space or held.reached != changes.since:
                return 0
            earlier = held.tables
        pages: list[SketchTable] = []
        async for page in read_sketches(scope, space, changes.changed):
            pages.append(page)
            if sum(TABLE_BYTES + page.size_bytes for page in pages) > self._held.maxsize:
                self._leave_out(tenant_id)
                return 0
        tables = await asyncio.to_thread(_taken_up, earlier, changes.changed or (), pages)
        seconds = perf_counter() - started
        self._hold(
            tenant_id,
            _Held(
                space=space,
                tables=tables,
                reached=changes.target,
                read_seconds=held.read_seconds if held and earlier else seconds,
                tables_bytes=HELD_BYTES + sum(TABLE_BYTES + table.size_bytes for table in tables),
                visible=LRUCache(VISIBLE_BYTES, getsizeof=attrgetter("size_bytes")),
            ),
        )
        # The first time is not what ingestion brings.
        if earlier:
            self._follower.rest_seconds[tenant_id] = REST * seconds
        return sum(len(page.chunk_ids) for page in pages)

    async def _usable(
        self, scope: TenantSession, space: Space, generation: int
    ) -> tuple[_Held, Sequence[UUID]] | None:
        """The held sketches and the few documents that changed since; None: of no use."""
        held = self._held.get(scope.tenant_id)
        if held is None or held.space != space:
            return None
        changed = await self._follower.changed_documents(scope, held.reached, generation=generation)
        if changed is None or len(changed) > MAX_CHANGED_DOCUMENTS:
            return None
        return held, changed

    def _view(self, held: _Held, visible: _Visible, changed: Sequence[UUID]) -> SketchView:
        return SketchView(
            tables=held.tables,
            reached=held.reached,
            audience_ids=visible.audience_ids,
            changed=changed,
            threads=self._threads,
        )

    def _hold(self, tenant_id: TenantId, held: _Held) -> None:
        """Makes room by letting others go; only then by forgetting what viewers may see."""
        self._held.pop(tenant_id, None)
        if held.size_bytes > self._held.maxsize:
            held.visible.clear()
        if held.size_bytes > self._held.maxsize:
            self._leave_out(tenant_id)
            return
        while self._held.currsize + held.size_bytes > self._held.maxsize:
            other_id, other = self._held.popitem()
            # Tenants that do not fit together would else push each other out all the time.
            self._follower.rest_seconds[other_id] = REST * other.read_seconds
            log.info("sketches.let_go", tenant_id=str(other_id))
        self._held[tenant_id] = held

    def _leave_out(self, tenant_id: TenantId) -> None:
        self._held.pop(tenant_id, None)
        self._follower.rest_seconds[tenant_id] = TOO_LARGE_SECONDS
        log.warning(
            "sketches.too_large", tenant_id=str(tenant_id), max_bytes=int(self._held.maxsize)
        )


def _taken_up(
    earlier: Sequence[SketchTable], changed: Sequence[UUID], pages: Sequence[SketchTable]
) -> Sequence[SketchTable]:
    """The earlier tables with what has changed as the pages have it."""
    return grown([table.without(changed) for table in earlier], joined(pages))
