"""Documents: upload, look at, change, delete."""

import asyncio
import json
from dataclasses import replace
from operator import attrgetter
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from app.http.conditional import (
    NOT_MODIFIED,
    IfMatch,
    IfNoneMatch,
    entity_tag,
    is_named,
    respond_tagged,
)
from app.http.dependencies import ReadsDocuments, ReadsReceipts, ResourcesDep, WritesDocuments
from app.http.documents import batch
from app.http.documents.present import chunk_out, document_out, receipt_out, version_out
from app.http.documents.receipt_schemas import DocumentDeleted, PublicKey, PublicKeys
from app.http.documents.schemas import (
    Chunk,
    Document,
    DocumentAccepted,
    DocumentPatch,
    DocumentVersion,
)
from app.http.documents.store_upload import store_upload
from app.http.documents.upload_body import OPENAPI_BODY, read_upload
from app.http.fields import MAX_EXTERNAL_ID_LENGTH, MAX_NAME_LENGTH
from app.http.idempotency import IdempotencyKey, Remember, do_once, request_digest
from app.http.paging import (
    DEFAULT_LIMIT,
    MAX_NUMBER,
    CursorParam,
    LimitParam,
    NumberCursorParam,
    Page,
    page_of,
    read_id_cursor,
    read_number_cursor,
)
from app.http.response_fields import DOCUMENT_ID, QUOTE
from kb.errors import DependencyFailed, DocumentNotFound, InvalidFilter, RevisionMismatch
from kb.ids import DocumentId
from kb.postgres.database import retried
from kb.store.audit import record_event
from kb.store.changes import Receipt as StoredReceipt
from kb.store.changes import change_fields, delete_document, lock_to_change
from kb.store.chunks import list_chunks
from kb.store.deletions import Deletion, get_deletion
from kb.store.documents import Document as StoredDocument
from kb.store.documents import DocumentStatus, Listing, get_document, list_documents
from kb.store.filters import parse_filter
from kb.store.idempotency import STORED_AT_ONCE_ABANDONED_AFTER, StoredResponse
from kb.store.signing_keys import public_keys, signing_key
from kb.store.stored_files import discard_file
from kb.store.versions import get_version, list_versions, read_content

router = APIRouter(tags=["documents"])
log = structlog.get_logger(__name__)
router.include_router(batch.router)

DocumentIdPath = Annotated[UUID, Path(description="The document's id.", examples=[DOCUMENT_ID])]
FilterParam = Annotated[
    str | None,
    Query(
        alias="filter",
        max_length=10_000,
        description="A condition on the documents, as JSON; the grammar is that of `filter` in "
        "a search.",
        examples=['{"metadata.department": "hr"}'],
    ),
]


MAX_SAVED_NAME_LENGTH: Final = 255
"""No file system has longer ones, and proxies refuse a header of several kilobytes."""

CONTENT: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "content": {
            "text/plain": {"example": f"# Parental leave\n\n{QUOTE}"},
            "*/*": {
                "schema": {"type": "string", "format": "binary"},
                "example": "(the uploaded bytes)",
            },
        }
    }
}
"""For the API's description."""


