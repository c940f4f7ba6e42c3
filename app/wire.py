"""From what is inside to what goes over the wire."""

from app.claims import VerifiedCitation
from app.retrieve.retrieval import Retrieval, Stale
from app.schemas.answers import Checks, Citation, CitationVerification
from app.schemas.documents import (
    Chunk,
    Document,
    DocumentAccepted,
    DocumentDeleted,
    DocumentError,
    DocumentVersion,
    Location,
    PendingUpload,
    Receipt,
)
from app.schemas.jobs import Job, JobError, Progress
from app.schemas.search import (
    CandidateCounts,
    FoundDocument,
    Ranks,
    Scores,
    SearchExplanation,
    SearchHit,
    SearchTimings,
    StaleHits,
)
from kb import changes, chunks, documents, jobs, passages, uploads, versions


def document_out(document: documents.Document) -> Document:
    """The document as callers see it; before the first version its number is the upload's."""
    fields = document.fields
    return Document(
        id=document.id,
        external_id=fields.external_id,
        collection=document.collection,
        title=document.title,
        source_uri=fields.source_uri,
        media_type=document.content.media_type,
        language=document.language,
        version=document.version,
        content_sha256=document.content.sha256,
        size_bytes=document.content.size_bytes,
        status=document.status,
        warnings=list(document.warnings),
        error=DocumentError(**document.error) if document.error else None,
        pending_upload=_pending_out(document.pending_upload),
        chunk_count=document.chunk_count,
        principals=list(fields.principals),
        metadata=fields.metadata,
        effective_at=fields.effective_at,
        expires_at=fields.expires_at,
        created_at=document.created_at,
        updated_at=document.updated_at,
    )


def _pending_out(pending: documents.PendingUpload | None) -> PendingUpload | None:
    if pending is None:
        return None
    return PendingUpload(
        status=pending.status,
        error=DocumentError(**pending.error) if pending.error else None,
        content_sha256=pending.content_sha256,
        created_at=pending.created_at,
    )


def job_out(job: jobs.Job) -> Job:
    """The job as callers see it."""
    return Job(
        id=job.id,
        kind=job.kind,
        status=job.status,
        progress=Progress(done=job.progress_done, total=job.progress_total, unit=job.progress_unit),
        error=JobError(**job.error) if job.error else None,
        attempts=job.attempts,
    )


def accepted_out(accepted: uploads.Accepted) -> DocumentAccepted:
    """A stored upload as callers see it."""
    return DocumentAccepted(
        document=document_out(accepted.document),
        job=job_out(accepted.job) if accepted.job else None,
    )


def version_out(version: versions.Version) -> DocumentVersion:
    """The version as callers see it."""
    return DocumentVersion(
        version=version.version,
        content_sha256=version.content_sha256,
        size_bytes=version.size_bytes,
        media_type=version.media_type,
        parser=version.parser,
        parser_version=version.parser_version,
        created_at=version.created_at,
    )


def chunk_out(chunk: chunks.StoredChunk) -> Chunk:
    """The chunk as callers see it."""
    return Chunk(
        chunk_id=chunk.id,
        ordinal=chunk.ordinal,
        document_version=chunk.version,
        text=chunk.text,
        location=_location_out(chunk.location),
    )


def receipt_out(receipt: changes.Receipt) -> DocumentDeleted:
    """The receipt as callers see it."""
    return DocumentDeleted(
        receipt=Receipt(
            document_id=receipt.document_id,
            content_sha256=receipt.content_sha256,
            deleted_at=receipt.deleted_at,
            documents=receipt.documents,
            versions=receipt.versions,
            chunks=receipt.chunks,
            vectors=receipt.vectors,
            answers=receipt.answers,
            jobs=receipt.jobs,
            files=receipt.files,
            generation=receipt.generation,
        )
    )


def hit_out(passage: passages.Passage) -> SearchHit:
    """The passage as a search hit."""
    return SearchHit(
        chunk_id=passage.chunk_id,
        document=FoundDocument(
            id=passage.document_id,
            external_id=passage.external_id,
            version=passage.document_version,
            title=passage.title,
            source_uri=passage.source_uri,
            updated_at=passage.updated_at,
        ),
        text=passage.text,
        location=_location_out(passage.location),
        scores=Scores(
            fused=passage.score,
            bm25=passage.bm25,
            cosine=passage.cosine,
            rerank=passage.rerank,
        ),
        ranks=Ranks(lexical=passage.lexical_rank, vector=passage.vector_rank),
    )


def timings_out(retrieval: Retrieval) -> SearchTimings:
    """Milliseconds, rounded to what a clock can tell."""
    timings = retrieval.timings
    return SearchTimings(
        embed=round(timings.embed, 2),
        lexical=round(timings.lexical, 2),
        vector=round(timings.vector, 2),
        fetch=round(timings.fetch, 2),
        total=round(timings.total, 2),
    )


def explanation_out(retrieval: Retrieval, stale: Stale) -> SearchExplanation:
    """How the hits were found."""
    explanation = retrieval.explanation
    return SearchExplanation(
        terms=list(explanation.terms),
        candidates=CandidateCounts(
            lexical=explanation.lexical_candidates, vector=explanation.vector_candidates
        ),
        vector_plan=explanation.vector_plan,
        lexical_weight=explanation.lexical_weight,
        missing=["lexical"] if explanation.is_lexical_missing else [],
        reranked=explanation.reranked,
        stale=StaleHits(count=stale.hits, document_ids=list(stale.document_ids)),
    )


def _location_out(location: passages.Location) -> Location:
    """Where it stands; the offsets of a table's cells are for the checks of claims, not sent."""
    return Location(
        section=location["section"],
        page=location["page"],
        slide=location["slide"],
        sheet=location["sheet"],
        row=location["row"],
        char_start=location["char_start"],
        char_end=location["char_end"],
    )


def _row_of(passage: passages.Passage, char_start: int) -> int | None:
    """The table row of a quote; a passage of several rows, one a line, says its first one's.

    A blank line divides a heading from the rows and is none of them.
    """
    first = passage.location["row"]
    if first is None:
        return None
    before = passage.text[: char_start - passage.location["char_start"]]
    return first + before.count("\n") - 2 * before.count("\n\n")


def citation_out(citation: VerifiedCitation, number: int) -> Citation:
    """The quote under its marker, `[number]`."""
    passage = citation.passage
    return Citation(
        id=f"c{number}",
        marker=f"[{number}]",
        document_id=passage.document_id,
        document_version=passage.document_version,
        external_id=passage.external_id,
        title=passage.title,
        source_uri=passage.source_uri,
        chunk_id=passage.chunk_id,
        quote=citation.quote,
        location=_location_out(
            {
                **passage.location,
                "row": _row_of(passage, citation.char_start),
                "char_start": citation.char_start,
                "char_end": citation.char_end,
            }
        ),
        content_sha256=passage.content_sha256,
        verification=CitationVerification(
            method=citation.method,
            checks=Checks(**citation.checks),
            reader=citation.reader,
        ),
    )
