"""Documents, versions, chunks and receipts as callers see them."""

from app.http.documents.receipt_schemas import Purge, Receipt
from app.http.documents.schemas import (
    Chunk,
    Document,
    DocumentError,
    DocumentVersion,
    PendingUpload,
)
from app.http.location import location_out
from kb.receipts import REMAINING, SigningKey
from kb.store import chunks, deletions, documents, versions


def document_out(document: documents.Document) -> Document:
    """The document as callers see it; before the first version its number is the upload's."""
    fields, pending = document.fields, document.pending_upload
    pending_upload = pending and PendingUpload(
        status=pending.status,
        error=DocumentError(**pending.error) if pending.error else None,
        content_sha256=pending.content_sha256,
        created_at=pending.created_at,
    )
    return Document(
        id=document.id,
        external_id=fields.external_id,
        collection=document.collection,
        title=document.title or document.content.filename,
        filename=document.content.filename,
        source_uri=fields.source_uri,
        media_type=document.content.media_type,
        language=document.language,
        version=document.version,
        content_sha256=document.content.sha256,
        size_bytes=document.content.size_bytes,
        status=document.status,
        warnings=list(document.warnings),
        error=DocumentError(**document.error) if document.error else None,
        pending_upload=pending_upload,
        chunk_count=document.chunk_count,
        principals=list(fields.principals),
        metadata=fields.metadata,
        effective_at=fields.effective_at,
        expires_at=fields.expires_at,
        created_at=document.created_at,
        updated_at=document.updated_at,
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
        location=location_out(chunk.location),
    )


def receipt_out(deletion: deletions.Deletion, key: SigningKey) -> Receipt:
    """The receipt as callers see it, signed as it is now."""
    state = deletion.state
    unsigned = Receipt(
        type="footnote.document_deletion.1",
        **deletion.receipt,
        deleted_at=state.deleted_at,
        purge=Purge(
            status="complete" if state.purged_at else "running",
            completed_at=state.purged_at,
            nodes=state.nodes,
            absent_nodes=state.absent_nodes,
        ),
        remaining=list(REMAINING),
        key_id="",
        signature="",
    )
    signed = key.sign(unsigned.model_dump(mode="json", exclude={"key_id", "signature"}))
    return Receipt.model_validate(signed)
