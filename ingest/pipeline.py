"""One upload becomes findable.

load -> parse -> split into chunks -> embed what is new -> publish (one transaction)

Every stage may be cut off and run again: nothing is visible before `publish`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ingest.chunk import Chunk, split
from ingest.embed import MAX_TEXTS_A_CALL, BatchingEmbedder
from ingest.parse import ParsedDocument, detect_language, parse
from ingest.publish import Publication, publish
from kb.database import Database
from kb.document_writes import set_status
from kb.documents import Document, get_document
from kb.embedding import Embedder, Vectors
from kb.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    JobNotFound,
    KnowledgeBaseError,
    ProcessingFailed,
)
from kb.files import FileStore
from kb.ids import JobId, TenantId
from kb.jobs import FINISHED, Job, JobError, finish_job, get_job, set_progress, start_job
from kb.spaces import Space
from kb.telemetry import Metrics, stage_timer
from kb.vectors import find_vectors, text_sha256


@dataclass(frozen=True, kw_only=True)
class Ingestion:
    """What the pipeline works with."""

    database: Database
    files: FileStore
    embedder: Embedder
    batching: BatchingEmbedder
    space: Space
    metrics: Metrics
    max_attempts: int
    clock: Callable[[], datetime]


async def ingest_document(tools: Ingestion, tenant_id: TenantId, job_id: JobId) -> None:
    """Runs the job; a document that cannot be read ends it with a code.

    Raises DependencyFailed, after which the job may be run again; it then starts from the
    beginning.
    """
    started = await _start(tools, tenant_id, job_id)
    if started is None:
        return
    job, document = started
    if job.attempts >= tools.max_attempts:
        # Each earlier attempt ended without a word: this document kills its worker.
        await fail(tools, tenant_id, job_id, ProcessingFailed(), is_retryable=False)
        return
    try:
        publication = await _prepare(tools, tenant_id, job, document)
    except DocumentUnreadable as error:
        await fail(tools, tenant_id, job_id, error, is_retryable=False)
        return
    with stage_timer(tools.metrics, "publish"):
        async with tools.database.tenant(tenant_id, eyes=None) as scope:
            is_served = await publish(scope, job_id, publication, now=tools.clock())
    tools.metrics.count_ingest(status="succeeded" if is_served else "canceled", code=None)


async def fail(
    tools: Ingestion,
    tenant_id: TenantId,
    job_id: JobId,
    error: KnowledgeBaseError,
    *,
    is_retryable: bool,
) -> None:
    """Ends the job and says why; what was served before stays served, with a warning."""
    now = tools.clock()
    reason: JobError = {"code": error.code, "message": error.message, "retryable": is_retryable}
    async with tools.database.tenant(tenant_id, eyes=None) as scope:
        try:
            job = await get_job(scope, job_id)
        except JobNotFound:
            return
        await finish_job(scope, job_id, "failed", error=reason, now=now)
        if job.document_id is not None:
            document = await get_document(scope, job.document_id)
            if document.upload == job.upload:
                await set_status(
                    scope,
                    document.id,
                    "ready_with_warnings" if document.version else "failed",
                    error={"code": error.code, "message": error.message},
                    now=now,
                )
    tools.metrics.count_ingest(status="failed", code=error.code)


async def _start(
    tools: Ingestion, tenant_id: TenantId, job_id: JobId
) -> tuple[Job, Document] | None:
    """The job and its document; None when there is nothing left to do."""
    now = tools.clock()
    async with tools.database.tenant(tenant_id, eyes=None) as scope:
        try:
            job = await get_job(scope, job_id)
            if job.status in FINISHED or job.document_id is None:
                return None
            document = await get_document(scope, job.document_id)
        except (JobNotFound, DocumentNotFound):
            # Deleted while it waited.
            return None
        if document.upload != job.upload:
            await finish_job(scope, job_id, "canceled", error=None, now=now)
            return None
        await start_job(scope, job_id, now=now)
        await set_status(scope, document.id, "processing", error=None, now=now)
    return job, document


async def _prepare(
    tools: Ingestion, tenant_id: TenantId, job: Job, document: Document
) -> Publication:
    content = await tools.files.read(tenant_id, document.content.sha256)
    with stage_timer(tools.metrics, "parse"):
        parsed = await asyncio.to_thread(parse, content, document.content.media_type)
        language = await asyncio.to_thread(detect_language, parsed.text)
    with stage_timer(tools.metrics, "chunk"):
        chunks = await asyncio.to_thread(_split, tools.embedder, document, parsed)
    sha256s = [text_sha256(chunk.embedded_text) for chunk in chunks]
    with stage_timer(tools.metrics, "embed"):
        vectors = await _embed(tools, tenant_id, job, chunks, sha256s)
    return Publication(
        document_id=document.id,
        upload=document.upload,
        parsed=parsed,
        chunks=chunks,
        sha256s=sha256s,
        vectors=vectors,
        space=tools.space,
        detected_language=language,
    )


def _split(embedder: Embedder, document: Document, parsed: ParsedDocument) -> tuple[Chunk, ...]:
    return split(
        parsed,
        title=document.fields.title or parsed.title,
        media_type=document.content.media_type,
        embedder=embedder,
    )


async def _embed(
    tools: Ingestion,
    tenant_id: TenantId,
    job: Job,
    chunks: Sequence[Chunk],
    sha256s: Sequence[str],
) -> Vectors:
    """(n, d) unit rows in the order of the chunks; only texts the tenant lacks are embedded."""
    async with tools.database.tenant(tenant_id, eyes=None) as scope:
        known = await find_vectors(scope, tools.space, sorted(set(sha256s)))
        if len(chunks) > MAX_TEXTS_A_CALL:
            await set_progress(scope, job.id, done=0, total=len(chunks), now=tools.clock())
    text_by_sha256 = {
        sha256: chunk.embedded_text for sha256, chunk in zip(sha256s, chunks, strict=True)
    }
    missing = [sha256 for sha256 in text_by_sha256 if sha256 not in known]
    for start in range(0, len(missing), MAX_TEXTS_A_CALL):
        batch = missing[start : start + MAX_TEXTS_A_CALL]
        rows = await tools.batching.embed([text_by_sha256[sha256] for sha256 in batch])
        known.update(zip(batch, rows, strict=True))
        if len(missing) > MAX_TEXTS_A_CALL:
            await _report(tools, tenant_id, job, known, sha256s)
    if not sha256s:
        return np.empty((0, tools.space.dimension), dtype=np.float32)
    return np.stack([known[sha256] for sha256 in sha256s])


async def _report(
    tools: Ingestion,
    tenant_id: TenantId,
    job: Job,
    known: dict[str, Vectors],
    sha256s: Sequence[str],
) -> None:
    done = sum(sha256 in known for sha256 in sha256s)
    async with tools.database.tenant(tenant_id, eyes=None) as scope:
        await set_progress(scope, job.id, done=done, total=len(sha256s), now=tools.clock())
