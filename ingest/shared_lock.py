"""Lets jobs run side by side, or one of them alone: a lock with readers and a writer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """Holds any number of jobs, or one that may kill the worker and should take nobody along."""

    def __init__(self) -> None:
        """Empty."""
        self._door = asyncio.Lock()
        self._inside = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @asynccontextmanager
    async def enter(self, *, is_alone: bool) -> AsyncIterator[None]:
        """Waits at the door in the order of arrival; alone, also until all others have left."""
        async with self._door:
            if is_alone:
                await self._is_empty.wait()
                yield
                return
            self._inside += 1
            self._is_empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if self._inside == 0:
                self._is_empty.set()
