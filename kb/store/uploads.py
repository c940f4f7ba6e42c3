"""Taking an upload in: bytes to the file store, then document and job in one transaction."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from kb.errors import (
    AlreadyExists,
    Conflict,
    DependencyFailed,
    DiskFull,
    DocumentOfAnother,
    InvalidInput,
    NotFound,
    UploadTooLarge,
)
from kb.file_names import file_name
from kb.files import FileStore
from kb.ids import CollectionId, DocumentId, TenantId
from kb.media_types import sniff
from kb.postgres.database import Database, TenantSession, Viewer, retried
from kb.principals import validate_principals
from kb.store.audit import Actor, record_event
from kb.store.changes import change_fields, change_readers, lock_document, require_change
from kb.store.collections import ensure_collection
from kb.store.document_writes import insert_document, new_upload, set_filename
from kb.store.documents import (
    Content,
    Document,
    DocumentFields,
    find_by_external_id,
    find_own_upload,
    get_document,
    lock_external_id,
    shown_to,
)
from kb.store.job_kinds import INGEST, JobPriority
from kb.store.jobs import FINISHED, Job, enqueue_job, latest_job
from kb.store.stored_files import discard_file, lock_file
from kb.store.tenants import advance_generation

UploadMode = Literal["create", "upsert"]

SMALL_BYTES: Final = 16_000
"""Recognised and hashed in .1 ms: a thread would take longer to begin."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to store, with all that its uploader says of it."""

    content: bytes
    filename: str | None
    declared_media_type: str | None
    collection: str
    mode: UploadMode | None
    """None: upsert when there is an external_id, else create."""
    fields: DocumentFields
    priority: JobPriority = "single"
    are_readers_of_both_first: bool = False
    """Until new bytes are served, only those read the document who may read both versions."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A stored upload; no job when nothing has to be read again."""

    document: Document
    job: Job | None


AlongWith: TypeAlias = Callable[[TenantSession, Accepted], Awaitable[None]]
"""Writes what is to be stored with the upload, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Takes uploads of at most `max_bytes` in."""

    database: Database
    files: FileStore
    max_bytes: int

    async def accept(
        self,
        tenant_id: TenantId,
        upload: Upload,
        *,
        viewer: Viewer,
        actor: Actor,
        now: datetime,
        along_with: AlongWith | None = None,
    ) -> Accepted:
        """The stored document and its job; `along_with` writes in the same transaction.

        Raises UploadTooLarge, DocumentEmpty, UnsupportedMediaType, InvalidPrincipal,
        AlreadyExists (mode `create`), DocumentNotFound for an unknown `supersedes`, InvalidInput
        when that is the document itself, DocumentOfAnother when what it replaces or supersedes is
        somebody else's to change, and DiskFull.
        """
        content = await self.describe(upload)
        principals = tuple(validate_principals(upload.fields.principals))
        upload = replace(upload, fields=replace(upload.fields, principals=principals))
        # Before the transaction: a committed document always has its bytes.
        await self.files.write(tenant_id, content.sha256, upload.content)

        async def transaction() -> Accepted:
            async with self.database.tenant(tenant_id, viewer=viewer) as scope:
                await lock_file(scope, content.sha256)
                # A deletion may have taken them away just now; where it has not, this only looks.
                await self.files.write(tenant_id, content.sha256, upload.content)
                accepted = await _store(scope, upload, content, actor, now)
                if along_with is not None:
                    await along_with(scope, accepted)
            return accepted

        try:
            return await retried(transaction)
        except (Conflict, InvalidInput, NotFound):
            await discard_file(self.database, self.files, tenant_id, content.sha256)
            raise
        except DiskFull:
            # The night deletes them where this cannot.
            with suppress(DependencyFailed):
                await discard_file(self.database, self.files, tenant_id, content.sha256)
            raise

    async def describe(self, upload: Upload) -> Content:
        """The content to store; UploadTooLarge, DocumentEmpty or UnsupportedMediaType for none."""
        if len(upload.content) > self.max_bytes:
            raise UploadTooLarge(f"The upload is larger than {self.max_bytes} bytes.")
        if len(upload.content) <= SMALL_BYTES:
            return _described(upload)
        # A tenth of a second for the largest ones, in which others are served.
        return await asyncio.to_thread(_described, upload)


def _described(upload: Upload) -> Content:
    filename = file_name(upload.filename)
    return Content(
        filename=filename,
        media_type=sniff(upload.content, filename=filename, declared=upload.declared_media_type),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        size_bytes=len(upload.content),
    )


