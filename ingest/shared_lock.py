"""A lock that many jobs share, or that one job has to itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SharedLock:
    """Shared by any number of jobs, or exclusive to one that may kill the worker and all in it."""

    def __init__(self) -> None:
        """Free."""
        self._entry = asyncio.Lock()
        self._shared_count = 0
        self._is_unshared = asyncio.Event()
        self._is_unshared.set()

    @asynccontextmanager
    async def hold(self, *, is_exclusive: bool) -> AsyncIterator[None]:
        """The lock for the block, in the order of arrival; exclusive, once all others are done."""
        async with self._entry:
            if is_exclusive:
                await self._is_unshared.wait()
                yield
                return
            self._shared_count += 1
            self._is_unshared.clear()
        try:
            yield
        finally:
            self._shared_count -= 1
            if self._shared_count == 0:
                self._is_unshared.set()