@router.post(
    "/documents",
    status_code=202,
    response_model=DocumentAccepted,
    responses={200: {"model": DocumentAccepted, "description": "Nothing has changed."}},
    openapi_extra=OPENAPI_BODY,
)
async def create_document(
    request: Request,
    resources: ResourcesDep,
    caller: WritesDocuments,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store a document; a job reads it. 200 without a job when nothing has changed."""
    received = await read_upload(request)
    digest = ""
    if idempotency_key is not None:
        # The hash of 50 MB takes 50 ms.
        fields = await asyncio.to_thread(received.digest_fields)
        digest = request_digest("POST /v1/documents", fields)

    async def act(remember: Remember) -> StoredResponse:
        return await store_upload(resources, caller, received.upload, remember)

    stored = await do_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=digest,
        act=act,
        abandoned_after=STORED_AT_ONCE_ABANDONED_AFTER,
    )
    return JSONResponse(stored.body, status_code=stored.status_code)


def read_listing(
    collection: Annotated[
        str | None,
        Query(
            max_length=MAX_NAME_LENGTH,
            description="Only those in this collection.",
            examples=["default"],
        ),
    ] = None,
    status: Annotated[
        DocumentStatus | None,
        Query(description="Only those with this status.", examples=["ready"]),
    ] = None,
    external_id: Annotated[
        str | None,
        Query(
            max_length=MAX_EXTERNAL_ID_LENGTH,
            description="Only those with this id where they come from.",
            examples=["handbook/leave.md"],
        ),
    ] = None,
    raw_filter: FilterParam = None,
) -> Listing:
    """The listing that the query string asks for."""
    try:
        parsed = None if raw_filter is None else parse_filter(json.loads(raw_filter))
    except (ValueError, RecursionError) as error:
        raise InvalidFilter("The filter is not valid JSON.") from error
    return Listing(collection=collection, status=status, external_id=external_id, filter=parsed)


@router.get("/documents")
async def list_all(
    resources: ResourcesDep,
    caller: ReadsDocuments,
    listing: Annotated[Listing, Depends(read_listing)],
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Document]:
    """The documents the caller may see, in the order of their upload."""
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        found = await list_documents(scope, listing, after=read_id_cursor(cursor), limit=limit + 1)
    return page_of(found, limit=limit, show=document_out, place=attrgetter("id"))


@router.get("/documents/{document_id}", response_model=Document, responses=NOT_MODIFIED)
async def get_one(
    document_id: DocumentIdPath,
    resources: ResourcesDep,
    caller: ReadsDocuments,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One document. Its ETag is for If-None-Match and If-Match."""
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        document = await get_document(scope, DocumentId(document_id))
    return respond_tagged(document_out(document), if_none_match)


@router.get("/documents/{document_id}/versions")
async def get_versions(
    document_id: DocumentIdPath,
    resources: ResourcesDep,
    caller: ReadsDocuments,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: NumberCursorParam = None,
) -> Page[DocumentVersion]:
    """The versions of a document, one for each upload that was read, oldest first."""
    after = read_number_cursor(cursor, start=0)
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        await get_document(scope, DocumentId(document_id))
        found = await list_versions(scope, DocumentId(document_id), after=after, limit=limit + 1)
    return page_of(found, limit=limit, show=version_out, place=attrgetter("version"))


@router.get("/documents/{document_id}/content", response_class=PlainTextResponse, responses=CONTENT)
async def get_content(
    document_id: DocumentIdPath,
    resources: ResourcesDep,
    caller: ReadsDocuments,
    original: Annotated[  # noqa: FBT002  # a query parameter has a name
        bool, Query(description="The uploaded bytes in place of the text.", examples=[False])
    ] = False,
    version: Annotated[
        int | None,
        Query(ge=1, le=MAX_NUMBER, description="The version; unset: the newest one.", examples=[2]),
    ] = None,
) -> Response:
    """The normalised text that all offsets point into, or the uploaded bytes.

    Without a version those being served; while there are none, the bytes of the upload.
    """
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        document = await get_document(scope, DocumentId(document_id))
        if not original:
            text = await read_content(scope, document.id, version or document.version)
            return PlainTextResponse(text)
        sha256, media_type = document.content.sha256, document.content.media_type
        name = document.content.filename
        if version is not None:
            read = await get_version(scope, document.id, version)
            # Of an earlier version the name is not kept.
            name = name if version == document.version else None
            sha256, media_type = read.content_sha256, read.media_type
    return Response(
        await resources.files.read(caller.tenant_id, sha256),
        media_type=media_type,
        # Uploaded HTML must not run as a page of this service.
        headers={"Content-Disposition": _attachment(name), "X-Content-Type-Options": "nosniff"},
    )


@router.get("/documents/{document_id}/chunks")
async def get_chunks(
    document_id: DocumentIdPath,
    resources: ResourcesDep,
    caller: ReadsDocuments,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: NumberCursorParam = None,
) -> Page[Chunk]:
    """The pieces of the served version that can be found, in order."""
    after = read_number_cursor(cursor, start=-1)
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        await get_document(scope, DocumentId(document_id))
        found = await list_chunks(scope, DocumentId(document_id), after=after, limit=limit + 1)
    return page_of(found, limit=limit, show=chunk_out, place=attrgetter("ordinal"))


@router.patch("/documents/{document_id}")
async def patch_document(
    document_id: DocumentIdPath,
    patch: DocumentPatch,
    response: Response,
    resources: ResourcesDep,
    caller: WritesDocuments,
    if_match: IfMatch = None,
) -> Document:
    """Change a document; who may read it takes effect before the response is sent."""

    async def transaction() -> StoredDocument:
        async with resources.database.tenant(
            caller.tenant_id, viewer=caller.managing_viewer
        ) as scope:
            document = await lock_to_change(scope, DocumentId(document_id), caller.actor)
            tag = entity_tag(document_out(document))
            if if_match is not None and not is_named(if_match, tag, is_weak=False):
                raise RevisionMismatch
            async with scope.whole_tenant() as whole:
                sent = {name: getattr(patch, name) for name in patch.model_fields_set}
                if "principals" in sent:
                    sent["principals"] = tuple(patch.principals)
                fields = replace(document.fields, **sent)
                await change_fields(whole, document, fields, now=resources.clock())
                changed = await get_document(whole, document.id, shown_to=caller.managing_viewer)
            await record_event(
                scope,
                caller.actor,
                "document.update",
                str(document_id),
                {"fields": sorted(patch.model_fields_set)},
            )
        return changed

    changed = await retried(transaction)
    shown = document_out(changed)
    response.headers["ETag"] = entity_tag(shown)
    return shown


@router.delete("/documents/{document_id}")
async def delete_one(
    document_id: DocumentIdPath, resources: ResourcesDep, caller: WritesDocuments
) -> DocumentDeleted:
    """Delete a document everywhere, with a signed receipt of what was removed.

    Nobody finds it from now on. Copies on disk and in memory are purged right after; the receipt
    says when that is done.
    """

    async def transaction() -> tuple[StoredReceipt, Deletion]:
        async with resources.database.tenant(
            caller.tenant_id, viewer=caller.managing_viewer
        ) as scope:
            deleted = await delete_document(
                scope, DocumentId(document_id), actor=caller.actor, now=resources.clock()
            )
            return deleted, await get_deletion(scope, DocumentId(document_id))

    # Before: a deletion that cannot be told of is not begun.
    async with resources.database.system() as system:
        key = await signing_key(system)
    deleted, deletion = await retried(transaction)
    try:
        for sha256 in deleted.sha256s:
            await discard_file(resources.database, resources.files, caller.tenant_id, sha256)
    except DependencyFailed as error:
        # The deletion stands; the purge takes the files away when their store is back.
        log.warning("deletion.files_left", code=error.code)
    return DocumentDeleted(receipt=receipt_out(deletion, key))


@router.get("/documents/{document_id}/receipt")
async def get_receipt(
    document_id: DocumentIdPath, resources: ResourcesDep, caller: ReadsReceipts
) -> DocumentDeleted:
    """The receipt of a deleted document as it is now, for who deleted it.

    And for keys with the scope `admin` whose principals could read the document.
    """
    async with resources.database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
        deletion = await get_deletion(scope, DocumentId(document_id))
    if deletion.owner != caller.owner and not caller.actor.is_admin:
        raise DocumentNotFound
    async with resources.database.system() as system:
        key = await signing_key(system)
    return DocumentDeleted(receipt=receipt_out(deletion, key))


@router.get("/receipts/keys")
async def get_keys(resources: ResourcesDep, _caller: ReadsReceipts) -> PublicKeys:
    """The public keys that check receipts."""
    async with resources.database.system() as system:
        keys = await public_keys(system)
    return PublicKeys(keys=[PublicKey(**key.jwk()) for key in keys])


def _attachment(name: str | None) -> str:
    """The header by which a browser saves the file under its name (RFC 6266, RFC 8187)."""
    if name is None or len(name) > MAX_SAVED_NAME_LENGTH:
        return "attachment"
    quoted = quote(name, safe="")
    # Older clients know the plain form alone.
    if quoted == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename*=UTF-8''{quoted}"
