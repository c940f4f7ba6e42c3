"""The sketches that a process holds, each tenant's following Postgres by generation.

A search takes what is held and leaves out the documents that changed since; these it compares in
Postgres. Meanwhile they are taken up in the background. Where nothing can be used yet,
Postgres' own plans search: no search waits for more than a moment.

A tenant with few chunks is in memory. The sketches of others are in files, which all processes of
a node have mapped: one at a time writes them, the others take what it has written.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from time import perf_counter
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from cachetools import LRUCache, TTLCache
from numpy.typing import NDArray

from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.follower import Follower, Turns
from kb.index.reached import NOTHING, Changes, Reached
from kb.index.sketches.gathering import Gathering, TooLarge, to_its_end
from kb.index.sketches.reading import read_sketches, visible_audiences
from kb.index.sketches.sketch_files import FilesRefused, SketchFiles
from kb.index.sketches.tenant_sketches import TenantSketches, purged_files
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

WRITER_POLL_SECONDS: Final = 0.1

UNSTORED_SECONDS, MAX_UNSTORED = 600, 10_000
"""So long the sketches of so many tenants stay in memory after the disk has refused their files."""

HELD_BYTES, VIEWER_BYTES = 1_200, 500
"""Memory of Python's for each tenant and viewer, besides tables, ids and names.

Measured by tracemalloc over 2,000 of each: 1,120, and 280 beside the array of ids and the viewer.
Thousands of small tenants are hardly more than this.
"""


@dataclass(frozen=True, kw_only=True)
class _Visible:
    """The audiences that a viewer belongs to, and the memory that remembering it takes."""

    audience_ids: NDArray[np.int64]
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A tenant's sketches. What a viewer may see of them is read after them and goes with them."""

    sketches: TenantSketches
    read_seconds: float
    visible: LRUCache[Viewer, _Visible] = field(
        default_factory=lambda: LRUCache(VISIBLE_BYTES, getsizeof=attrgetter("size_bytes"))
    )

    @property
    def size_bytes(self) -> int:
        """Memory of this process that it takes; grows with those who look."""
        return HELD_BYTES + self.sketches.memory_bytes + int(self.visible.currsize)


