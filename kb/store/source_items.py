"""The files of a source as they were when it was last looked at, and their documents.

All of this is for whoever manages the tenant: it needs a whole-tenant scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypedDict
from uuid import UUID

from sqlalchemy import RowMapping, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from kb.ids import DocumentId, SourceId
from kb.postgres.database import TenantSession
from kb.store.tables import documents, source_items

ItemState = Literal["present", "held", "confirmed", "deleted"]
"""Listed; not listed any more and waiting for a confirmation; confirmed; gone with its document."""

ROWS_A_STATEMENT: Final = 1_000
"""Ten values each: Postgres takes 65,535 in one statement."""


OF_DOCUMENT: Final = (
    documents.c.principals,
    documents.c.waiting_principals,
    documents.c.source_uri,
    documents.c.media_type,
)
"""Columns of an `ItemDocument`."""


class ItemError(TypedDict):
    """The reason why a file was not taken in, which holds until the file changes."""

    code: str
    message: str


class Sidecar(TypedDict, total=False):
    """The contents of a sidecar; times as text. An absent key says nothing."""

    principals: list[str]
    title: str
    metadata: dict[str, object]
    effective_at: str
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file of a source; `id` stays the same when the file is moved.

    `etag`, `size_bytes` and `content_sha256` are of the bytes that were last taken in or refused,
    None before that.
    """

    path: str
    id: UUID
    state: ItemState = "present"
    document_id: DocumentId | None = None
    etag: str | None = None
    size_bytes: int | None = None
    content_sha256: str | None = None
    sidecar_etag: str | None = None
    sidecar: Sidecar | None = None
    error: ItemError | None = None


@dataclass(frozen=True, kw_only=True)
class ItemDocument:
    """An item's document: its readers, now and once its newest upload is served, and its source.

    `media_type` is that of the newest upload.
    """

    principals: tuple[str, ...]
    waiting_principals: tuple[str, ...] | None
    source_uri: str | None
    media_type: str


@dataclass(frozen=True, kw_only=True)
class KnownItem:
    """An item with its document; None: there is none yet, or somebody has deleted it."""

    item: Item
    document: ItemDocument | None


async def known_items(scope: TenantSession, source_id: SourceId) -> list[KnownItem]:
    """The source's items in the order of their paths, read in one statement."""
    query = (
        select(
            *source_items.c,
            documents.c.id.label("present_document"),
            *OF_DOCUMENT,
        )
        .join_from(
            source_items,
            documents,
            and_(
                documents.c.tenant_id == source_items.c.tenant_id,
                documents.c.id == source_items.c.document_id,
            ),
            isouter=True,
        )
        .where(source_items.c.tenant_id == scope.tenant_id, source_items.c.source_id == source_id)
        .order_by(source_items.c.path)
    )
    return [
        KnownItem(
            item=Item(
                path=row.path,
                id=row.id,
                state=row.state,
                document_id=None if row.document_id is None else DocumentId(row.document_id),
                etag=row.etag,
                size_bytes=row.size_bytes,
                content_sha256=row.content_sha256,
                sidecar_etag=row.sidecar_etag,
                sidecar=row.sidecar,
                error=row.error,
            ),
            document=None if row.present_document is None else _item_document(row._mapping),
        )
        for row in await scope.connection.execute(query)
    ]


async def store_items(
    scope: TenantSession, source_id: SourceId, items: Sequence[Item], *, now: datetime
) -> None:
    """Stores the items, each in the place of one of the same path.

    Of what was deleted since it was read no word comes back.
    """
    for start in range(0, len(items), ROWS_A_STATEMENT):
        page = await _without_deleted_words(scope, items[start : start + ROWS_A_STATEMENT])
        rows = [
            {
                "tenant_id": scope.tenant_id,
                "source_id": source_id,
                "path": item.path,
                "id": item.id,
                "state": item.state,
                "document_id": item.document_id,
                "etag": item.etag,
                "size_bytes": item.size_bytes,
                "content_sha256": item.content_sha256,
                "sidecar_etag": item.sidecar_etag,
                "sidecar": item.sidecar,
                "error": item.error,
                "changed_at": now,
            }
            for item in page
        ]
        statement = insert(source_items).values(rows)
        key = ("tenant_id", "source_id", "path")
        replaced = {name: statement.excluded[name] for name in rows[0] if name not in key}
        await scope.connection.execute(
            statement.on_conflict_do_update(constraint="source_items_pkey", set_=replaced)
        )


