"""The indexes that a process has open: those used last, the others are closed."""

import asyncio
import shutil
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from kb.ids import TenantId
from kb.index.lexical.index import TenantIndex

MAX_OPEN_INDEXES: Final = 100
"""Each has its files mapped, 10 to 60 of them, and opening one takes 2 ms and 1 s for each GB."""

_UUID_CHARACTERS: Final = 36


class OpenIndexes:
    """One index for each tenant, below one folder; an evicted one closes when its users end.

    Not cachetools' LRUCache: going through `all`, which happens every second, would count as use.
    """

    def __init__(self, folder: Path) -> None:
        """Opens nothing yet."""
        self._folder = folder
        self._index_by_tenant: OrderedDict[TenantId, TenantIndex] = OrderedDict()
        self._opening: dict[TenantId, asyncio.Task[TenantIndex]] = {}

    async def get(self, tenant_id: TenantId) -> TenantIndex:
        """The tenant's index as it is on disk now, empty when there is none.

        Raises:
            IndexNotReady: It was written by a newer release, or cannot be read.
        """
        index = self._index_by_tenant.get(tenant_id)
        if index is None:
            # Opened once, however many wait for it.
            opening = self._opening.get(tenant_id)
            if opening is None:
                path = self.path(tenant_id)
                opening = asyncio.ensure_future(asyncio.to_thread(TenantIndex, path))
                self._opening[tenant_id] = opening
                opening.add_done_callback(lambda _: self._opening.pop(tenant_id))
            index = await asyncio.shield(opening)
        elif not index.is_current():
            await asyncio.to_thread(index.reload)
        self._index_by_tenant[tenant_id] = index
        self._index_by_tenant.move_to_end(tenant_id)
        while len(self._index_by_tenant) > MAX_OPEN_INDEXES:
            self._index_by_tenant.popitem(last=False)
        return index

    def current(self, tenant_id: TenantId) -> TenantIndex | None:
        """The tenant's index, if it is open and as it is on disk now; 20 microseconds."""
        index = self._index_by_tenant.get(tenant_id)
        if index is None or not index.is_current():
            return None
        self._index_by_tenant.move_to_end(tenant_id)
        return index

    def all(self) -> dict[TenantId, TenantIndex]:
        """The open indexes."""
        return dict(self._index_by_tenant)

    def path(self, tenant_id: TenantId) -> Path:
        """The folder of the tenant's index, which need not exist."""
        return self._folder / str(tenant_id)

    def stored(self) -> set[TenantId]:
        """The tenants with files here, be they left by a process that died."""
        found: set[TenantId] = set()
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(ValueError):
                found.add(TenantId(UUID(path.name.removeprefix(".")[:_UUID_CHARACTERS])))
        return found

    def remove(self, tenant_id: TenantId) -> None:
        """Closes the tenant's and deletes its files."""
        self.close(tenant_id)
        for path in (self.path(tenant_id), *self._folder.glob(f".{tenant_id}-*")):
            shutil.rmtree(path, ignore_errors=True)

    def close(self, tenant_id: TenantId) -> None:
        """Closes the tenant's, if it is open."""
        self._index_by_tenant.pop(tenant_id, None)
