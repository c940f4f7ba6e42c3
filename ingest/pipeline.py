"""One upload becomes findable.

load -> read (in a process of its own) -> split into chunks -> embed what is new -> publish (one
transaction)

Every stage may be cut off and run again: nothing is visible before `publish`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from ingest.chunk import CHUNKER_VERSION, Chunk, split
from ingest.embed import MAX_TEXTS_A_CALL
from ingest.ingestion import Ingestion
from ingest.publish import Publication, publish
from ingest.reading import read_file
from ingest.runs import Run, fail, is_run_wanted, report, while_wanted
from ingest.space_writers import MODEL_FAILURES, SpaceWriter
from kb.errors import DocumentUnreadable, ProcessingFailed
from kb.ids import JobId
from kb.postgres.database import retried
from kb.store.job_kinds import PRIORITIES, weight_of
from kb.store.spaces import Space
from kb.store.vectors import Embedded, find_vectors, text_sha256
from kb.telemetry import stage_timer
from kb.unit_vectors import Vectors
from models.batching import Turn

LARGE_BLOCKS: Final = 50_000
"""Splitting takes a kilobyte or two of memory for a block: such documents go one by one."""

FEW_CHUNKS: Final = 8
"""A document of up to so many shares its transactions with others, and holds them up little."""

log = structlog.get_logger(__name__)


async def ingest_document(tools: Ingestion, run: Run) -> None:
    """Takes the run to its end; a document that cannot be read ends it with a code.

    Raises Obsolete, and DependencyFailed, after which the job may be run again; it then starts
    from the beginning.
    """
    if run.job.lone_attempts >= tools.max_attempts:
        # The workers of the earlier ones died while they ran nothing else.
        await fail(tools, run, ProcessingFailed(), is_retryable=False)
        return
    try:
        publication = await while_wanted(lambda: is_run_wanted(tools, run), _prepare(tools, run))
    except DocumentUnreadable as error:
        await fail(tools, run, error, is_retryable=False)
        return

    with stage_timer(tools.metrics, "publish"):
        is_served = await _publish(tools, run, publication)
    tools.metrics.count_ingest(status="succeeded" if is_served else "canceled", code=None)
    if not is_served:
        log.info("job.obsolete")
        return
    pages = (chunk.location["page"] or chunk.location["slide"] for chunk in publication.chunks)
    log.info(
        "document.ingested",
        document_id=str(publication.document_id),
        version=publication.upload + publication.is_reread,
        pages=max(filter(None, pages), default=None),
        chunks=len(publication.chunks),
        warnings=len(publication.parsed.warnings),
        seconds=run.seconds,
    )


async def _publish(tools: Ingestion, run: Run, publication: Publication) -> bool:
    """True when the version is served: small documents of a tenant are published together."""

    async def publish_all(
        items: Sequence[tuple[JobId, Publication]], *, may_wait: bool
    ) -> list[bool]:
        async def transaction() -> frozenset[JobId]:
            async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
                return await publish(scope, dict(items), may_wait=may_wait, now=tools.clock())

        served = await retried(transaction)
        return [job_id in served for job_id, _ in items]

    mine = (run.job.id, publication)
    if len(publication.chunks) > FEW_CHUNKS:
        (is_served,) = await publish_all([mine], may_wait=True)
        return is_served
    return await tools.together.submit(("publish", run.tenant_id), mine, publish_all)


async def _known_vectors(
    tools: Ingestion, run: Run, space: Space, sha256s: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The tenant's vectors of those texts that it has embedded before."""
    wanted = set(sha256s)

    async def find_all(
        items: Sequence[set[str]],
        *,
        may_wait: bool,  # noqa: ARG001  # it takes no locks
    ) -> list[dict[str, NDArray[np.float32]]]:
        async with tools.database.tenant(run.tenant_id, viewer=None) as scope:
            known = await find_vectors(scope, space, sorted(set().union(*items)))
        return [{sha256: known[sha256] for sha256 in each & known.keys()} for each in items]

    if len(wanted) > FEW_CHUNKS:
        (known,) = await find_all([wanted], may_wait=True)
        return known
    return await tools.together.submit(("vectors", run.tenant_id, space), wanted, find_all)


