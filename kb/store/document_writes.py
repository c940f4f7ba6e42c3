"""Writes of a document: its fields, its uploads, its status, the version it serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Update, bindparam, case, func, insert, null, select, update

from kb.ids import CollectionId, DocumentId, new_uuid
from kb.postgres.database import TenantSession
from kb.principals import Uploader
from kb.store.documents import (
    Content,
    Document,
    DocumentError,
    DocumentFields,
    DocumentStatus,
    document_of,
)
from kb.store.tables import collections, documents
from kb.store.webhook_events import Event, EventValue

# Built once: making a statement of thirty columns takes longer than its round trip. Its owner sees
# what it inserts, whoever its readers are.
_INSERT = (
    insert(documents)
    .values(uploaded_at=func.now())
    .returning(
        *documents.c,
        select(collections.c.name)
        .where(
            collections.c.tenant_id == bindparam("of_tenant"),
            collections.c.id == bindparam("in_collection"),
        )
        .scalar_subquery()
        .label("collection"),
    )
)

_UPDATE = (
    update(documents)
    .where(
        documents.c.tenant_id == bindparam("of_tenant"),
        documents.c.id == bindparam("document_id"),
    )
    .values(revision=documents.c.revision + 1)
)
_READERS = bindparam("readers", type_=documents.c.principals.type)
_SERVED = bindparam("served", type_=documents.c.upload.type)
_SET_PUBLISHED = _UPDATE.values(
    version=_SERVED,
    upload=_SERVED,
    principals=_READERS,
    waiting_principals=null(),
    shown_since=case(
        (documents.c.principals.contains(_READERS), documents.c.shown_since), else_=_SERVED
    ),
)


async def insert_document(
    scope: TenantSession,
    collection_id: CollectionId,
    fields: DocumentFields,
    content: Content,
    owner: Uploader,
) -> Document:
    """The new document, its first upload pending."""
    values = {
        "tenant_id": scope.tenant_id,
        "of_tenant": scope.tenant_id,
        "id": new_uuid(),
        "collection_id": collection_id,
        "in_collection": collection_id,
        "owner": owner.name,
        "owner_person": owner.person,
        "uploader": owner.name,
        "uploader_person": owner.person,
        "status": "pending",
        **_field_values(fields),
        **_content_values(content),
        **_served_values(content),
    }
    return document_of((await scope.connection.execute(_INSERT, values)).one(), scope.viewer)


async def update_fields(
    scope: TenantSession, document_id: DocumentId, fields: DocumentFields, *, now: datetime
) -> None:
    """Sets what the uploader says of a document; no other readers wait then.

    Needs a whole-tenant scope.
    """
    await scope.connection.execute(
        _update(scope, document_id).values(
            updated_at=now, waiting_principals=None, **_field_values(fields)
        )
    )


async def set_waiting_principals(
    scope: TenantSession, document_id: DocumentId, principals: Sequence[str] | None
) -> None:
    """Sets who may read the document once its newest upload is served; None: who may now.

    Needs a whole-tenant scope.
    """
    await scope.connection.execute(
        _update(scope, document_id).values(
            waiting_principals=None if principals is None else list(principals)
        )
    )


async def set_filename(
    scope: TenantSession, document_id: DocumentId, filename: str | None, *, now: datetime
) -> None:
    """Sets the name of the document's file, which was moved. Needs a whole-tenant scope."""
    await scope.connection.execute(
        _update(scope, document_id).values(
            filename=filename, served_filename=filename, updated_at=now
        )
    )


async def new_upload(
    scope: TenantSession,
    document_id: DocumentId,
    content: Content,
    *,
    uploader: Uploader,
    now: datetime,
) -> int:
    """The number of a further upload of the document, pending. Needs a whole-tenant scope."""
    table = documents.c
    query = (
        _update(scope, document_id)
        .values(
            upload=table.upload + 1,
            status="pending",
            error=None,
            updated_at=now,
            # The previous release stored a first upload without these.
            served_sha256=func.coalesce(table.served_sha256, table.content_sha256),
            served_media_type=func.coalesce(table.served_media_type, table.media_type),
            served_size_bytes=func.coalesce(table.served_size_bytes, table.size_bytes),
            **_content_values(content),
            **_uploader_values(uploader),
        )
        .returning(documents.c.upload)
    )
    return int((await scope.connection.execute(query)).scalar_one())


async def set_status(
    scope: TenantSession,
    document_id: DocumentId,
    status: DocumentStatus,
    *,
    error: DocumentError | None,
    now: datetime,
) -> None:
    """Sets the status and the error. Needs a whole-tenant scope."""
    await scope.connection.execute(
        _UPDATE,
        {**_named(scope, document_id), "status": status, "error": error, "updated_at": now},
    )


@dataclass(frozen=True, kw_only=True)
class Published:
    """A document that serves the version of its newest upload, and what was read of it."""

    document: Document
    chunk_count: int
    parsed_title: str | None
    warnings: Sequence[str]

    @property
    def status(self) -> DocumentStatus:
        """The document's from now on."""
        return "ready_with_warnings" if self.warnings else "ready"

    @property
    def event(self) -> Event:
        """What webhooks are to be told in the same transaction."""
        data: dict[str, EventValue] = {
            "id": str(self.document.id),
            "version": self.document.upload,
            "status": self.status,
        }
        return Event(type="document.ready", data=data)


async def set_published(scope: TenantSession, published: Sequence[Published]) -> None:
    """Points each document at the version of its newest upload, whose uploader now owns it.

    It counts as changed at its `updated_at`. Readers who are new with this version see none before
    it. Needs a whole-tenant scope.
    """
    rows = [_published_values(scope, each) for each in published]
    await scope.connection.execute(_SET_PUBLISHED, rows)


def _published_values(scope: TenantSession, published: Published) -> dict[str, object]:
    document = published.document
    return {
        **_named(scope, document.id),
        "readers": list(document.fields.principals),
        "served": document.upload,
        "owner": document.uploaded_by.name,
        "owner_person": document.uploaded_by.person,
        **_served_values(document.content),
        "chunk_count": published.chunk_count,
        "parsed_title": published.parsed_title,
        "detected_language": document.detected_language,
        "warnings": list(published.warnings),
        "status": published.status,
        "error": None,
        "updated_at": document.updated_at,
    }


def _update(scope: TenantSession, document_id: DocumentId) -> Update:
    return (
        update(documents)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id)
        .values(revision=documents.c.revision + 1)
    )


def _named(scope: TenantSession, document_id: DocumentId) -> dict[str, object]:
    return {"of_tenant": scope.tenant_id, "document_id": document_id}


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


def _served_values(content: Content) -> dict[str, object]:
    return {
        "served_filename": content.filename,
        "served_media_type": content.media_type,
        "served_sha256": content.sha256,
        "served_size_bytes": content.size_bytes,
    }


def _uploader_values(uploader: Uploader) -> dict[str, object]:
    return {
        "uploader": uploader.name,
        "uploader_person": uploader.person,
        "uploaded_at": func.now(),
    }
