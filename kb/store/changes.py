"""Changes to a document that take effect with the very next query: fields, readers, deletion.

Readers decide reading. Who uploaded the version that is served may also read and manage it;
everybody else sees of a document only the states and errors of their own uploads. A reader changes
a document only as the person who uploaded it, or with a key that may change whatever it sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from sqlalchemy import ColumnElement, case, delete, func, select, text, union, update

from kb.errors import DocumentOfAnother
from kb.ids import DocumentId
from kb.postgres.database import EVERYONE, TenantSession
from kb.store.answers import count_answers
from kb.store.audit import Actor, record_event
from kb.store.chunks import delete_chunks, set_chunk_language, set_chunk_principals
from kb.store.deletions import DeletionReason, DocumentReceipt, NewDeletion, insert_deletion
from kb.store.document_copies import delete_answers, delete_jobs, forget_responses
from kb.store.document_writes import set_waiting_principals, update_fields
from kb.store.documents import Document, DocumentFields, get_document
from kb.store.jobs import count_jobs, shown_jobs
from kb.store.source_items import forget_description
from kb.store.tables import document_versions, documents, jobs
from kb.store.tenants import advance_generation, read_generations
from kb.store.vectors import delete_vectors, set_vector_principals
from kb.store.webhook_events import Event, emit

# A context is the title and headings, told apart by ` > `; a long one has lost its end. The vectors
# keep the words that they were made of until the next version.
_RETITLE = text(
    """
    UPDATE chunks SET context = CASE
        WHEN CAST(:old AS text) = '' OR context = '' THEN concat_ws(
            ' > ', nullif(CAST(:new AS text), ''), nullif(context, '')
        )
        WHEN starts_with(context, :old || ' > ') THEN concat_ws(
            ' > ', nullif(:new, ''), substr(context, length(:old || ' > ') + 1)
        )
        ELSE :new
    END
    WHERE tenant_id = :tenant_id AND document_id = :document_id
        AND (:old = '' OR starts_with(context, :old || ' > ') OR starts_with(:old, context))
    """
)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The numbers of things that a deletion removed, by store.

    `sha256s` name the files that nothing refers to now. `files` counts those that no document
    the caller can see refers to, or it would tell of others with the same bytes; `answers` and
    `jobs` count those the caller could get, though all are deleted.
    """

    document_id: DocumentId
    content_sha256: str
    deleted_at: datetime
    documents: int
    versions: int
    chunks: int
    vectors: int
    answers: int
    jobs: int
    files: int
    generation: int
    reason: DeletionReason
    sha256s: tuple[str, ...]

    def record(self) -> DocumentReceipt:
        """The receipt as it is stored and signed."""
        return DocumentReceipt(
            document_id=str(self.document_id),
            content_sha256=self.content_sha256,
            reason=self.reason,
            documents=self.documents,
            versions=self.versions,
            chunks=self.chunks,
            vectors=self.vectors,
            answers=self.answers,
            jobs=self.jobs,
            files=self.files,
            generation=self.generation,
        )


class DeletedRows(TypedDict):
    """The numbers of rows that a deletion removed, whoever may see them."""

    versions: int
    answers: int
    responses: int
    vectors: int
    chunks: int
    documents: int


async def lock_document(scope: TenantSession, document_id: DocumentId) -> None:
    """Makes other changes of the document wait. Needs a whole-tenant scope."""
    await scope.connection.execute(
        select(documents.c.id)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id)
        .with_for_update()
    )


def require_change(document: Document, actor: Actor) -> None:
    """DocumentOfAnother unless the actor may change the document, which it sees."""
    # Once a replacement waits, the fields are its uploader's: who is replaced must not undo them.
    holder = document.uploaded_by if document.is_replacement_waiting else document.owned_by
    if actor.is_admin or holder.is_same(actor.uploader):
        return
    # An application may act for anyone, so it may tidy up what it uploaded for them.
    if actor.subject is None or not holder.is_subject(actor.subject):
        raise DocumentOfAnother


