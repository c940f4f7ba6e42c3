"""Chunks on their way from Postgres, read by the event loop, to an index, written by a thread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import Final

from kb.errors import IndexNotReady
from kb.store.chunks import IndexedChunk

PAGE_SIZE: Final = 250
"""Chunks read at once. The event loop makes them from rows, and searches wait for that: beside a
rebuild their p95 was 97 ms with pages of 2,000, 73 ms with 500 and 45 ms with 200 (10 ms idle)."""


class ChunkStream:
    """One pass over pages of chunks, at most two of them in memory: one written, one being read.

    Made in an event loop, read by one other thread. A page that cannot be read raises there.
    """

    def __init__(self, read_page: Callable[[int, int], Awaitable[Sequence[IndexedChunk]]]) -> None:
        """`read_page(after, limit)` gives the chunks behind an id, in the order of ids."""
        self._read_page = read_page
        self._loop = asyncio.get_running_loop()
        self._reading: Future[Sequence[IndexedChunk]] | None = None
        self._is_stopped = False
        self._in_page = asyncio.Lock()
        self.count = 0
        """Chunks given out so far."""

    def __iter__(self) -> Iterator[IndexedChunk]:
        is_last = False
        reading = self._start_reading(0)
        while not is_last:
            try:
                page = reading.result()
            except CancelledError as error:
                raise IndexNotReady from error
            if self._is_stopped:
                raise IndexNotReady
            is_last = len(page) < PAGE_SIZE
            if not is_last:
                reading = self._start_reading(page[-1].chunk_id)
            self.count += len(page)
            yield from page

    def stop(self) -> None:
        """Makes the thread that reads raise IndexNotReady soon."""
        self._is_stopped = True
        if self._reading is not None:
            self._reading.cancel()

    def _start_reading(self, after: int) -> Future[Sequence[IndexedChunk]]:
        reading = asyncio.run_coroutine_threadsafe(self._read(after), self._loop)
        self._reading = reading
        if self._is_stopped:
            # By a `stop` that may have come before there was anything to cancel.
            reading.cancel()
        return reading

    async def aclose(self) -> None:
        """Stops, and returns when no page is being read any more."""
        self.stop()
        async with self._in_page:
            pass

    async def _read(self, after: int) -> Sequence[IndexedChunk]:
        async with self._in_page:
            return await self._read_page(after, PAGE_SIZE)


async def write_in_thread(stream: ChunkStream, write: Callable[[], None]) -> None:
    """Runs `write`, which reads the stream; at the end, also a bad one, neither goes on."""
    writing = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        stream.stop()
        await asyncio.wait({writing})
        raise
    finally:
        # What failed may have left a page behind that is still being read.
        await stream.aclose()
