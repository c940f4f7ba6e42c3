"""Brings the readers of a source's documents into line: first who loses, last who gains."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ingest.sources.permissions import time_of
from ingest.sources.run import SourceRun
from ingest.sources.survey import Survey, Surveyed
from kb.errors import DocumentNotFound
from kb.ids import DocumentId
from kb.postgres.database import EVERYONE, TenantSession
from kb.source_uris import MAX_URI_LENGTH
from kb.store.audit import record_event
from kb.store.changes import change_fields, change_readers, lock_document, narrow_readers
from kb.store.documents import DocumentFields, get_document
from kb.store.source_items import Item, ItemDocument, KnownItem, Sidecar, store_items

DOCUMENTS_A_TRANSACTION: Final = 20
"""Each has its chunks and vectors changed; others wait for none of them longer than that takes."""


def document_fields(
    run: SourceRun, item: Item, uri: str, readers: Sequence[str], sidecar: Sidecar | None
) -> DocumentFields:
    """What the source says of a file's document."""
    said: Sidecar = sidecar if sidecar is not None else {}
    return DocumentFields(
        external_id=external_id(run, item),
        title=said.get("title"),
        source_uri=_stored_uri(uri),
        language=None,
        metadata=said.get("metadata", {}),
        principals=tuple(readers),
        effective_at=time_of(said.get("effective_at")),
        expires_at=time_of(said.get("expires_at")),
        supersedes=None,
    )


def external_id(run: SourceRun, item: Item) -> str:
    """The name of an item's document, which stays when the file is moved."""
    return f"source:{run.source.name}/{item.id}"


async def narrow_readers_of_all(
    run: SourceRun, survey: Survey, known: Mapping[str, KnownItem]
) -> None:
    """Takes documents from those who may read them no longer; nobody gains one.

    What is not listed, or has a fault, keeps only readers that its last sidecar and the rules of
    today both name.
    """
    allowed_by_document: dict[DocumentId, tuple[str, ...]] = {}
    for path, each in known.items():
        if each.item.document_id is None or each.document is None:
            continue
        surveyed = survey.files.get(path)
        allowed = (
            survey.readers.of_file(path, each.item.sidecar)
            if surveyed is None
            else surveyed.readers
        )
        if not _all_among(each.document, allowed):
            allowed_by_document[each.item.document_id] = allowed

    # In the order of their ids, as whoever else locks several does.
    waiting = sorted(allowed_by_document)
    for start in range(0, len(waiting), DOCUMENTS_A_TRANSACTION):
        page = waiting[start : start + DOCUMENTS_A_TRANSACTION]

        async def narrow(scope: TenantSession, page: Sequence[DocumentId] = page) -> None:
            for document_id in page:
                await lock_document(scope, document_id)
                try:
                    document = await get_document(scope, document_id)
                except DocumentNotFound:
                    continue
                allowed = allowed_by_document[document_id]
                if await narrow_readers(scope, document, allowed, now=run.tools.clock()):
                    await record_event(
                        scope,
                        run.actor,
                        "document.update",
                        str(document_id),
                        {"fields": ["principals"]},
                    )

        await run.transaction(narrow)


def is_described_anew(known: KnownItem, surveyed: Surveyed) -> bool:
    """True when the document's readers, address or sidecar are not what the source says."""
    document = known.document
    if document is None or known.item.document_id is None:
        return False
    expected = document.waiting_principals or document.principals
    return (
        expected != surveyed.readers
        or not _all_among(document, surveyed.readers)
        or known.item.sidecar_etag != surveyed.sidecar_etag
        or document.source_uri != _stored_uri(surveyed.file.uri)
    )


async def describe_anew(run: SourceRun, pairs: Sequence[tuple[KnownItem, Surveyed]]) -> None:
    """Gives the documents the readers and fields that the source says; their bytes are the same."""
    for start in range(0, len(pairs), DOCUMENTS_A_TRANSACTION):
        page = sorted(
            pairs[start : start + DOCUMENTS_A_TRANSACTION],
            key=lambda pair: str(pair[0].item.document_id),
        )

        async def describe(
            scope: TenantSession, page: Sequence[tuple[KnownItem, Surveyed]] = page
        ) -> None:
            for known, surveyed in page:
                await describe_document(run, scope, known.item, surveyed)
            items = [described_item(known.item, surveyed) for known, surveyed in page]
            await store_items(scope, run.source.id, items, now=run.tools.clock())

        await run.transaction(describe)


async def describe_document(
    run: SourceRun, scope: TenantSession, item: Item, surveyed: Surveyed
) -> None:
    """Gives one document the readers and fields that the source says; it may be gone."""
    assert item.document_id is not None  # noqa: S101  # only items with a document come here
    await lock_document(scope, item.document_id)
    try:
        document = await get_document(scope, item.document_id)
    except DocumentNotFound:
        return
    now = run.tools.clock()
    before = fields = document.fields
    uri = _stored_uri(surveyed.file.uri)
    if item.sidecar_etag != surveyed.sidecar_etag or fields.source_uri != uri:
        fields = document_fields(run, item, surveyed.file.uri, fields.principals, surveyed.sidecar)
        await change_fields(scope, document, fields, now=now)
        document = await get_document(scope, item.document_id)
    await change_readers(scope, document, surveyed.readers, now=now)
    after = replace(fields, principals=surveyed.readers)
    changed = [name for name, value in vars(after).items() if value != getattr(before, name)]
    if changed:
        details = {"fields": sorted(changed)}
        await record_event(scope, run.actor, "document.update", str(item.document_id), details)


def described_item(item: Item, surveyed: Surveyed) -> Item:
    """The item, listed, with the sidecar that it has now."""
    return replace(
        item, state="present", sidecar=surveyed.sidecar, sidecar_etag=surveyed.sidecar_etag
    )


def _stored_uri(uri: str) -> str | None:
    return uri if len(uri) <= MAX_URI_LENGTH else None


def _all_among(document: ItemDocument, allowed: Sequence[str]) -> bool:
    """True when all who read the document, or wait to, are among the allowed."""
    waiting = document.waiting_principals or ()
    return EVERYONE in allowed or {*document.principals, *waiting} <= {*allowed}
