"""Each node's lexical indexes, which follow Postgres; a search seldom waits for an index commit.

Chunks of documents that changed since an index's commit are scored directly. Where there are more
than `MAX_FRESH_CHUNKS` the index catches up in the background: a search waits for that when it is
short, and is told when it is not.
"""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from kb.errors import DependencyFailed, IndexNotReady
from kb.ids import TenantId
from kb.index.follower import Follower, Turns
from kb.index.lexical.chunk_stream import ChunkStream, write_in_thread
from kb.index.lexical.folder import remove_scratch
from kb.index.lexical.open_indexes import OpenIndexes
from kb.index.lexical.view import LexicalView
from kb.index.reached import Changes, Reached, changes_after
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import IndexedChunk, indexed_chunks
from kb.store.tenants import generations

log = structlog.get_logger(__name__)

MAX_FRESH_CHUNKS: Final = 300
"""Chunks scored directly; reading and analysing one takes 0.1 ms, so more would be felt."""

WRITER_PATIENCE_SECONDS: Final = 5
"""A search waits this long for an index that is soon there, whoever is writing it."""

WRITER_POLL_SECONDS: Final = 0.1

MAX_WRITERS: Final = 2
"""For long catch-ups and for short ones: a writer takes up to 150 MB and a core."""


class LexicalIndexes:
    """One index for each tenant, below one folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Opens nothing yet; `database` is that of a `Follower`."""
        self._open_indexes = OpenIndexes(folder)
        self._follower = Follower(
            database,
            self,
            kind="lexical",
            turns=Turns(long=asyncio.Semaphore(MAX_WRITERS), short=asyncio.Semaphore(MAX_WRITERS)),
        )
        self._database = database
        self._purging = asyncio.Semaphore(1)

    async def view(self, scope: TenantSession, *, generation: int) -> LexicalView:
        """The index for the viewer of `scope`, in which `generation` was read.

        Raises:
            IndexNotReady: The index is being built, and that takes longer than a search may wait.
        """
        view = await self._view(scope, generation)
        if view is None:
            clock = asyncio.get_running_loop().time
            deadline = clock() + WRITER_PATIENCE_SECONDS
            while True:
                catch_up = await self._follower.wait(scope.tenant_id, seconds=deadline - clock())
                if catch_up.is_long or not catch_up.task.done():
                    raise IndexNotReady
                error = catch_up.task.exception()
                if error is None:
                    break
                if not isinstance(error, IndexNotReady) or clock() >= deadline:
                    raise error
                # Another process writes; it does this work.
                await asyncio.sleep(WRITER_POLL_SECONDS)
            view = await self._view(scope, generation)
        if view is None:
            raise IndexNotReady
        return view

    def held_view(self, tenant_id: TenantId, principals: tuple[str, ...]) -> LexicalView | None:
        """The index as it stands, for a search that compares generations itself; None: not open."""
        index = self._open_indexes.current(tenant_id)
        if index is None:
            return None
        return LexicalView(reader=index.reader, principals=principals, changed=(), fresh=())

    async def _view(self, scope: TenantSession, generation: int) -> LexicalView | None:
        """None: too much has changed for a search, or the index is of another history."""
        reader = (await self._open_indexes.get(scope.tenant_id)).reader
        changed = await self._follower.changed_documents(
            scope, reader.reached, generation=generation
        )
        if changed is None:
            return None
        limit = MAX_FRESH_CHUNKS + 1
        fresh = await indexed_chunks(scope, changed, after=0, limit=limit) if changed else []
        if len(fresh) == limit:
            return None
        return LexicalView(
            reader=reader,
            principals=scope.viewer.principals if scope.viewer else (),
            changed=tuple(changed),
            fresh=fresh,
        )

    async def catch_up(self, tenant_id: TenantId) -> int:
        """The generation the index has reached, however long it takes.

        Raises:
            IndexNotReady: Another process is writing, or the folder was lost meanwhile.
        """
        await self._follower.catch_up(tenant_id)
        return (await self._open_indexes.get(tenant_id)).generation

    async def follow(self, *, interval_seconds: float) -> None:
        """Catches every open index up, again and again, until cancelled."""
        while True:
            try:
                await self.catch_up_open()
            except DependencyFailed as error:
                log.warning("lexical.cannot_follow", code=error.code)
            await asyncio.sleep(interval_seconds)

    async def catch_up_open(self) -> None:
        """Catches every open index up once; those that take long go on in the background."""
        async with self._database.system() as system:
            generation_by_tenant = await generations(system)
        for tenant_id, index in self._open_indexes.all().items():
            if tenant_id not in generation_by_tenant:
                self._open_indexes.close(tenant_id)
            elif index.generation != generation_by_tenant[tenant_id]:
                await self._follower.catch_up_soon(tenant_id).outlook.wait()

    def is_caught_up(self, generation_by_tenant: dict[TenantId, int]) -> bool:
        """True when no open index lags behind."""
        return all(
            index.generation == generation_by_tenant.get(tenant_id, index.generation)
            for tenant_id, index in self._open_indexes.all().items()
        )

    async def purge(self, tenant_id: TenantId, *, generation: int) -> None:
        """Returns when no file here holds what was deleted or replaced up to the generation.

        Writes the whole index anew where one does, 50 s for a million chunks.

        Raises:
            IndexNotReady: Another process is writing, or a search still reads old files.
        """
        path = self._open_indexes.path(tenant_id)
        await asyncio.to_thread(remove_scratch, path)
        if not path.exists():
            return
        await self.catch_up(tenant_id)
        index = await self._open_indexes.get(tenant_id)
        if index.generation < generation:
            raise IndexNotReady
        async with self._purging:
            if not await asyncio.to_thread(index.has_remains):
                return
            async with self._database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
                changes = await changes_after(scope, None)
                if changes is None:
                    raise IndexNotReady

                async def read_page(after: int, limit: int) -> list[IndexedChunk]:
                    return await indexed_chunks(scope, None, after=after, limit=limit)

                stream, target = ChunkStream(read_page), changes.target
                write = partial(
                    index.purge,
                    generation=target.generation,
                    history=target.history,
                    chunks=stream,
                )
                await write_in_thread(stream, write)

    async def let_go(self, tenant_id: TenantId) -> None:
        """Maps no file any more that another process of the node has replaced.

        A file that is deleted stays on the disk as long as somebody maps it.
        """
        if tenant_id in self._open_indexes.all():
            await self._open_indexes.get(tenant_id)

    async def stored(self) -> set[TenantId]:
        """The tenants with files on this node."""
        return await asyncio.to_thread(self._open_indexes.stored)

    async def remove(self, tenant_id: TenantId) -> None:
        """Deletes the files of a tenant that no longer exists."""
        await asyncio.to_thread(self._open_indexes.remove, tenant_id)

    async def aclose(self) -> None:
        """Stops what goes on in the background; what was not committed is not in the index."""
        await self._follower.aclose()

    async def read_reached(self, tenant_id: TenantId) -> Reached:
        """The state that the index has, whichever process has written it."""
        return (await self._open_indexes.get(tenant_id)).reader.reached

    async def apply(self, scope: TenantSession, changes: Changes) -> int:
        """Takes the index to the changes' target in one commit; how many chunks were written.

        Memory is bounded whatever the tenant's size: two pages of chunks, the writer's heap of
        64 MB, and the ids of the documents of one commit.

        Raises:
            IndexNotReady: Another process is writing, or the folder was lost meanwhile.
        """

        async def read_page(after: int, limit: int) -> list[IndexedChunk]:
            return await indexed_chunks(scope, changes.changed, after=after, limit=limit)

        stream = ChunkStream(read_page)
        index = await self._open_indexes.get(scope.tenant_id)
        target = changes.target
        if changes.since is None or changes.changed is None:
            write = partial(
                index.rebuild, generation=target.generation, history=target.history, chunks=stream
            )
        else:
            write = partial(
                index.apply,
                since=changes.since.generation,
                generation=target.generation,
                history=target.history,
                replaced_documents=changes.changed,
                chunks=stream,
            )
        await write_in_thread(stream, write)
        return stream.count
