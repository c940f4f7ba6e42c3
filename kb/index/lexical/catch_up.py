"""Brings one tenant's index to the tenant's generation, a bounded piece of work at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final
from uuid import UUID

import structlog

from kb.ids import TenantId
from kb.index.lexical.chunk_stream import ChunkStream, write_in_thread
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.reached import Reached, history_of
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import IndexedChunk, count_chunks, indexed_chunks
from kb.store.tenants import change_at, changed_documents, current_generation

log = structlog.get_logger(__name__)

MAX_GENERATIONS_A_COMMIT: Final = 10_000
"""Bounds the ids of changed documents in memory. A later change counts as not yet taken up."""

MAX_AWAITED_CHUNKS: Final = 10_000
"""Written in about half a second. For more no search waits."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """The next commit: from what the index has to `target`; `changed` None writes everything."""

    since: Reached
    target: Reached
    changed: Sequence[UUID] | None
    generation: int


class Writing:
    """Who may write now: few of the tenants with much to write, and few of the others."""

    def __init__(self) -> None:
        """Two of each: a writer takes up to 150 MB and a core."""
        self._long = asyncio.Semaphore(2)
        self._short = asyncio.Semaphore(2)

    def slot(self, *, is_long: bool) -> asyncio.Semaphore:
        """Entered while an index is written."""
        return self._long if is_long else self._short


async def catch_up(
    database: Database,
    index: TenantIndex,
    tenant_id: TenantId,
    *,
    writing: Writing,
    on_long: Callable[[], None],
) -> int:
    """The generation the index has reached; `on_long` is called when it will take a while.

    Memory is bounded whatever the tenant's size: two pages of chunks, the writer's heap of 64 MB,
    and the ids of the documents of one commit.

    Raises:
        IndexNotReady: Another process is writing, or the folder was lost meanwhile.
    """
    piece = await _next_piece(database, index, tenant_id)
    if piece is None:
        return index.generation
    is_long = await _is_long(database, tenant_id, piece)
    if is_long:
        on_long()
    async with writing.slot(is_long=is_long):
        started = perf_counter()
        count = await _write(database, index, tenant_id)
    log.info(
        "lexical.catch_up",
        tenant_id=str(tenant_id),
        generation=index.generation,
        is_rebuilt=piece.changed is None,
        chunks=count,
        seconds=round(perf_counter() - started, 3),
    )
    return index.generation


async def is_known(scope: TenantSession, reached: Reached) -> bool:
    """True when the tenant's history has what the index has reached: it only lacks what came later.

    False for an empty index, and for one of a database that was restored from a backup since.
    """
    change = await change_at(scope, reached.generation)
    return change is not None and history_of(change) == reached.history


async def _is_long(database: Database, tenant_id: TenantId, piece: _Piece) -> bool:
    if piece.generation > piece.target.generation:
        return True
    limit = MAX_AWAITED_CHUNKS + 1
    async with database.tenant(tenant_id, viewer=None) as scope:
        return await count_chunks(scope, piece.changed, limit=limit) == limit


async def _next_piece(database: Database, index: TenantIndex, tenant_id: TenantId) -> _Piece | None:
    # Before the transaction: read in it, another process may have gone beyond it already.
    since = await _reached_by_all(index)
    async with database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
        return await _piece(scope, since)


async def _reached_by_all(index: TenantIndex) -> Reached:
    """What the index has reached, whichever process has written it."""
    if not index.is_current():
        await asyncio.to_thread(index.reload)
    return index.reached


async def _piece(scope: TenantSession, since: Reached) -> _Piece | None:
    generation = await current_generation(scope)
    if generation == since.generation == 0:
        return None
    if not await is_known(scope, since):
        return _Piece(
            since=since,
            target=await _reached(scope, generation),
            changed=None,
            generation=generation,
        )
    if since.generation == generation:
        return None
    until = min(generation, since.generation + MAX_GENERATIONS_A_COMMIT)
    return _Piece(
        since=since,
        target=await _reached(scope, until),
        changed=await changed_documents(scope, since=since.generation, until=until),
        generation=generation,
    )


async def _reached(scope: TenantSession, generation: int) -> Reached:
    return Reached(generation=generation, history=history_of(await change_at(scope, generation)))


async def _write(database: Database, index: TenantIndex, tenant_id: TenantId) -> int:
    """How many chunks were written."""
    count = 0
    while True:
        since = await _reached_by_all(index)
        # One snapshot for each commit: its chunks and its generation belong together.
        async with database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
            piece = await _piece(scope, since)
            if piece is None:
                return count
            stream = ChunkStream(partial(_read_page, scope, piece.changed))
            await write_in_thread(stream, partial(_commit_piece, index, piece, stream))
        count += stream.count
        if piece.target.generation == piece.generation:
            return count


def _commit_piece(index: TenantIndex, piece: _Piece, stream: ChunkStream) -> None:
    if piece.changed is None:
        index.rebuild(
            generation=piece.target.generation, history=piece.target.history, chunks=stream
        )
    else:
        index.apply(
            since=piece.since.generation,
            generation=piece.target.generation,
            history=piece.target.history,
            replaced_documents=piece.changed,
            chunks=stream,
        )


async def _read_page(
    scope: TenantSession, changed: Sequence[UUID] | None, after: int, limit: int
) -> list[IndexedChunk]:
    return await indexed_chunks(scope, changed, after=after, limit=limit)
