"""Documents and their immutable versions, as one viewer of a tenant sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypedDict, assert_never
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    text,
)

from kb.errors import DocumentNotFound
from kb.ids import CollectionId, DocumentId
from kb.postgres.database import TenantSession, Viewer
from kb.principals import Uploader
from kb.store.admissible import document_condition
from kb.store.filters import Filter
from kb.store.tables import collections, documents

# Built once: making a statement of forty columns takes as long as its round trip.
STORED = (
    select(*documents.c, collections.c.name.label("collection"))
    .join(
        collections,
        and_(
            collections.c.tenant_id == documents.c.tenant_id,
            collections.c.id == documents.c.collection_id,
        ),
    )
    .where(documents.c.tenant_id == bindparam("tenant_id"))
)
_BY_ID = STORED.where(documents.c.id == bindparam("document_id"))
_LOCK_NAME = text("SELECT footnote_lock_name(:tenant_id, :collection_id, :name)")

DocumentStatus = Literal[
    "pending", "processing", "ready", "ready_with_warnings", "failed", "deleting", "deleted"
]

NEWER_UPLOAD_FAILED = "newer_upload_failed"
"""Begins the warning of an upload that is not served; its error's code follows."""

PendingStatus = Literal["pending", "processing", "failed"]


class DocumentError(TypedDict):
    """The reason why a document could not be read."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DocumentFields:
    """The properties that an uploader gives a document."""

    external_id: str | None
    title: str | None
    source_uri: str | None
    language: str | None
    metadata: dict[str, object]
    principals: tuple[str, ...]
    effective_at: datetime | None
    expires_at: datetime | None
    supersedes: DocumentId | None


@dataclass(frozen=True, kw_only=True)
class Content:
    """The uploaded bytes, described."""

    filename: str | None
    media_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class PendingUpload:
    """An upload that is newer than the served version: not read yet, or not to be read."""

    status: PendingStatus
    error: DocumentError | None
    content_sha256: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document as its session's viewer sees it; whole-tenant, as it is stored.

    `version` is the one being served (0: none yet), `upload` the newest upload; versions are
    numbered by their upload. `revision` grows with every change. `owner` uploaded the served
    version (the first upload, while there is none), `uploader` the newest upload.

    As stored, `content`, `status` and `error` are those of the newest upload. Viewers see those of
    the served version, and beside it in `pending_upload` a newer upload of their own.

    `waiting_principals` are the readers from the moment on at which the newest upload is served;
    None: nothing changes then.
    """

    id: DocumentId
    collection_id: CollectionId
    collection: str
    owned_by: Uploader
    uploaded_by: Uploader
    is_replacement_waiting: bool
    fields: DocumentFields
    parsed_title: str | None
    detected_language: str | None
    content: Content
    status: DocumentStatus
    warnings: tuple[str, ...]
    error: DocumentError | None
    version: int
    upload: int
    revision: int
    chunk_count: int
    created_at: datetime
    updated_at: datetime
    served_content: Content
    uploaded_at: datetime
    waiting_principals: tuple[str, ...] | None = None
    pending_upload: PendingUpload | None = None

    @property
    def title(self) -> str | None:
        """The title its uploader gave, else the one found in the document."""
        return self.fields.title or self.parsed_title

    @property
    def language(self) -> str | None:
        """The language its uploader gave, else the one found in the document."""
        return self.fields.language or self.detected_language

    def awaits(self, upload: int | None, *, is_reread: bool) -> bool:
        """True while a job has to serve this upload, or to read it again, which is served."""
        is_served = self.version == self.upload
        return self.upload == upload and is_served == is_reread


async def lock_external_id(scope: TenantSession, collection_id: CollectionId, name: str) -> bool:
    """Makes concurrent uploads of one external_id wait for each other.

    True when the tenant has a document of it, whoever may read that: to be told to nobody.
    """
    values = {"tenant_id": scope.tenant_id, "collection_id": collection_id, "name": name}
    return bool((await scope.connection.execute(_LOCK_NAME, values)).scalar_one())


async def find_by_external_id(
    scope: TenantSession, collection_id: CollectionId, external_id: str, *, uploader: Uploader
) -> Document | None:
    """The visible document of that external_id: the uploader's own, their person's, the oldest."""
    query = (
        _select(scope)
        .where(documents.c.collection_id == collection_id)
        .where(documents.c.external_id == external_id)
        .order_by(*_nearest_first(uploader))
        .limit(1)
    )
    row = (await scope.connection.execute(query)).one_or_none()
    return document_of(row, scope.viewer) if row else None


async def find_named(
    scope: TenantSession, collection: str, external_ids: Sequence[str], *, uploader: Uploader
) -> dict[str, Document]:
    """The visible documents by external_id, of each the one that `find_by_external_id` finds."""
    query = (
        _select(scope)
        .where(collections.c.name == collection)
        .where(documents.c.external_id.in_(external_ids))
        .order_by(*_nearest_first(uploader))
    )
    found: dict[str, Document] = {}
    for row in await scope.connection.execute(query):
        found.setdefault(row.external_id, document_of(row, scope.viewer))
    return found


def _nearest_first(uploader: Uploader) -> tuple[ColumnElement[Any], ...]:
    return (
        (documents.c.owner == uploader.name).desc(),
        (func.coalesce(documents.c.owner_person, "") == (uploader.person or "?")).desc(),
        documents.c.id,
    )