async def _without_deleted_words(scope: TenantSession, items: Sequence[Item]) -> list[Item]:
    described = {item.document_id for item in items if item.document_id and item.sidecar}
    # Locked: a deletion that begins now waits, and then finds what the sidecar said.
    query = (
        select(documents.c.id)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id.in_(described))
        .order_by(documents.c.id)
        .with_for_update(key_share=True, read=True)
    )
    present = {*(await scope.connection.execute(query)).scalars()} if described else set[UUID]()
    return [
        item
        if item.document_id is None or item.document_id in present
        else replace(item, sidecar=without_words(item.sidecar), sidecar_etag=None)
        for item in items
    ]


def without_words(sidecar: Sidecar | None) -> Sidecar | None:
    """What is kept of the sidecar of a deleted document: who may read what its file becomes."""
    if sidecar is None or "principals" not in sidecar:
        return None
    return Sidecar(principals=sidecar["principals"])


async def forget_description(scope: TenantSession, document_id: DocumentId) -> None:
    """Takes what sidecars said of the document from its items, all but who may read it."""
    of_document = (
        source_items.c.tenant_id == scope.tenant_id,
        source_items.c.document_id == document_id,
    )
    described = await scope.connection.execute(
        select(source_items.c.source_id, source_items.c.path, source_items.c.sidecar).where(
            *of_document, source_items.c.sidecar.is_not(None)
        )
    )
    for row in described.all():
        await scope.connection.execute(
            update(source_items)
            .where(*of_document)
            .where(source_items.c.source_id == row.source_id, source_items.c.path == row.path)
            .values(sidecar=without_words(row.sidecar), sidecar_etag=None)
        )


async def forget_items(scope: TenantSession, source_id: SourceId, paths: Sequence[str]) -> None:
    """Deletes the items of these paths."""
    for start in range(0, len(paths), ROWS_A_STATEMENT):
        await scope.connection.execute(
            delete(source_items).where(
                source_items.c.tenant_id == scope.tenant_id,
                source_items.c.source_id == source_id,
                source_items.c.path.in_(paths[start : start + ROWS_A_STATEMENT]),
            )
        )


async def set_item_states(
    scope: TenantSession,
    source_id: SourceId,
    paths: Sequence[str],
    state: ItemState,
    *,
    now: datetime,
) -> None:
    """Sets the state of the items of these paths."""
    for start in range(0, len(paths), ROWS_A_STATEMENT):
        await scope.connection.execute(
            update(source_items)
            .where(
                source_items.c.tenant_id == scope.tenant_id,
                source_items.c.source_id == source_id,
                source_items.c.path.in_(paths[start : start + ROWS_A_STATEMENT]),
            )
            .values(state=state, changed_at=now)
        )


async def confirm_held_items(scope: TenantSession, source_id: SourceId, *, now: datetime) -> int:
    """The number of held deletions that the next run carries out, if the files are still gone."""
    confirmed = await scope.connection.execute(
        update(source_items)
        .where(
            source_items.c.tenant_id == scope.tenant_id,
            source_items.c.source_id == source_id,
            source_items.c.state == "held",
        )
        .values(state="confirmed", changed_at=now)
    )
    return int(confirmed.rowcount)


async def prune_deleted_items(
    scope: TenantSession, source_id: SourceId, *, before: datetime
) -> None:
    """Forgets the items whose files and documents went before that."""
    await scope.connection.execute(
        delete(source_items).where(
            source_items.c.tenant_id == scope.tenant_id,
            source_items.c.source_id == source_id,
            source_items.c.state == "deleted",
            source_items.c.changed_at < before,
        )
    )


async def documents_uploaded_as(
    scope: TenantSession, owner: str, external_ids: Sequence[str]
) -> dict[str, tuple[DocumentId, ItemDocument]]:
    """The documents that this uploader sent under these external ids, by external id."""
    found: dict[str, tuple[DocumentId, ItemDocument]] = {}
    for start in range(0, len(external_ids), ROWS_A_STATEMENT):
        query = (
            select(
                documents.c.external_id,
                documents.c.id,
                *OF_DOCUMENT,
            )
            .where(documents.c.tenant_id == scope.tenant_id, documents.c.owner == owner)
            .where(documents.c.external_id.in_(external_ids[start : start + ROWS_A_STATEMENT]))
        )
        for row in await scope.connection.execute(query):
            found[row.external_id] = (
                DocumentId(row.id),
                _item_document(row._mapping),
            )
    return found


def _item_document(row: RowMapping) -> ItemDocument:
    waiting = row["waiting_principals"]
    return ItemDocument(
        principals=tuple(row["principals"]),
        waiting_principals=None if waiting is None else tuple(waiting),
        source_uri=row["source_uri"],
        media_type=row["media_type"],
    )