class SketchCache:
    """Belongs to one event loop. A tenant that is not held is searched by other plans.

    A tenant is held for one embedding space, the one that was last searched.
    """

    def __init__(
        self, database: Database, *, max_bytes: int, files: SketchFiles | None = None
    ) -> None:
        """Holds nothing yet. Without files all is in memory.

        `max_bytes` is for what all tenants together have in memory, those used last stay.
        """
        self._files = files
        self._unstored: TTLCache[TenantId, bool] = TTLCache(MAX_UNSTORED, UNSTORED_SECONDS)
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
            elif usable[1] or self._is_replaced(tenant_id, usable[0]):
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
        held = self._whole(tenant_id)
        if held is None or held.sketches.space != space or self._is_replaced(tenant_id, held):
            return None
        visible = held.visible.get(viewer)
        return None if visible is None else self._view(held, visible, changed=())

    async def catch_up(self, tenant_id: TenantId, space: Space) -> None:
        """Takes the tenant up, or waits for who does; without effect while it does not fit."""
        self._space = space
        while True:
            try:
                await self._follower.catch_up(tenant_id)
            except IndexNotReady:
                await asyncio.sleep(WRITER_POLL_SECONDS)
            else:
                return

    async def purge(self, tenant_id: TenantId, *, generation: int) -> None:
        """Returns when nothing is held, nor in files, of what was deleted up to the generation.

        Raises:
            DependencyFailed: As the follower does; IndexNotReady while the files cannot be
                written, be it for another process.
        """
        files = self._files
        has_files = files is not None and await asyncio.to_thread(files.has_any, tenant_id)
        if has_files or tenant_id in self._held or self._follower.is_catching_up(tenant_id):
            await self._follower.catch_up(tenant_id)
        held = self._held.get(tenant_id)
        if held is not None and held.sketches.reached.generation < generation:
            self._held.pop(tenant_id)
            held = None
        sketches = held.sketches.compacted() if held is not None else None
        if files is not None and has_files:
            try:
                sketches = await to_its_end(partial(purged_files, files, tenant_id, sketches))
            except FilesRefused as error:
                raise IndexNotReady(
                    f"The files of sketches cannot be purged: {error.reason}."
                ) from error
        if held is not None and sketches is not None and self._held.get(tenant_id) is held:
            self._hold(tenant_id, replace(held, sketches=sketches))

    async def stored(self) -> set[TenantId]:
        """The tenants with files on this node."""
        return await asyncio.to_thread(self._files.stored) if self._files is not None else set()

    async def remove(self, tenant_id: TenantId) -> None:
        """Lets go what is held of a tenant that no longer exists, and deletes its files."""
        self._held.pop(tenant_id, None)
        if self._files is not None:
            await asyncio.to_thread(self._files.remove, tenant_id)

    async def aclose(self) -> None:
        """Stops what goes on in the background."""
        await self._follower.aclose()
        self._threads.shutdown(wait=False)

    async def read_reached(self, tenant_id: TenantId) -> Reached | None:
        """The state of the sketches in the space, those that a process has stored meanwhile taken.

        None when there are none.
        """
        held = self._whole(tenant_id)
        own = held.sketches if held is not None and held.sketches.space == self._space else None
        stamp = self._files.stamp(tenant_id) if self._files is not None else None
        if self._files is None or (own is not None and own.stamp == stamp):
            return own.reached if own is not None else None
        started = perf_counter()
        found = await asyncio.to_thread(self._files.open, tenant_id)
        if found is not None and self._space in {found.space, None}:
            # Nobody has searched here yet: what there is has to be followed for purges.
            self._space = found.space
            seconds = perf_counter() - started
            self._hold(
                tenant_id, _Held(sketches=TenantSketches.of_files(found), read_seconds=seconds)
            )
            return found.reached
        # What lies in memory alone is whole without files.
        return own.reached if own is not None and not own.stored else None

    async def apply(self, scope: TenantSession, changes: Changes) -> int:
        """Takes the sketches to the changes' target; how many chunks were read.

        A tenant that does not fit is left to the other plans.

        Raises:
            IndexNotReady: The tenant's files cannot be written, be it for another process.
        """
        tenant_id, space = scope.tenant_id, self._space
        held = self._held.get(tenant_id)
        if space is None or space not in await all_spaces(scope):
            return 0
        earlier = TenantSketches(space=space, reached=NOTHING)
        if changes.changed is not None:
            if held is None or held.sketches.space != space:
                return 0
            if held.sketches.reached != changes.since:
                return 0
            earlier = held.sketches
        started = perf_counter()
        try:
            sketches, count = await self._gather(scope, earlier, changes)
        except TooLarge:
            self._leave_out(tenant_id)
            return 0
        except FilesRefused as error:
            # Followed in memory from the next time on.
            log.warning("sketches.not_stored", tenant_id=str(tenant_id), reason=error.reason)
            self._unstored[tenant_id] = True
            raise IndexNotReady("The files of sketches cannot be written.") from error
        seconds = perf_counter() - started
        is_first = held is None or earlier is not held.sketches
        read_seconds = seconds if held is None or is_first else held.read_seconds
        self._hold(tenant_id, _Held(sketches=sketches, read_seconds=read_seconds))
        # The first time is not what ingestion brings.
        if not is_first:
            self._follower.rest_seconds[tenant_id] = REST * seconds
        return count

    async def _gather(
        self, scope: TenantSession, earlier: TenantSketches, changes: Changes
    ) -> tuple[TenantSketches, int]:
        """The sketches at the changes' target, and how many chunks were read."""
        files = None if scope.tenant_id in self._unstored else self._files
        if files is not None and not earlier.stored:
            # Whatever is stored is replaced, unless it is being replaced already.
            earlier = replace(earlier, stamp=files.stamp(scope.tenant_id))
        gathering = Gathering(files, scope.tenant_id, earlier, max_bytes=int(self._held.maxsize))
        async with gathering:
            async for page in read_sketches(scope, earlier.space, changes.changed):
                await gathering.add(page)
            sketches = await gathering.end(changes.target, changes.changed or ())
        return sketches, gathering.count

    def _whole(self, tenant_id: TenantId) -> _Held | None:
        """What is held and can be read to its end."""
        held = self._held.get(tenant_id)
        if held is not None and any(each.is_cut_short for each in held.sketches.stored):
            self._held.pop(tenant_id)
            return None
        return held

    def _is_replaced(self, tenant_id: TenantId, held: _Held) -> bool:
        """True when another process has stored later sketches, or somebody has deleted them."""
        if self._files is None or not held.sketches.stored:
            return False
        return self._files.stamp(tenant_id) != held.sketches.stamp

    async def _usable(
        self, scope: TenantSession, space: Space, generation: int
    ) -> tuple[_Held, Sequence[UUID]] | None:
        """The held sketches and the few documents that changed since; None: of no use."""
        held = self._whole(scope.tenant_id)
        if held is None or held.sketches.space != space:
            return None
        changed = await self._follower.changed_documents(
            scope, held.sketches.reached, generation=generation
        )
        if changed is None or len(changed) > MAX_CHANGED_DOCUMENTS:
            return None
        return held, changed

    def _view(self, held: _Held, visible: _Visible, changed: Sequence[UUID]) -> SketchView:
        return SketchView(
            tables=held.sketches.tables,
            dimension=held.sketches.space.dimension,
            reached=held.sketches.reached,
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
