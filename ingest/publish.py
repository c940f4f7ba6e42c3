"""Makes a document's new version findable, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.chunk import Chunk
from ingest.parse import ParsedDocument
from kb.errors import DocumentNotFound
from kb.ids import DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.changes import lock_document
from kb.store.chunks import NewChunk, delete_chunks, insert_chunks
from kb.store.document_writes import set_published
from kb.store.documents import get_document
from kb.store.jobs import Embedded, finish_job, hold_attempt, set_embedded
from kb.store.spaces import Space
from kb.store.tenants import advance_generation
from kb.store.vectors import delete_vectors, insert_vectors
from kb.store.versions import insert_version
from kb.unit_vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The contents of a version; `vectors` (n, d) belong to `chunks` in order.

    `attempt` is the job's that made it. `is_reread`: the bytes were served already; their new
    version takes the next number, and the document counts as unchanged. `detected_language` counts
    where the uploader names none.
    """

    document_id: DocumentId
    upload: int
    attempt: int
    parsed: ParsedDocument
    chunks: Sequence[Chunk]
    sha256s: Sequence[str]
    vectors: Vectors
    embedded: Embedded
    space: Space
    chunker_version: str
    is_reread: bool = False
    detected_language: str | None = None


async def publish(
    scope: TenantSession, job_id: JobId, publication: Publication, *, now: datetime
) -> bool:
    """True when the version is served; False when a newer upload made it superfluous.

    The job succeeds in the same transaction: a worker that dies before the commit has done
    nothing, one that dies after it has done everything.
    """
    await lock_document(scope, publication.document_id)
    try:
        document = await get_document(scope, publication.document_id)
    except DocumentNotFound:
        # Deleted while it was being read; its job went with it.
        return False
    if not await hold_attempt(scope, job_id, publication.attempt):
        # Another worker took this one for dead and has begun again.
        return False
    is_served = document.version == document.upload
    if document.upload != publication.upload or is_served != publication.is_reread:
        await finish_job(scope, job_id, "canceled", error=None, now=now)
        return False
    document = replace(
        document,
        detected_language=publication.detected_language,
        upload=document.upload + publication.is_reread,
    )
    if document.waiting_principals is not None:
        # They may read this version, but not the one before: both change at once.
        fields = replace(document.fields, principals=document.waiting_principals)
        document = replace(document, fields=fields)
    parsed = publication.parsed
    if document.version:
        await delete_vectors(scope, document.id)
        await delete_chunks(scope, document.id)
    await insert_version(
        scope,
        document,
        content=parsed.text,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        chunker_version=publication.chunker_version,
    )
    chunk_ids = await insert_chunks(
        scope,
        document,
        [
            NewChunk(text=chunk.text, context=chunk.context, location=chunk.location)
            for chunk in publication.chunks
        ],
    )
    await insert_vectors(
        scope,
        publication.space,
        document,
        chunk_ids,
        publication.sha256s,
        publication.vectors,
    )
    await set_published(
        scope,
        document,
        chunk_count=len(chunk_ids),
        parsed_title=parsed.title,
        warnings=parsed.warnings,
        now=document.updated_at if publication.is_reread else now,
    )
    if publication.embedded.chunks:
        await set_embedded(scope, job_id, publication.embedded)
    await finish_job(scope, job_id, "succeeded", error=None, chunk_count=len(chunk_ids), now=now)
    await advance_generation(scope, document.id, readers=document.fields.principals)
    return True
