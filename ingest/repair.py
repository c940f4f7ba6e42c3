"""Mends what does not agree with each other in a tenant: jobs, documents, vectors, files."""

from dataclasses import dataclass
from typing import Final

from ingest.ingestion import Ingestion
from ingest.rereading import enqueue_documents, enqueue_unread
from kb.ids import JobId, TenantId
from kb.postgres.database import retried
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
    jobs = await requeue_lost_jobs(tools, tenant_id)
    unread = await enqueue_unread(database, tenant_id, run_id, with_failed=False)
    vectors = await _delete_vectors_without_chunks(tools, tenant_id)
    miscounted = await _reread_miscounted(tools, tenant_id, run_id)
    chunks = await _fill_spaces(tools, tenant_id, run_id)
    counts = {
        "lost_jobs": jobs,
        "unread_documents": unread,
        "vectors_without_chunks": vectors,
        "miscounted_documents": miscounted,
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


async def _reread_miscounted(tools: Ingestion, tenant_id: TenantId, run_id: JobId) -> int:
    async def transaction() -> int:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            found = await miscounted_documents(scope, limit=LIMIT)
            return await enqueue_documents(scope, REREAD, found, run_id=run_id)

    return await retried(transaction)


async def _find_missing_files(tools: Ingestion, tenant_id: TenantId) -> list[MissingFile]:
    """The documents whose bytes are not in the file store: only their uploader has them now."""
    missing = await missing_files(tools.database, tools.files, tenant_id)
    if not missing:
        return []
    async with tools.database.tenant(tenant_id, viewer=None) as scope:
        return await documents_of_files(scope, missing, limit=LIMIT)