async def lock_to_change(scope: TenantSession, document_id: DocumentId, actor: Actor) -> Document:
    """The document, which nobody else changes until the transaction ends.

    DocumentNotFound when the viewer does not see it, DocumentOfAnother when the actor may not
    change it.
    """
    await get_document(scope, document_id)
    async with scope.whole_tenant() as whole:
        await lock_document(whole, document_id)
    # Whoever held it while this waited may have deleted it or taken it away.
    document = await get_document(scope, document_id)
    require_change(document, actor)
    return document


def readers_of_both(document: Document, principals: Sequence[str]) -> tuple[str, ...]:
    """Those of the document's readers that are among the principals; nobody may be left."""
    if EVERYONE in document.fields.principals:
        return tuple(principals)
    if EVERYONE in principals:
        return document.fields.principals
    return tuple(sorted({*document.fields.principals} & {*principals}))


async def narrow_readers(
    scope: TenantSession, document: Document, principals: Sequence[str], *, now: datetime
) -> bool:
    """True when somebody lost the document: only those among the principals go on reading it.

    Nobody gains it, and nobody waits for it any more who is not among them. Needs a whole-tenant
    scope and the document locked.
    """
    both = readers_of_both(document, principals)
    if both != document.fields.principals:
        fields = replace(document.fields, principals=both)
        await change_fields(scope, document, fields, now=now)
        return True
    if document.waiting_principals is not None:
        await set_waiting_principals(scope, document.id, None)
    return False


async def change_readers(
    scope: TenantSession, document: Document, principals: Sequence[str], *, now: datetime
) -> None:
    """Makes the principals the document's readers: who loses it at once, who gains it in time.

    While an upload waits to be served, the version before it must not be shown to anybody new; the
    new readers wait with the upload. Needs a whole-tenant scope and the document locked.
    """
    wanted = tuple(principals)
    if not document.version or document.version == document.upload:
        fields = replace(document.fields, principals=wanted)
        await change_fields(scope, document, fields, now=now)
        return
    both = readers_of_both(document, wanted)
    await change_fields(scope, document, replace(document.fields, principals=both), now=now)
    await set_waiting_principals(scope, document.id, wanted)


async def change_fields(
    scope: TenantSession, document: Document, fields: DocumentFields, *, now: datetime
) -> None:
    """Sets the fields; readers change with them, and no others wait. Needs a whole-tenant scope."""
    if fields == document.fields:
        if document.waiting_principals is not None:
            await set_waiting_principals(scope, document.id, None)
        return
    await update_fields(scope, document.id, fields, now=now)
    if fields.principals != document.fields.principals:
        await set_chunk_principals(scope, document.id, fields.principals)
        await set_vector_principals(scope, document.id, fields.principals)
    changed = replace(document, fields=fields)
    if changed.title != document.title:
        # The index finds the document's chunks by the words of the new title.
        await scope.connection.execute(
            _RETITLE,
            {
                "tenant_id": scope.tenant_id,
                "document_id": document.id,
                "old": " ".join((document.title or "").split()),
                "new": " ".join((changed.title or "").split()),
            },
        )
    if changed.language != document.language:
        await set_chunk_language(scope, document.id, changed.language)
    readers = {*document.fields.principals, *fields.principals}
    await advance_generation(scope, document.id, readers=readers)


async def delete_document(
    scope: TenantSession,
    document_id: DocumentId,
    *,
    actor: Actor,
    now: datetime,
    reason: DeletionReason = "request",
) -> Receipt:
    """The receipt; DocumentNotFound when the caller cannot see the document.

    DocumentOfAnother when it is somebody else's to delete. Everything that repeats the document's
    words goes with it, and is gone when the transaction is committed. Processes of the API then
    purge their copies and the files of `sha256s`; who wants the latter to go at once does it.
    """
    document = await lock_to_change(scope, document_id, actor)
    uploaded = await _uploaded_files(scope, document)
    visibly_unshared = await _unshared(scope, document, uploaded)
    visible_answers = await count_answers(scope, document_id)
    visible_jobs = await count_jobs(scope, document_id)
    async with scope.whole_tenant() as whole:
        stored = await get_document(whole, document_id)
        sha256s = await _unshared(whole, stored, await _uploaded_files(whole, stored))
        deleted = await _delete_rows(whole, document_id)
        receipt = Receipt(
            document_id=document_id,
            content_sha256=document.content.sha256,
            deleted_at=now,
            answers=visible_answers,
            vectors=deleted["vectors"],
            chunks=deleted["chunks"],
            jobs=visible_jobs,
            versions=deleted["versions"],
            documents=deleted["documents"],
            files=len(visibly_unshared),
            generation=await advance_generation(
                whole, document_id, readers=document.fields.principals
            ),
            reason=reason,
            sha256s=sha256s,
        )
        tenants_own = receipt.generation
        receipt = replace(receipt, generation=(await read_generations(scope)).caller)
        deletion = NewDeletion(
            receipt=receipt.record(),
            owner=actor.name,
            principals=stored.fields.principals,
            generation=tenants_own,
            sha256s=sha256s,
            deleted_at=now,
        )
        await insert_deletion(whole, deletion)
        await _record_deletion(whole, receipt, deleted, actor)
        await emit(whole, Event(type="document.deleted", data={"id": str(document_id)}), now=now)
    return receipt


