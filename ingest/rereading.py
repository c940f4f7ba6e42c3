"""Queues the documents that today's parser or chunker would read otherwise than they were read."""

from collections.abc import Sequence

from ingest.chunk import CHUNKER_VERSION
from ingest.parse import READABLE_TYPES, parser_of
from kb.errors import DocumentNotFound
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import Database, TenantSession, retried
from kb.store.documents import get_document
from kb.store.drift import unread_documents
from kb.store.job_kinds import INGEST, REREAD, JobKind
from kb.store.jobs import TenantWork, enqueue_job
from kb.store.outdated import Among, Outdated, Reader, outdated_documents
from kb.store.reindex_runs import link_jobs

OWNER = "reindex"
"""Nobody's name: readers of a document may see that it is read again, and no one else."""

BATCH = 200
"""Queued in one transaction: a fifth of a second."""


def todays_readers() -> list[Reader]:
    """The parser and chunker of this release for every media type."""
    readers = []
    for media_type in sorted(READABLE_TYPES):
        parser, version = parser_of(media_type)
        readers.append(
            Reader(
                media_type=media_type,
                parser=parser,
                parser_version=version,
                chunker_version=CHUNKER_VERSION,
            )
        )
    return readers


async def enqueue_rereads(database: Database, tenant_id: TenantId, among: Among) -> int:
    """The number of documents queued to be read again, as jobs of the run.

    What is served stays served until the new version takes its place.
    """
    readers = todays_readers()
    after: DocumentId | None = None
    count = 0
    while True:

        async def transaction(after: DocumentId | None = after) -> list[Outdated]:
            async with database.tenant(tenant_id, viewer=None) as scope:
                found = await outdated_documents(scope, readers, among, after=after, limit=BATCH)
                ids = [each.document_id for each in found]
                arguments = [each.reader for each in found]
                await enqueue_documents(scope, REREAD, ids, run_id=among.run_id, readers=arguments)
            return found

        found = await retried(transaction)
        count += len(found)
        if len(found) < BATCH:
            return count
        after = found[-1].document_id


async def enqueue_unread(
    database: Database, tenant_id: TenantId, run_id: JobId, *, with_failed: bool
) -> int:
    """The number of uploads queued again that no job would have read."""

    async def transaction() -> int:
        async with database.tenant(tenant_id, viewer=None) as scope:
            ids = await unread_documents(
                scope, limit=BATCH, with_failed=with_failed, besides=run_id
            )
            return await enqueue_documents(scope, INGEST, ids, run_id=run_id)

    count = 0
    while added := await retried(transaction):
        count += added
    return count


async def enqueue_documents(
    scope: TenantSession,
    kind: JobKind,
    document_ids: Sequence[DocumentId],
    *,
    run_id: JobId,
    readers: Sequence[str] = (),
) -> int:
    """The number of documents queued; of one that waits for a newer upload nothing is read again.

    Needs a whole-tenant scope.
    """
    job_ids = []
    for number, document_id in enumerate(document_ids):
        try:
            document = await get_document(scope, document_id)
        except DocumentNotFound:
            continue
        if kind is REREAD and document.upload != document.version:
            continue
        work = TenantWork(arguments={"reader": readers[number]}) if readers else None
        job = await enqueue_job(
            scope, kind, owner=OWNER, document=document, work=work, priority="background"
        )
        job_ids.append(job.id)
    if job_ids:
        await link_jobs(scope, run_id, job_ids)
    return len(job_ids)
