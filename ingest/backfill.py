"""Embeds for a space what it lacks: chunks that are older, or that no worker could embed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from ingest.ingestion import Ingestion
from ingest.space_writers import MODEL_FAILURES, SpaceWriter
from ingest.tenant_jobs import TenantRun
from kb.errors import SpaceChanged
from kb.ids import ChunkId, TenantId
from kb.postgres.database import retried
from kb.store.choices import FinishedStatus
from kb.store.job_kinds import PRIORITIES
from kb.store.reindex_runs import add_embedded
from kb.store.space_backfill import (
    SPACE_ARGUMENT,
    MissingChunk,
    count_missing,
    count_rows,
    insert_missing,
    missing_chunks,
)
from kb.store.spaces import Space, all_spaces, stored_spaces
from kb.store.vectors import Embedded, find_vectors
from kb.unit_vectors import Vectors
from models.batching import Turn

BATCH_TEXTS: Final = 64
"""Half a second of a small model on two cores: an upload that somebody waits for gets its turn."""

TURN_SECONDS: Final = 5.0
"""Of one job: in between, what waits with a higher priority takes the worker's place."""

BACKGROUND: Final = Turn(priority=PRIORITIES["background"])
OnEmbedded = Callable[[Embedded], Awaitable[None]]
"""Is told of every batch that was stored, what had to be embedded for it."""

OnProgress = Callable[[int, int], Awaitable[None]]
"""Is told how many of the tenant's chunks have a vector, and how many chunks there are."""


log = structlog.get_logger(__name__)


class _TurnOver(Exception):  # nothing went wrong
    """The job has worked for long enough: others have their turn."""


async def backfill(tools: Ingestion, run: TenantRun) -> FinishedStatus | None:
    """Does a job of the kind `backfill`, for one turn; the next goes on where it was."""
    started = monotonic()
    reports = 0

    async def on_progress(done: int, total: int) -> None:
        nonlocal reports
        reports += 1
        await run.report(done=done, total=total)
        # The first report comes before any work.
        if reports > 1 and monotonic() - started > TURN_SECONDS:
            raise _TurnOver

    async def on_embedded(embedded: Embedded) -> None:
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            await add_embedded(scope, run.job.id, embedded)

    space_name = str(run.job.arguments[SPACE_ARGUMENT])
    try:
        return await backfill_tenant(
            tools, run.tenant_id, space_name, on_progress=on_progress, on_embedded=on_embedded
        )
    except _TurnOver:
        return None


async def backfill_tenant(
    tools: Ingestion,
    tenant_id: TenantId,
    space_name: str,
    *,
    on_progress: OnProgress,
    on_embedded: OnEmbedded,
) -> FinishedStatus:
    """Embeds until nothing of the tenant's lacks a vector; `canceled` when the space was dropped.

    `completed_with_errors` when some texts do not go through the model.

    Raises:
        SpaceChanged: This worker cannot load the space's model; another one may.
    """
    writer = await _writer(tools, space_name)
    if writer is None:
        return "canceled"
    space = writer.space
    failed: set[ChunkId] = set()
    after, done, total = 0, 0, 0
    while True:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            if space not in await all_spaces(scope):
                return "canceled"
            if not after:
                done = await count_rows(scope, space)
                total = done + await count_missing(scope, space)
            missing = await missing_chunks(
                scope, space, after=after, limit=BATCH_TEXTS + len(failed)
            )
            missing = [chunk for chunk in missing if chunk.id not in failed]
            known = await find_vectors(scope, space, [chunk.sha256 for chunk in missing])
        await on_progress(done, total)
        if missing:
            stored, vectors, embedded = await _embed(writer, missing, known)
            if not await _insert(tools, tenant_id, space, stored, vectors):
                return "canceled"
            await on_embedded(embedded)
            failed |= {chunk.id for chunk in missing} - {chunk.id for chunk in stored}
            after, done = missing[-1].id, done + len(stored)
        elif after:
            # From the beginning: other workers have published meanwhile.
            after = 0
        else:
            return "completed_with_errors" if failed else "succeeded"


async def _writer(tools: Ingestion, space_name: str) -> SpaceWriter | None:
    """None when there is no such live space."""
    async with tools.database.system() as system:
        spaces = await stored_spaces(system)
    if space_name not in {each.space.name for each in spaces if not each.is_dropped}:
        return None
    writers = await tools.writers.live(spaces)
    writer = next((each for each in writers if each.space.name == space_name), None)
    if writer is None:
        raise SpaceChanged(
            f"This worker cannot load the model of the embedding space {space_name!r}: see its log."
        )
    return writer


async def _embed(
    writer: SpaceWriter, missing: list[MissingChunk], known: dict[str, NDArray[np.float32]]
) -> tuple[list[MissingChunk], Vectors, Embedded]:
    """The chunks that have a vector now, and (n, d) unit rows in their order.

    Of texts that are not known, by their hash; without those that do not go through the model, and
    one of MODEL_FAILURES when none of several does.
    """
    new = {chunk.sha256: chunk.embedded_text for chunk in missing if chunk.sha256 not in known}
    row_by_sha256 = {**known, **await _rows(writer, new)}
    stored = [chunk for chunk in missing if chunk.sha256 in row_by_sha256]
    texts = [text for sha256, text in new.items() if sha256 in row_by_sha256]
    tokens = await asyncio.to_thread(writer.embedder.count_tokens, texts)
    vectors = np.stack([row_by_sha256[chunk.sha256] for chunk in stored])
    return stored, vectors, Embedded(chunks=len(texts), tokens=sum(tokens))


async def _rows(
    writer: SpaceWriter, text_by_sha256: Mapping[str, str]
) -> dict[str, NDArray[np.float32]]:
    """The unit rows of the texts, by their hash; as `_embed` says."""
    if not text_by_sha256:
        return {}
    try:
        rows = await writer.embed([*text_by_sha256.values()], BACKGROUND)
    except MODEL_FAILURES:
        row_by_sha256 = {}
        for sha256, text in text_by_sha256.items():
            try:
                [row_by_sha256[sha256]] = await writer.embed([text], BACKGROUND)
            except MODEL_FAILURES:
                log.exception("space.embedding_failed", space=writer.space.name)
        if not row_by_sha256:
            # It is the model that fails, whatever the text.
            raise
        return row_by_sha256
    return dict(zip(text_by_sha256, rows, strict=True))


async def _insert(
    tools: Ingestion,
    tenant_id: TenantId,
    space: Space,
    missing: list[MissingChunk],
    vectors: Vectors,
) -> bool:
    async def transaction() -> bool:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            return await insert_missing(scope, space, missing, vectors)

    return await retried(transaction)