async def _record_deletion(
    scope: TenantSession, receipt: Receipt, deleted: DeletedRows, actor: Actor
) -> None:
    """Appends the deletion to the audit trail, with all answers, whoever asked for them."""
    await record_event(
        scope,
        actor,
        "document.delete",
        str(receipt.document_id),
        {
            "content_sha256": receipt.content_sha256,
            "versions": receipt.versions,
            "chunks": receipt.chunks,
            "vectors": receipt.vectors,
            "answers": deleted["answers"],
            "responses": deleted["responses"],
            "reason": receipt.reason,
        },
    )


async def _uploaded_files(scope: TenantSession, document: Document) -> set[str]:
    """The hashes of those of this document's uploads that the scope may know of."""
    table = document_versions.c
    query = union(
        select(table.content_sha256).where(
            table.tenant_id == scope.tenant_id, table.document_id == document.id
        ),
        select(jobs.c.content_sha256)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.document_id == document.id)
        .where(jobs.c.content_sha256.is_not(None), shown_jobs(scope)),
    )
    return {*(await scope.connection.execute(query)).scalars(), document.content.sha256}


async def _unshared(
    scope: TenantSession, document: Document, uploaded: set[str]
) -> tuple[str, ...]:
    """Those of its files that no other document in view has, as far as the viewer may know."""
    known: ColumnElement[str | None] = documents.c.content_sha256
    if scope.viewer is not None:
        is_known = documents.c.upload <= func.greatest(documents.c.version, 1)
        known = case((is_known, documents.c.content_sha256), else_=documents.c.served_sha256)
    others = union(
        select(document_versions.c.content_sha256)
        .where(document_versions.c.tenant_id == scope.tenant_id)
        .where(document_versions.c.document_id != document.id)
        .where(document_versions.c.content_sha256.in_(uploaded)),
        select(known)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.id != document.id)
        .where(known.in_(uploaded)),
    )
    shared = set((await scope.connection.execute(others)).scalars())
    return tuple(sorted(uploaded - shared))


async def _delete_rows(scope: TenantSession, document_id: DocumentId) -> DeletedRows:
    """The numbers of rows deleted, the document's own and all that belong to it."""
    version_count = await scope.connection.execute(
        select(func.count()).where(
            document_versions.c.tenant_id == scope.tenant_id,
            document_versions.c.document_id == document_id,
        )
    )
    answer_count = await delete_answers(scope, document_id)
    response_count = await forget_responses(scope, document_id)
    await delete_jobs(scope, document_id)
    await forget_description(scope, document_id)
    vectors = await delete_vectors(scope, document_id)
    chunks = await delete_chunks(scope, document_id)
    await scope.connection.execute(
        update(documents)
        .where(documents.c.tenant_id == scope.tenant_id, documents.c.supersedes == document_id)
        .values(supersedes=None, revision=documents.c.revision + 1)
    )
    # Its versions go with the document's row.
    deleted_documents = await scope.connection.execute(
        delete(documents).where(
            documents.c.tenant_id == scope.tenant_id, documents.c.id == document_id
        )
    )
    return DeletedRows(
        versions=int(version_count.scalar_one()),
        answers=answer_count,
        responses=response_count,
        vectors=vectors,
        chunks=chunks,
        documents=int(deleted_documents.rowcount),
    )
