"""Mends what does not agree with each other in a tenant: jobs, documents, vectors, files."""

import asyncio
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

import numpy as np

from ingest.embed import MAX_TEXTS_A_CALL
from ingest.ingestion import Ingestion
from ingest.rereading import enqueue_documents, enqueue_unread
from kb.errors import DocumentNotFound
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import retried
from kb.store.changes import lock_document
from kb.store.documents import get_document
from kb.store.drift import (
    MissingFile,
    UnembeddedChunk,
    chunks_without_vectors,
    delete_vectors_of,
    documents_of_files,
    lost_jobs,
    miscounted_documents,
    named_files,
    vectors_without_chunks,
)
from kb.store.job_kinds import REREAD
from kb.store.jobs import Embedded, enqueue_again, get_job
from kb.store.stored_files import needed_files
from kb.store.tenants import advance_generation
from kb.store.vectors import find_vectors, insert_vectors, text_sha256
from kb.unit_vectors import Vectors

LIMIT: Final = 1_000
"""Of one kind and night; what is left is mended the night after."""


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """The number of things mended, by kind, and what cannot be mended."""

    counts: dict[str, int]
    embedded: Embedded
    missing_files: list[MissingFile]


async def repair(tools: Ingestion, tenant_id: TenantId, run_id: JobId) -> Repairs:
    """Mends what it finds; documents that have to be read again become jobs of the run."""
    database = tools.database
    jobs = await requeue_lost_jobs(tools, tenant_id)
    unread = await enqueue_unread(database, tenant_id, run_id, with_failed=False)
    vectors = await _delete_vectors_without_chunks(tools, tenant_id)
    miscounted = await _reread_miscounted(tools, tenant_id, run_id)
    chunks, embedded = await embed_missing(tools, tenant_id)
    counts = {
        "lost_jobs": jobs,
        "unread_documents": unread,
        "vectors_without_chunks": vectors,
        "miscounted_documents": miscounted,
        "chunks_without_vectors": chunks,
    }
    return Repairs(
        counts={kind: count for kind, count in counts.items() if count},
        embedded=embedded,
        missing_files=await find_missing_files(tools, tenant_id),
    )


async def requeue_lost_jobs(
    tools: Ingestion, tenant_id: TenantId, *, kind: str | None = None
) -> int:
    """The number of unfinished jobs queued again that were not in the queue."""

    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            lost = await lost_jobs(scope, limit=LIMIT, kind=kind)
            for job_id in lost:
                await enqueue_again(scope, await get_job(scope, job_id))
        return len(lost)

    return await retried(transaction)


async def embed_missing(tools: Ingestion, tenant_id: TenantId) -> tuple[int, Embedded]:
    """The number of chunks that got the vector they lacked, and what was embedded for them."""
    count, texts, tokens = 0, 0, 0
    while True:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            found = await chunks_without_vectors(scope, tools.space, limit=MAX_TEXTS_A_CALL)
            sha256s = sorted({text_sha256(chunk.embedded_text) for chunk in found})
            known = await find_vectors(scope, tools.space, sha256s)
        if not found:
            break
        text_by_sha256 = {text_sha256(chunk.embedded_text): chunk.embedded_text for chunk in found}
        missing = [sha256 for sha256 in sha256s if sha256 not in known]
        if missing:
            new = [text_by_sha256[sha256] for sha256 in missing]
            known.update(zip(missing, await tools.batching.submit(new), strict=True))
            tokens += sum(await asyncio.to_thread(tools.embedder.count_tokens, new))
            texts += len(new)
        stored = 0
        by_document = sorted(found, key=attrgetter("document_id", "chunk_id"))
        for document_id, group in groupby(by_document, key=attrgetter("document_id")):
            chunks = list(group)
            vectors = np.stack([known[text_sha256(chunk.embedded_text)] for chunk in chunks])
            stored += await _store_vectors(tools, tenant_id, document_id, chunks, vectors)
        if not stored:
            # Others have replaced all of them meanwhile, or see to them just now.
            break
        count += stored
    return count, Embedded(chunks=texts, tokens=tokens)


async def _store_vectors(
    tools: Ingestion,
    tenant_id: TenantId,
    document_id: DocumentId,
    chunks: list[UnembeddedChunk],
    vectors: Vectors,
) -> int:
    """The number of the document's chunks that were still there and still without a vector."""
    vector_by_chunk = {
        chunk.chunk_id: vector for chunk, vector in zip(chunks, vectors, strict=True)
    }

    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            await lock_document(scope, document_id)
            try:
                document = await get_document(scope, document_id)
            except DocumentNotFound:
                return 0
            present = await chunks_without_vectors(
                scope, tools.space, limit=len(chunks), among=list(vector_by_chunk)
            )
            if present:
                await insert_vectors(
                    scope,
                    tools.space,
                    document,
                    [chunk.chunk_id for chunk in present],
                    [text_sha256(chunk.embedded_text) for chunk in present],
                    np.stack([vector_by_chunk[chunk.chunk_id] for chunk in present]),
                )
                await advance_generation(scope, document_id, readers=document.fields.principals)
        return len(present)

    return await retried(transaction)


async def _delete_vectors_without_chunks(tools: Ingestion, tenant_id: TenantId) -> int:
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        found = await vectors_without_chunks(scope, tools.space, limit=LIMIT)
        return await delete_vectors_of(scope, tools.space, found) if found else 0


async def _reread_miscounted(tools: Ingestion, tenant_id: TenantId, run_id: JobId) -> int:
    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            found = await miscounted_documents(scope, limit=LIMIT)
            return await enqueue_documents(scope, REREAD, found, run_id=run_id)

    return await retried(transaction)


async def find_missing_files(tools: Ingestion, tenant_id: TenantId) -> list[MissingFile]:
    """The documents whose bytes are not in the file store: only their uploader has them now."""
    # Bytes are stored before the rows that name them, and deleted after them.
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        named = await named_files(scope)
    missing = named - {*await tools.files.stored(tenant_id)}
    if not missing:
        return []
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        missing = await needed_files(scope, sorted(missing))
        return await documents_of_files(scope, missing, limit=LIMIT)
