"""Sketches on their way from Postgres: into memory, or into files where there are many."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import UUID

from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.reached import NOTHING, Reached
from kb.index.sketches.sketch_files import FilesWriter, SketchFiles, StoredTable
from kb.index.sketches.table import SketchTable
from kb.index.sketches.tenant_sketches import (
    TABLE_BYTES,
    TenantSketches,
    are_worth_storing,
    stored_by,
)

PART_ROWS: Final = 100_000
"""Read so far, they go into a file: 45 MB."""

Result = TypeVar("Result")


class TooLarge(Exception):
    """The sketches have no files to go to, and do not fit into the memory that they may take."""


class Gathering:
    """The pages of one catch-up, a context that ends with them."""

    def __init__(
        self,
        files: SketchFiles | None,
        tenant_id: TenantId,
        earlier: TenantSketches,
        *,
        max_bytes: int,
    ) -> None:
        """`earlier` is what the pages are added to; without files all of them stay in memory."""
        self._files = files
        self._tenant_id = tenant_id
        self._earlier = earlier
        self._max_bytes = max_bytes
        self._pages: list[SketchTable] = []
        self._parts: list[StoredTable] = []
        self._writer: FilesWriter | None = None
        self._writing = ExitStack()
        self.count = 0
        """Rows so far."""

    async def __aenter__(self) -> Self:
        """Takes nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Lets others write the files."""
        self._writing.close()

    async def add(self, page: SketchTable) -> None:
        """Takes a page; beyond STORED_ROWS nobody else writes the tenant's files meanwhile.

        Raises:
            TooLarge: Without files.
            FilesRefused: As the writer does.
            IndexNotReady: Another process writes these files, or has written them.
        """
        self._pages.append(page)
        self.count += len(page.chunk_ids)
        if self._files is None:
            if sum(TABLE_BYTES + page.size_bytes for page in self._pages) > self._max_bytes:
                raise TooLarge
            return
        if are_worth_storing(self.count) and self._writer is None:
            await self._in_thread(partial(self._open_writer, self._files))
        if self._writer and sum(len(page.chunk_ids) for page in self._pages) >= PART_ROWS:
            await self._in_thread(partial(self._write_part, self._writer))

    async def end(self, reached: Reached, changed: Collection[UUID]) -> TenantSketches:
        """The earlier sketches with these documents as the pages have them, in files if need be.

        Raises:
            FilesRefused: As the writer does.
            IndexNotReady: Another process writes files that are of no use any more.
        """

        def end() -> TenantSketches:
            sketches = self._earlier.following(reached, changed, self._pages)
            if self._writer is None and self._files is not None:
                sketches = self._without_need(self._files, sketches)
            if self._writer is None:
                return sketches
            return stored_by(self._writer, sketches, self._parts)

        return await self._in_thread(end)

    def _without_need(self, files: SketchFiles, sketches: TenantSketches) -> TenantSketches:
        """What few pages have come to: worth a writer now, or left in memory."""
        if are_worth_storing(sketches.fresh_rows):
            # Another process may be storing the same, and is followed the next time.
            with suppress(IndexNotReady):
                self._open_writer(files)
        elif self._earlier.reached == NOTHING and files.has_any(self._tenant_id):
            self._writing.enter_context(files.writing(self._tenant_id)).clear()
            return replace(sketches, stamp=None)
        return sketches

    def _open_writer(self, files: SketchFiles) -> None:
        writer = self._writing.enter_context(files.writing(self._tenant_id))
        if writer.stamp != self._earlier.stamp:
            raise IndexNotReady
        self._writer = writer

    def _write_part(self, writer: FilesWriter) -> None:
        self._parts.append(writer.add(self._pages))
        self._pages = []

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await to_its_end(work, when_cancelled=self._stop)

    def _stop(self) -> None:
        if self._writer is not None:
            self._writer.stop()


async def to_its_end(
    work: Callable[[], Result], *, when_cancelled: Callable[[], None] | None = None
) -> Result:
    """What it returns, in a thread; who is cancelled meanwhile waits until the thread has ended."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if when_cancelled is not None:
            when_cancelled()
        await asyncio.wait({running})
        raise