async def find_own_upload(
    scope: TenantSession, collection_id: CollectionId, external_id: str, *, uploader: Uploader
) -> DocumentId | None:
    """The document of that external_id whose newest upload is the uploader's and not yet served.

    Needs a whole-tenant scope: its readers, which that upload named, may leave the uploader out.
    """
    query = (
        select(documents.c.id)
        .where(documents.c.tenant_id == scope.tenant_id)
        .where(documents.c.collection_id == collection_id)
        .where(documents.c.external_id == external_id)
        .where(documents.c.uploader == uploader.name, documents.c.upload > documents.c.version)
        .order_by(documents.c.id)
        .limit(1)
    )
    found = (await scope.connection.execute(query)).scalar_one_or_none()
    return None if found is None else DocumentId(found)


async def get_document(
    scope: TenantSession, document_id: DocumentId, *, shown_to: Viewer | None = None
) -> Document:
    """The document; DocumentNotFound when it does not exist or may not be seen.

    `shown_to` are the viewer to show it to when the scope has none of its own.
    """
    parameters = {"tenant_id": scope.tenant_id, "document_id": document_id}
    row = (await scope.connection.execute(_BY_ID, parameters)).one_or_none()
    if row is None:
        raise DocumentNotFound
    return document_of(row, shown_to or scope.viewer)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The documents to list; None: any."""

    collection: str | None = None
    status: str | None = None
    external_id: str | None = None
    filter: Filter | None = None


async def list_documents(
    scope: TenantSession, listing: Listing, *, after: UUID | None, limit: int
) -> list[Document]:
    """Visible documents in the order of their upload, after the given id."""
    query = _select(scope).order_by(documents.c.id).limit(limit)
    if after is not None:
        query = query.where(documents.c.id > after)
    if listing.collection is not None:
        query = query.where(collections.c.name == listing.collection)
    if listing.status is not None:
        query = query.where(_shown_status(scope.viewer) == listing.status)
    if listing.external_id is not None:
        query = query.where(documents.c.external_id == listing.external_id)
    if listing.filter is not None:
        query = query.where(document_condition(listing.filter))
    return [document_of(row, scope.viewer) for row in await scope.connection.execute(query)]


def _select(scope: TenantSession) -> Select[tuple[object, ...]]:
    return STORED.params(tenant_id=scope.tenant_id)


def _shown_status(viewer: Viewer | None) -> ColumnElement[str]:
    """The status that `shown_to` gives, for a list to choose by."""
    if viewer is None:
        return documents.c.status
    table, uploader = documents.c, viewer.uploader
    is_own: ColumnElement[bool] = false()
    if uploader is not None:
        is_same = or_(table.uploader == uploader.name, table.uploader_person == uploader.person)
        is_own = func.coalesce(is_same, false())
    served = case(
        (func.jsonb_array_length(table.warnings) > 0, "ready_with_warnings"), else_="ready"
    )
    is_hidden = and_(table.version > 0, table.upload > table.version, ~is_own)
    return case((is_hidden, served), else_=table.status)


def shown_to(document: Document, viewer: Viewer | None) -> Document:
    """The stored document as the viewer sees it; None: as it is stored.

    Without what only the uploader of an upload that is not served may know of it.
    """
    if viewer is None or document.upload <= max(document.version, 1):
        return document
    is_own = viewer.uploader is not None and document.uploaded_by.is_same(viewer.uploader)
    if not is_own:
        served: DocumentStatus = "ready_with_warnings" if document.warnings else "ready"
        return replace(
            document,
            content=document.served_content,
            status=served if document.version else document.status,
            error=None,
        )
    if not document.version:
        return document
    match document.status:
        case "pending" | "processing":
            status: PendingStatus = document.status
        case "failed" | "ready" | "ready_with_warnings" | "deleting" | "deleted":
            # The document itself goes on as it was when a newer upload cannot be read.
            status = "failed"
        case _:
            assert_never(document.status)
    pending = PendingUpload(
        status=status,
        error=document.error,
        content_sha256=document.content.sha256,
        created_at=document.uploaded_at,
    )
    warnings = document.warnings
    if document.error is not None:
        warnings += (f"{NEWER_UPLOAD_FAILED}: {document.error['code']}",)
    return replace(
        document, content=document.served_content, pending_upload=pending, warnings=warnings
    )


def document_of(row: Row[*tuple[Any, ...]], viewer: Viewer | None) -> Document:
    """The document of a whole row with its `collection`, as `shown_to` the viewer."""
    owned_by = Uploader(name=row.owner, person=row.owner_person)
    stored = Document(
        id=DocumentId(row.id),
        collection_id=CollectionId(row.collection_id),
        collection=row.collection,
        owned_by=owned_by,
        uploaded_by=Uploader(name=row.uploader, person=row.uploader_person)
        if row.uploader
        else owned_by,
        is_replacement_waiting=row.upload > max(row.version, 1) and row.error is None,
        fields=DocumentFields(
            external_id=row.external_id,
            title=row.title,
            source_uri=row.source_uri,
            language=row.language,
            metadata=row.metadata,
            principals=tuple(row.principals),
            effective_at=row.effective_at,
            expires_at=row.expires_at,
            supersedes=row.supersedes,
        ),
        parsed_title=row.parsed_title,
        detected_language=row.detected_language,
        content=Content(
            filename=row.filename,
            media_type=row.media_type,
            sha256=row.content_sha256,
            size_bytes=row.size_bytes,
        ),
        status=row.status,
        warnings=tuple(row.warnings),
        error=row.error,
        version=row.version,
        upload=row.upload,
        revision=row.revision,
        chunk_count=row.chunk_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        served_content=Content(
            filename=row.served_filename,
            media_type=row.served_media_type or row.media_type,
            sha256=row.served_sha256 or row.content_sha256,
            size_bytes=row.size_bytes if row.served_size_bytes is None else row.served_size_bytes,
        ),
        uploaded_at=row.uploaded_at or row.created_at,
        waiting_principals=None
        if row.waiting_principals is None
        else tuple(row.waiting_principals),
    )
    return shown_to(stored, viewer)