async def _prepare(tools: Ingestion, run: Run) -> Publication:
    """The next version of the document; raises DocumentUnreadable and DependencyFailed."""
    document = run.document
    is_light = weight_of(document.content.size_bytes) == 0
    # Before anything is computed that could not be stored.
    tools.files.require_room()
    writers = await tools.writers.live(run.spaces)
    async with tools.places.hold(priority=PRIORITIES[run.job.priority], is_light=is_light):
        content = await tools.files.read(run.tenant_id, document.content.sha256)
        with stage_timer(tools.metrics, "parse"):
            read = await read_file(tools.children, content, document.content.media_type)
        is_large = len(read.parsed.blocks) > LARGE_BLOCKS
        with stage_timer(tools.metrics, "chunk"):
            async with tools.large if is_large else nullcontext():
                chunks = await asyncio.to_thread(
                    split,
                    read.parsed,
                    title=document.fields.title or read.parsed.title,
                    media_type=document.content.media_type,
                    embedder=writers[0].embedder,
                )
    sha256s = [text_sha256(chunk.embedded_text) for chunk in chunks]
    with stage_timer(tools.metrics, "embed"):
        embedded_by_space = {
            writers[0].space: await _embed(tools, run, writers[0], chunks, sha256s)
        }
        for writer in writers[1:]:
            try:
                embedded = await _embed(tools, run, writer, chunks, sha256s)
            except MODEL_FAILURES:
                # Nobody searches there yet: the document goes on, the space gets a backfill.
                log.exception("space.embedding_failed", space=writer.space.name)
            else:
                embedded_by_space[writer.space] = embedded
    return Publication(
        document_id=document.id,
        upload=document.upload,
        attempt=run.attempt,
        parsed=read.parsed,
        chunks=chunks,
        sha256s=sha256s,
        vectors_by_space={space: vectors for space, (vectors, _) in embedded_by_space.items()},
        embedded=Embedded(
            chunks=sum(each.chunks for _, each in embedded_by_space.values()),
            tokens=sum(each.tokens for _, each in embedded_by_space.values()),
        ),
        chunker_version=CHUNKER_VERSION,
        is_reread=run.is_reread,
        detected_language=read.language,
    )


async def _embed(
    tools: Ingestion,
    run: Run,
    writer: SpaceWriter,
    chunks: Sequence[Chunk],
    sha256s: Sequence[str],
) -> tuple[Vectors, Embedded]:
    """(n, d) unit rows in the order of the chunks; only texts the tenant lacks are embedded."""
    known = await _known_vectors(tools, run, writer.space, sha256s)
    is_reported = writer is tools.writers.active
    if is_reported and len(chunks) > MAX_TEXTS_A_CALL:
        await report(tools, run, done=0, total=len(chunks))
    text_by_sha256 = {
        sha256: chunk.embedded_text for sha256, chunk in zip(sha256s, chunks, strict=True)
    }
    missing = [sha256 for sha256 in text_by_sha256 if sha256 not in known]
    for start in range(0, len(missing), MAX_TEXTS_A_CALL):
        batch = missing[start : start + MAX_TEXTS_A_CALL]
        turn = Turn(
            priority=PRIORITIES[run.job.priority],
            tenant_id=run.tenant_id,
            remaining=len(missing) - start - len(batch),
        )
        rows = await writer.embed([text_by_sha256[sha256] for sha256 in batch], turn)
        known.update(zip(batch, rows, strict=True))
        if is_reported and len(missing) > MAX_TEXTS_A_CALL:
            done = sum(sha256 in known for sha256 in sha256s)
            await report(tools, run, done=done, total=len(sha256s))
    tokens = await asyncio.to_thread(
        writer.embedder.count_tokens, [text_by_sha256[sha256] for sha256 in missing]
    )
    vectors = np.empty((0, writer.space.dimension), dtype=np.float32)
    if sha256s:
        vectors = np.stack([known[sha256] for sha256 in sha256s])
    return vectors, Embedded(chunks=len(missing), tokens=sum(tokens))
