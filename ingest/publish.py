"""Makes new versions of documents findable, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.chunk import Chunk
from ingest.parse import ParsedDocument
from kb.errors import SpaceChanged
from kb.ids import DocumentId, JobId
from kb.postgres.database import TenantSession
from kb.store.chunks import NewChunk, delete_chunks, insert_chunks
from kb.store.document_writes import Published, set_published
from kb.store.documents import Document
from kb.store.job_documents import lock_documents_of
from kb.store.job_results import Success, succeed_jobs
from kb.store.jobs import finish_job
from kb.store.space_backfill import enqueue_backfill
from kb.store.spaces import Space, hold_spaces
from kb.store.tenants import advance_generations
from kb.store.vectors import Embedded, NewVectors, delete_vectors, insert_vectors
from kb.store.versions import NewVersion, insert_versions
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
    scope: TenantSession,
    publications: Mapping[JobId, Publication],
    *,
    may_wait: bool = True,
    now: datetime,
) -> frozenset[JobId]:
    """The jobs whose versions are served; a newer upload has made the others superfluous.

    What these attempts have published before is served and stays as it is. The jobs succeed in the
    same transaction: a worker that dies before the commit has done nothing, one that dies after it
    has done everything.

    Raises SpaceChanged when there are no vectors for the embedding space that searches use, and
    TransactionConflict when somebody else has one of the documents, unless this `may_wait`.
    """
    live = await hold_spaces(scope)
    active = {each.space for each in live if each.is_current}
    if any(active.difference(each.vectors_by_space) for each in publications.values()):
        raise SpaceChanged
    locked = await lock_documents_of(scope, publications, may_wait=may_wait)
    # Without those that were deleted while they were being read, with their jobs; and without those
    # that another worker, which took this one for dead, has begun again.
    mine = {
        job_id: each
        for job_id, each in locked.items()
        if each.attempt == publications[job_id].attempt
    }
    # Published before, by a commit whose answer was lost.
    served_before = {job_id for job_id, each in mine.items() if each.status == "succeeded"}
    running = {job_id: each.document for job_id, each in mine.items() if each.status == "running"}
    waiting = await _still_waiting(scope, running, publications, now=now)
    new = [
        _Served(
            job_id=job_id,
            publication=publications[job_id],
            document=_as_served(document, publications[job_id], now),
        )
        for job_id, document in waiting.items()
    ]
    # Vectors store their readers when nobody has before, and whoever stores the same ones waits:
    # two groups in different orders would wait for each other.
    new.sort(key=lambda each: each.document.fields.principals)
    for each in new:
        if each.document.version:
            await delete_vectors(scope, each.document.id)
            await delete_chunks(scope, each.document.id)
    if new:
        await insert_versions(scope, [each.version for each in new])
        await _insert_chunks(scope, [each.space for each in live], new)
        await set_published(scope, [each.published for each in new])
        await succeed_jobs(scope, {each.job_id: each.success for each in new}, now=now)
        # Last, since it holds up all others who publish for this tenant.
        await advance_generations(
            scope, [(each.document.id, each.document.fields.principals) for each in new]
        )
    return frozenset(served_before.union(waiting))


@dataclass(frozen=True, kw_only=True)
class _Served:
    """A publication, and its document as it is from now on."""

    job_id: JobId
    publication: Publication
    document: Document

    @property
    def version(self) -> NewVersion:
        parsed = self.publication.parsed
        return NewVersion(
            document=self.document,
            content=parsed.text,
            parser=parsed.parser,
            parser_version=parsed.parser_version,
            chunker_version=self.publication.chunker_version,
        )

    @property
    def published(self) -> Published:
        return Published(
            document=self.document,
            chunk_count=len(self.publication.chunks),
            parsed_title=self.publication.parsed.title,
            warnings=self.publication.parsed.warnings,
        )

    @property
    def success(self) -> Success:
        return Success(
            chunks=len(self.publication.chunks),
            embedded=self.publication.embedded,
            before=[self.published.event],
        )


async def _still_waiting(
    scope: TenantSession,
    running: Mapping[JobId, Document],
    publications: Mapping[JobId, Publication],
    *,
    now: datetime,
) -> dict[JobId, Document]:
    """The documents without those that do not wait for their version any more."""
    waiting: dict[JobId, Document] = {}
    for job_id, document in running.items():
        publication = publications[job_id]
        if document.awaits(publication.upload, is_reread=publication.is_reread):
            waiting[job_id] = document
        else:
            await finish_job(scope, job_id, "canceled", error=None, now=now)
    return waiting


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
    scope: TenantSession, spaces: Sequence[Space], new: Sequence[_Served]
) -> None:
    """Stores the chunks with their vectors in each space."""
    chunk_ids = await insert_chunks(
        scope,
        [
            (
                each.document,
                [
                    NewChunk(text=chunk.text, context=chunk.context, location=chunk.location)
                    for chunk in each.publication.chunks
                ],
            )
            for each in new
        ],
    )
    for space in spaces:
        await insert_vectors(
            scope,
            space,
            [
                NewVectors(
                    document=each.document,
                    chunk_ids=ids,
                    sha256s=each.publication.sha256s,
                    embeddings=each.publication.vectors_by_space[space],
                )
                for each, ids in zip(new, chunk_ids, strict=True)
                if space in each.publication.vectors_by_space
            ],
        )
        if any(
            each.publication.chunks and space not in each.publication.vectors_by_space
            for each in new
        ):
            # This worker lacks the model: one that has it embeds what is missing.
            await enqueue_backfill(scope, space)
