"""Each node's lexical indexes follow Postgres; a search never waits for an index commit.

A search compares generations first. What changed since the index's generation is left out of the
index's results and scored directly from Postgres under row security, so that a publish, a
permission change and a delete are seen by the very next query.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import structlog

from kb.chunks import IndexableChunk, count_chunks, indexable_chunks
from kb.database import Database, TenantSession
from kb.errors import DependencyFailed, IndexNotReady
from kb.ids import TenantId
from kb.lexical.index import TenantIndex
from kb.lexical.records import IndexedChunk, LexicalHit
from kb.lexical.scoring import score_fresh
from kb.tenants import changed_documents, current_generation, generations

log = structlog.get_logger(__name__)

MAX_FRESH_CHUNKS = 300
"""Chunks scored directly; analysing one takes about 0.3 ms, so more would be felt."""

PAGE_SIZE = 2_000
"""Chunks read from Postgres at once while catching up."""

WRITER_PATIENCE_SECONDS = 5
"""A search waits this long for another process that is writing the index it needs."""

WRITER_POLL_SECONDS = 0.1

MAX_OPEN_INDEXES = 100
"""Indexes kept open; each has a watching thread: 200 took 2.7 % of a core."""


@dataclass(frozen=True, kw_only=True)
class LexicalQuery:
    """Analysed terms, and what limits the search besides permissions."""

    terms: Sequence[str]
    limit: int
    document_ids: Collection[UUID] | None
    excluded_document_ids: Collection[UUID]


class LexicalIndexes:
    """One index for each tenant, below one folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Opens nothing yet."""
        self._database = database
        self._folder = folder
        self._indexes: OrderedDict[TenantId, TenantIndex] = OrderedDict()
        self._locks: dict[TenantId, asyncio.Lock] = {}

    async def search(
        self, scope: TenantSession, query: LexicalQuery, *, generation: int
    ) -> list[LexicalHit]:
        """The best chunks the caller may see, best first; `generation` was read in `scope`."""
        if not query.terms or scope.eyes is None:
            return []
        index = self._open(scope.tenant_id)
        changed = await self._changed(scope, index, generation)
        hits = await asyncio.to_thread(
            index.search,
            query.terms,
            principals=scope.eyes.principals,
            limit=query.limit,
            document_ids=query.document_ids,
            excluded_document_ids={*query.excluded_document_ids, *changed},
        )
        if changed:
            fresh = await self._fresh_hits(scope, index, query, changed)
            hits = sorted([*hits, *fresh], key=lambda hit: (-hit.score, hit.chunk_id))
        return hits[: query.limit]

    async def catch_up(self, tenant_id: TenantId) -> int:
        """The generation the index has reached; builds it anew when its folder was lost."""
        async with self._locks.setdefault(tenant_id, asyncio.Lock()):
            index = self._open(tenant_id)
            # Before the snapshot: read after it, another process may have gone beyond it, which
            # would look like a database that was restored.
            since = index.generation
            async with self._database.tenant(tenant_id, eyes=None, is_snapshot=True) as scope:
                generation = await current_generation(scope)
                if since == generation:
                    return generation
                changed = await _to_apply(scope, since, generation)
                chunks = await _read_chunks(scope, changed)
            log.info("lexical.catch_up", tenant_id=str(tenant_id), chunks=len(chunks))
            if changed is None:
                await asyncio.to_thread(index.rebuild, generation=generation, chunks=chunks)
            else:
                await asyncio.to_thread(
                    index.apply,
                    since=since,
                    generation=generation,
                    replaced_documents=changed,
                    chunks=chunks,
                )
            return generation

    async def follow(self, *, interval_seconds: float) -> None:
        """Catches every open index up, again and again, until cancelled."""
        while True:
            try:
                await self.catch_up_open()
            except DependencyFailed as error:
                log.warning("lexical.cannot_follow", code=error.code)
            await asyncio.sleep(interval_seconds)

    async def catch_up_open(self) -> None:
        """Catches every open index up once."""
        async with self._database.system() as system:
            generation_by_tenant = await generations(system)
        for tenant_id, index in list(self._indexes.items()):
            if tenant_id not in generation_by_tenant:
                del self._indexes[tenant_id]
            elif index.generation != generation_by_tenant[tenant_id]:
                try:
                    await self.catch_up(tenant_id)
                except IndexNotReady:
                    # Another process of this node is writing; it does this work.
                    log.debug("lexical.busy", tenant_id=str(tenant_id))

    def is_caught_up(self, generation_by_tenant: dict[TenantId, int]) -> bool:
        """True when no open index lags behind."""
        return all(
            index.generation == generation_by_tenant.get(tenant_id, index.generation)
            for tenant_id, index in self._indexes.items()
        )

    def _open(self, tenant_id: TenantId) -> TenantIndex:
        index = self._indexes.get(tenant_id)
        if index is None:
            index = TenantIndex(self._folder / str(tenant_id))
            self._indexes[tenant_id] = index
            if len(self._indexes) > MAX_OPEN_INDEXES:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(tenant_id)
        index.reload()
        return index

    async def _changed(
        self, scope: TenantSession, index: TenantIndex, generation: int
    ) -> Sequence[UUID]:
        """Documents that the index does not know as they are; catches up when they are many."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + WRITER_PATIENCE_SECONDS
        while index.generation != generation:
            if 0 < index.generation < generation:
                changed = await changed_documents(scope, since=index.generation)
                limit = MAX_FRESH_CHUNKS + 1
                if await count_chunks(scope, changed, limit=limit) < limit:
                    return changed
            try:
                await self.catch_up(scope.tenant_id)
                return await changed_documents(scope, since=index.generation)
            except IndexNotReady:
                if clock() >= deadline:
                    raise
            await asyncio.sleep(WRITER_POLL_SECONDS)
            index.reload()
        return []

    async def _fresh_hits(
        self,
        scope: TenantSession,
        index: TenantIndex,
        query: LexicalQuery,
        changed: Sequence[UUID],
    ) -> list[LexicalHit]:
        allowed = set(changed) - set(query.excluded_document_ids)
        if query.document_ids is not None:
            allowed &= set(query.document_ids)
        rows = await indexable_chunks(scope, sorted(allowed), after=0, limit=PAGE_SIZE)
        return await asyncio.to_thread(
            lambda: score_fresh(
                [_indexed(row) for row in rows], query.terms, index.statistics(query.terms)
            )
        )


async def _to_apply(
    scope: TenantSession, index_generation: int, generation: int
) -> Sequence[UUID] | None:
    """The documents to write again; None: all of them, the index's state is of no use."""
    if index_generation == 0 or index_generation > generation:
        return None
    return await changed_documents(scope, since=index_generation)


async def _read_chunks(scope: TenantSession, changed: Sequence[UUID] | None) -> list[IndexedChunk]:
    chunks: list[IndexedChunk] = []
    after = 0
    while True:
        page = await indexable_chunks(scope, changed, after=after, limit=PAGE_SIZE)
        chunks.extend(_indexed(row) for row in page)
        if len(page) < PAGE_SIZE:
            return chunks
        after = page[-1].id


def _indexed(row: IndexableChunk) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=row.id,
        document_id=row.document_id,
        principals=row.principals,
        text=row.text,
        language=row.language,
    )
