"""Makes a document's new version findable, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.chunk import Chunk
from ingest.parse import ParsedDocument
from kb.errors import SpaceChanged
from kb.ids import DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.chunks import NewChunk, delete_chunks, insert_chunks
from kb.store.document_writes import set_published
from kb.store.documents import Document, lock_document_of
from kb.store.job_results import succeed_job
from kb.store.jobs import finish_job
from kb.store.space_backfill import enqueue_backfill
from kb.store.spaces import Space, hold_spaces
from kb.store.tenants import advance_generation
from kb.store.vectors import Embedded, delete_vectors, insert_vectors
from kb.store.versions import insert_version
from kb.unit_vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The contents of a version; the vectors (n, d) of each space belong to `chunks` in order.

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
    vectors_by_space: Mapping[Space, Vectors]
    embedded: Embedded
    chunker_version: str
    is_reread: bool = False
    detected_language: str | None = None


async def publish(
    scope: TenantSession, job_id: JobId, publication: Publication, *, now: datetime
) -> bool:
    """True when the version is served; False when a newer upload made it superfluous.

    The job succeeds in the same transaction: a worker that dies before the commit has done
    nothing, one that dies after it has done everything.

    Raises SpaceChanged when there are no vectors for the embedding space that searches use.
    """
    live = await hold_spaces(scope)
    if any(each.is_current and each.space not in publication.vectors_by_space for each in live):
        raise SpaceChanged
    waiting = await _waiting_document(scope, job_id, publication, now=now)
    if waiting is None:
        return False
    document = _as_served(waiting, publication, now)
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
    await _insert_chunks(scope, [each.space for each in live], publication, document)
    ready = await set_published(
        scope,
        document,
        chunk_count=len(publication.chunks),
        parsed_title=parsed.title,
        warnings=parsed.warnings,
    )
    await succeed_job(
        scope,
        job_id,
        chunk_count=len(publication.chunks),
        embedded=publication.embedded,
        before=[ready],
        now=now,
    )
    await advance_generation(scope, document.id, readers=document.fields.principals)
    return True


async def _waiting_document(
    scope: TenantSession, job_id: JobId, publication: Publication, *, now: datetime
) -> Document | None:
    """The document, locked; None when it does not wait for this version any more."""
    document = await lock_document_of(scope, job_id, attempt=publication.attempt)
    if document is None:
        # Deleted while it was being read, with its job; or another worker took this one for dead
        # and has begun again.
        return None
    is_served = document.version == document.upload
    if document.upload != publication.upload or is_served != publication.is_reread:
        await finish_job(scope, job_id, "canceled", error=None, now=now)
        return None
    return document


def _as_served(document: Document, publication: Publication, now: datetime) -> Document:
    """The document with what was found, and for the readers that waited for this version."""
    fields = document.fields
    if document.waiting_principals is not None:
        fields = replace(fields, principals=document.waiting_principals)
    return replace(
        document,
        fields=fields,
        detected_language=publication.detected_language,
        upload=document.upload + publication.is_reread,
        updated_at=document.updated_at if publication.is_reread else now,
    )


async def _insert_chunks(
    scope: TenantSession, spaces: Sequence[Space], publication: Publication, document: Document
) -> None:
    """Stores the chunks with their vectors in each space."""
    chunk_ids = await insert_chunks(
        scope,
        document,
        [
            NewChunk(text=chunk.text, context=chunk.context, location=chunk.location)
            for chunk in publication.chunks
        ],
    )
    for space in spaces:
        vectors = publication.vectors_by_space.get(space)
        if vectors is not None:
            await insert_vectors(scope, space, document, chunk_ids, publication.sha256s, vectors)
        elif chunk_ids:
            # This worker lacks the model: one that has it embeds what is missing.
            await enqueue_backfill(scope, space)
