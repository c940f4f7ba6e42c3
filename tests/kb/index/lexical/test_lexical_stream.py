"""Chunks stream from the event loop to the writing thread, two pages at a time."""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from uuid import UUID
from weakref import WeakSet

import pytest

from kb.errors import DatabaseUnavailable, IndexNotReady
from kb.index.lexical.chunk_stream import PAGE_SIZE, ChunkStream, write_in_thread
from kb.store.chunks import IndexedChunk


def chunk(number: int) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=number, document_id=UUID(int=number), principals=("a",), text="fox", language=None
    )


class Source:
    """So many chunks, and how many of them were in memory at once."""

    def __init__(self, chunk_count: int) -> None:
        self.chunk_count = chunk_count
        self.most_alive = 0
        self._alive: WeakSet[IndexedChunk] = WeakSet()

    async def read_page(self, after: int, limit: int) -> Sequence[IndexedChunk]:
        last = min(after + limit, self.chunk_count)
        page = [chunk(number) for number in range(after + 1, last + 1)]
        self._alive.update(page)
        self.most_alive = max(self.most_alive, len(self._alive))
        return page


async def read_all(source: Source) -> list[int]:
    stream = ChunkStream(source.read_page)
    chunk_ids: list[int] = []

    def write() -> None:
        for each in stream:
            chunk_ids.append(each.chunk_id)  # noqa: PERF401  # nothing else may hold the chunks

    await write_in_thread(stream, write)
    assert stream.count == len(chunk_ids)
    return chunk_ids


@pytest.mark.parametrize(
    "chunk_count", [0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE]
)
async def test_every_chunk_comes_once_and_in_order(chunk_count: int) -> None:
    assert await read_all(Source(chunk_count)) == list(range(1, chunk_count + 1))


async def test_however_many_chunks_there_are_two_pages_are_in_memory() -> None:
    source = Source(10 * PAGE_SIZE)

    await read_all(source)

    # And the one that the writer has in its hand.
    assert source.most_alive <= 2 * PAGE_SIZE + 1


async def test_a_page_that_cannot_be_read_ends_the_writing() -> None:
    async def read_page(_after: int, _limit: int) -> Sequence[IndexedChunk]:
        raise DatabaseUnavailable

    stream = ChunkStream(read_page)

    with pytest.raises(DatabaseUnavailable):
        await write_in_thread(stream, partial(deque[IndexedChunk]().extend, stream))


async def test_a_cancelled_writing_has_ended_in_its_thread_as_well() -> None:
    is_reading = asyncio.Event()
    ends: list[type[BaseException]] = []

    async def read_page(_after: int, _limit: int) -> Sequence[IndexedChunk]:
        is_reading.set()
        await asyncio.Event().wait()
        return []

    stream = ChunkStream(read_page)

    def write() -> None:
        try:
            list(stream)
        except IndexNotReady as error:
            ends.append(type(error))
            raise

    writing = asyncio.create_task(write_in_thread(stream, write))
    await is_reading.wait()

    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert ends == [IndexNotReady]
