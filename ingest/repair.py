"""Mends what does not agree with each other in a tenant: jobs, documents, vectors, files."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ingest.ingestion import Ingestion
from ingest.rereading import enqueue_documents, enqueue_unread
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import TenantSession, retried
from kb.store.contradictions import documents_of_chunks, find, vectors_with_other_readers
from kb.store.drift import (
    MissingFile,
    delete_vectors_of,
    documents_of_files,
    lost_jobs,
    miscounted_documents,
    vectors_without_chunks,
)
from kb.store.job_kinds import REREAD
from kb.store.jobs import FINISHED, enqueue_again, find_job
from kb.store.mending import delete_orphans, restore_readers
from kb.store.reindex_runs import link_jobs
from kb.store.space_backfill import count_missing, enqueue_backfill
from kb.store.spaces import all_spaces
from kb.store.stored_files import missing_files

LIMIT: Final = 1_000
"""Of one kind and night; what is left is mended the night after."""


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """The number of things mended, by kind, and what cannot be mended."""

    counts: dict[str, int]
    missing_files: list[MissingFile]


async def repair(tools: Ingestion, tenant_id: TenantId, run_id: JobId) -> Repairs:
    """Mends what it finds; documents that have to be read again become jobs of the run."""
    database = tools.database
    orphans = await _delete_orphans(tools, tenant_id)
    readers = await _restore_readers(tools, tenant_id)
    jobs = await requeue_lost_jobs(tools, tenant_id)
    unread = await enqueue_unread(database, tenant_id, run_id, with_failed=False)
    vectors = await _delete_vectors_without_chunks(tools, tenant_id)
    damaged = await _reread_damaged(tools, tenant_id, run_id, had_other_readers=readers > 0)
    chunks = await _fill_spaces(tools, tenant_id, run_id)
    counts = {
        "rows_without_document": orphans,
        "documents_with_other_readers": readers,
        "lost_jobs": jobs,
        "unread_documents": unread,
        "vectors_without_chunks": vectors,
        "miscounted_documents": damaged,
        "chunks_without_vectors": chunks,
    }
    return Repairs(
        counts={kind: count for kind, count in counts.items() if count},
        missing_files=await _find_missing_files(tools, tenant_id),
    )


async def requeue_lost_jobs(
    tools: Ingestion, tenant_id: TenantId, *, kind: str | None = None
) -> int:
    """The number of unfinished jobs queued again that were not in the queue."""

    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            found = [
                await find_job(scope, job_id)
                for job_id in await lost_jobs(scope, limit=LIMIT, kind=kind)
            ]
            # Some may have been deleted or canceled meanwhile.
            lost = [job for job in found if job is not None and job.status not in FINISHED]
            for job in lost:
                await enqueue_again(scope, job)
        return len(lost)

    return await retried(transaction)


async def _fill_spaces(tools: Ingestion, tenant_id: TenantId, run_id: JobId) -> int:
    """The number of chunks without a vector in a live space; jobs of the run embed them."""

    async def transaction() -> int:
        lacking = 0
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            for space in await all_spaces(scope):
                count = await count_missing(scope, space)
                lacking += count
                # None: one waits already, and does the same.
                job_id = await enqueue_backfill(scope, space) if count else None
                if job_id is not None:
                    await link_jobs(scope, run_id, [job_id])
        return lacking

    return await retried(transaction)


async def _delete_vectors_without_chunks(tools: Ingestion, tenant_id: TenantId) -> int:
    deleted = 0
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        for space in await all_spaces(scope):
            found = await vectors_without_chunks(scope, space, limit=LIMIT)
            deleted += await delete_vectors_of(scope, space, found) if found else 0
    return deleted


async def _reread_damaged(
    tools: Ingestion, tenant_id: TenantId, run_id: JobId, *, had_other_readers: bool
) -> int:
    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            found = {*await miscounted_documents(scope, limit=LIMIT)}
            for name in ("documents_without_version", "ready_documents_without_chunks"):
                ids = await find(scope, name, limit=LIMIT)
                found |= {DocumentId(UUID(each)) for each in ids}
            if had_other_readers:
                # The readers are right by now; what is left is of another collection or document.
                found |= {*await _with_other_readers(scope)}
            return await enqueue_documents(scope, REREAD, sorted(found), run_id=run_id)

    return await retried(transaction)


async def _restore_readers(tools: Ingestion, tenant_id: TenantId) -> int:
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        found = await _with_other_readers(scope)
    restored = 0
    for document_id in found:

        async def transaction(document_id: DocumentId = document_id) -> bool:
            async with tools.database.tenant(tenant_id, viewer=None) as scope:
                return await restore_readers(scope, document_id)

        restored += await retried(transaction)
    return restored


async def _with_other_readers(scope: TenantSession) -> list[DocumentId]:
    """Documents whose chunks or vectors have not their readers, collection or document."""
    chunks = await find(scope, "chunks_with_other_readers", limit=LIMIT)
    for space in await all_spaces(scope):
        chunks += await vectors_with_other_readers(scope, space, limit=LIMIT)
    return await documents_of_chunks(scope, chunks)


async def _delete_orphans(tools: Ingestion, tenant_id: TenantId) -> int:
    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            return await delete_orphans(scope, limit=LIMIT)

    return await retried(transaction)


async def _find_missing_files(tools: Ingestion, tenant_id: TenantId) -> list[MissingFile]:
    """The documents whose bytes are not in the file store: only their uploader has them now."""
    missing = await missing_files(tools.database, tools.files, tenant_id)
    if not missing:
        return []
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        return await documents_of_files(scope, missing, limit=LIMIT)