async def _store(
    scope: TenantSession, upload: Upload, content: Content, actor: Actor, now: datetime
) -> Accepted:
    collection_id = await ensure_collection(scope, upload.collection)
    if upload.fields.supersedes is not None:
        require_change(await get_document(scope, upload.fields.supersedes), actor)
    present = await _present(scope, collection_id, upload, actor)
    if present is None:
        new = await insert_document(scope, collection_id, upload.fields, content, actor.uploader)
        await record_event(scope, actor, "document.create", str(new.id))
        return await _queued(scope, new, actor, upload.priority)
    # Somebody else's upload that waits says nothing, not even that it has the same bytes.
    is_known = present.upload == present.version or present.uploaded_by.is_same(actor.uploader)
    # Another name may say that the same bytes are to be read in another way.
    is_same = (present.content.sha256, present.content.media_type) == (
        content.sha256,
        content.media_type,
    )
    if is_known and is_same and present.error is None:
        is_renamed = content.filename not in {None, present.content.filename}
        # While another upload waits, its own name does as well.
        is_renamed &= present.upload == present.version
        if upload.fields != present.fields or is_renamed:
            async with scope.whole_tenant() as whole:
                if is_renamed:
                    await set_filename(whole, present.id, content.filename, now=now)
                    await advance_generation(whole, present.id, readers=present.fields.principals)
                await _change(whole, present, upload, now)
            await record_event(scope, actor, "document.update", str(present.id))
        async with scope.whole_tenant() as whole:
            job = await latest_job(whole, present.id)
        return Accepted(
            document=await _reread(scope, present.id),
            job=job if job and job.reads_the_upload and job.status not in FINISHED else None,
        )

    async with scope.whole_tenant() as whole:
        await new_upload(whole, present.id, content, uploader=actor.uploader, now=now)
        await _change(whole, await get_document(whole, present.id), upload, now)
        stored = await get_document(whole, present.id)
    await record_event(scope, actor, "document.upload", str(present.id))
    return await _queued(scope, stored, actor, upload.priority)


async def _change(scope: TenantSession, present: Document, upload: Upload, now: datetime) -> None:
    if not upload.are_readers_of_both_first:
        await change_fields(scope, present, upload.fields, now=now)
        return
    fields = replace(upload.fields, principals=present.fields.principals)
    await change_fields(scope, present, fields, now=now)
    present = replace(present, fields=fields)
    await change_readers(scope, present, upload.fields.principals, now=now)


async def _present(
    scope: TenantSession, collection_id: CollectionId, upload: Upload, actor: Actor
) -> Document | None:
    """The document of that external_id as it is stored, locked; None when there is none yet."""
    external_id = upload.fields.external_id
    if external_id is None:
        return None
    if not await lock_external_id(scope, collection_id, external_id):
        return None
    present = await _lock_present(scope, collection_id, external_id, actor)
    if present is None:
        return None
    if upload.mode == "create":
        raise AlreadyExists(f"A document with external_id {external_id!r} exists already.")
    if upload.fields.supersedes == present.id:
        raise InvalidInput("A document cannot supersede itself: nothing would be left of it.")
    try:
        require_change(present, actor)
    except DocumentOfAnother as error:
        raise DocumentOfAnother(
            f"Somebody else uploaded the document with external_id {external_id!r} that you may "
            "read: choose another external_id, or send a key of theirs or with the scope 'admin'."
        ) from error
    return present


async def _lock_present(
    scope: TenantSession, collection_id: CollectionId, external_id: str, actor: Actor
) -> Document | None:
    uploader = actor.uploader
    locked: set[DocumentId] = set()
    while True:
        seen = await find_by_external_id(scope, collection_id, external_id, uploader=uploader)
        found = None if seen is None else seen.id
        async with scope.whole_tenant() as whole:
            if seen is None or seen.owned_by.name != uploader.name:
                own = await find_own_upload(whole, collection_id, external_id, uploader=uploader)
                found = own or found
            if found is None:
                return None
            if found in locked:
                return await get_document(whole, found)
            # It may be deleted, published or taken away while this waits: look again.
            await lock_document(whole, found)
            locked.add(found)


async def _queued(
    scope: TenantSession, stored: Document, actor: Actor, priority: JobPriority
) -> Accepted:
    job = await enqueue_job(scope, INGEST, owner=actor.name, document=stored, priority=priority)
    return Accepted(document=shown_to(stored, scope.viewer), job=job)


async def _reread(scope: TenantSession, document_id: DocumentId) -> Document:
    """The document read as the whole tenant: its uploader may just have given it away."""
    async with scope.whole_tenant() as whole:
        return await get_document(whole, document_id, shown_to=scope.viewer)
