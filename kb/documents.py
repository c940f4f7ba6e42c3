"""Documents and their immutable versions, as one tenant's eyes see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Row, Select, Update, and_, insert, select, text, update

from kb.admissible import document_condition
from kb.database import TenantSession
from kb.errors import DocumentNotFound
from kb.filters import Filter
from kb.ids import CollectionId, DocumentId, new_uuid
from kb.tables import collections, documents


class DocumentError(TypedDict):
    """Why a document could not be read."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DocumentFields:
    """What an uploader says of a document."""

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
class Document:
    """A document as it is stored.

    `version` is the one being served (0: none yet), `upload` the newest upload; versions are
    numbered by their upload. `revision` grows with every change.
    """

    id: DocumentId
    collection_id: CollectionId
    collection: str
    owner: str
    fields: DocumentFields
    parsed_title: str | None
    detected_language: str | None
    content: Content
    status: str
    warnings: tuple[str, ...]
    error: DocumentError | None
    version: int
    upload: int
    revision: int
    chunk_count: int
    created_at: datetime
    updated_at: datetime

    @property
    def title(self) -> str | None:
        """The title its uploader gave, else the one found in the document."""
        return self.fields.title or self.parsed_title

    @property
    def language(self) -> str | None:
        """The language its uploader gave, else the one found in the document."""
        return self.fields.language or self.detected_language


async def lock_external_id(scope: TenantSession, collection_id: CollectionId, name: str) -> None:
    """Makes concurrent uploads of one external_id wait for each other."""
    await scope.connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"{scope.tenant_id}/{collection_id}/{name}"},
    )


async def find_by_external_id(
    scope: TenantSession, collection_id: CollectionId, external_id: str
) -> Document | None:
    """The oldest visible document of that external_id."""
    query = (
        _select(scope)
        .where(documents.c.collection_id == collection_id)
        .where(documents.c.external_id == external_id)
        .order_by(documents.c.id)
        .limit(1)
    )
    row = (await scope.connection.execute(query)).one_or_none()
    return _document(row) if row else None


async def get_document(scope: TenantSession, document_id: DocumentId) -> Document:
    """The document; DocumentNotFound when it does not exist or may not be seen."""
    query = _select(scope).where(documents.c.id == document_id)
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        raise DocumentNotFound
    return _document(row)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which documents to list; None: any."""

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
        query = query.where(documents.c.status == listing.status)
    if listing.external_id is not None:
        query = query.where(documents.c.external_id == listing.external_id)
    if listing.filter is not None:
        query = query.where(document_condition(listing.filter))
    return [_document(row) for row in await scope.connection.execute(query)]


async def insert_document(
    scope: TenantSession,
    collection_id: CollectionId,
    fields: DocumentFields,
    content: Content,
    owner: str,
) -> DocumentId:
    """The id of a new document, its first upload pending."""
    document_id = DocumentId(new_uuid())
    await scope.connection.execute(
        insert(documents).values(
            tenant_id=scope.tenant_id,
            id=document_id,
            collection_id=collection_id,
            owner=owner,
            status="pending",
            **_field_values(fields),
            **_content_values(content),
        )
    )
    return document_id


async def update_fields(
    scope: TenantSession, document_id: DocumentId, fields: DocumentFields, *, now: datetime
) -> None:
    """Sets what the uploader says of a document. Needs a whole-tenant scope."""
    await scope.connection.execute(
        _update(scope, document_id).values(updated_at=now, **_field_values(fields))
    )


async def new_upload(
    scope: TenantSession, document_id: DocumentId, content: Content, *, now: datetime
) -> int:
    """The number of a further upload of the document, pending. Needs a whole-tenant scope."""
    query = (
        _update(scope, document_id)
        .values(
            upload=documents.c.upload + 1,
            status="pending",
            error=None,
            updated_at=now,
            **_content_values(content),
        )
        .returning(documents.c.upload)
    )
    return int((await scope.connection.execute(query)).scalar_one())


async def set_status(
    scope: TenantSession,
    document_id: DocumentId,
    status: str,
    *,
    error: DocumentError | None,
    now: datetime,
) -> None:
    """Sets the status and the error. Needs a whole-tenant scope."""
    await scope.connection.execute(
        _update(scope, document_id).values(status=status, error=error, updated_at=now)
    )


async def set_published(
    scope: TenantSession,
    document: Document,
    *,
    chunk_count: int,
    parsed_title: str | None,
    warnings: Sequence[str],
    now: datetime,
) -> None:
    """Points the document at the version of its newest upload. Needs a whole-tenant scope."""
    await scope.connection.execute(
        _update(scope, document.id).values(
            version=document.upload,
            served_sha256=document.content.sha256,
            chunk_count=chunk_count,
            parsed_title=parsed_title,
            detected_language=document.detected_language,
            warnings=list(warnings),
            status="ready_with_warnings" if warnings else "ready",
            error=None,
            updated_at=now,
        )
    )


def _select(scope: TenantSession) -> Select[tuple[object, ...]]:
    return (
        select(*documents.c, collections.c.name.label("collection"))
        .join(
            collections,
            and_(
                collections.c.tenant_id == documents.c.tenant_id,
                collections.c.id == documents.c.collection_id,
            ),
        )
        .where(documents.c.tenant_id == scope.tenant_id)
    )


def _update(scope: TenantSession, document_id: DocumentId) -> Update:
    return (
        update(documents)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id)
        .values(revision=documents.c.revision + 1)
    )


def _field_values(fields: DocumentFields) -> dict[str, object]:
    return {
        "external_id": fields.external_id,
        "title": fields.title,
        "source_uri": fields.source_uri,
        "language": fields.language,
        "metadata": fields.metadata,
        "principals": list(fields.principals),
        "effective_at": fields.effective_at,
        "expires_at": fields.expires_at,
        "supersedes": fields.supersedes,
    }


def _content_values(content: Content) -> dict[str, object]:
    return {
        "filename": content.filename,
        "media_type": content.media_type,
        "content_sha256": content.sha256,
        "size_bytes": content.size_bytes,
    }


def _document(row: Row[tuple[object, ...]]) -> Document:
    return Document(
        id=DocumentId(row.id),
        collection_id=CollectionId(row.collection_id),
        collection=row.collection,
        owner=row.owner,
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
    )
