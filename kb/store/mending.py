"""Mends rows that contradict each other, as `kb.store.contradictions` finds them.

What a document says of itself counts. Everything here needs a whole-tenant scope.
"""

from typing import Final

from sqlalchemy import delete, func, select, text

from kb.errors import DocumentNotFound
from kb.ids import DocumentId
from kb.postgres.database import TenantSession
from kb.store.changes import lock_document
from kb.store.chunks import set_chunk_principals
from kb.store.contradictions import find
from kb.store.document_copies import forget_queued
from kb.store.documents import get_document
from kb.store.tables import answers, chunks, document_versions, jobs
from kb.store.tenants import advance_generation
from kb.store.vectors import set_vector_principals

_DELETE_QUOTES: Final = text(
    "DELETE FROM answer_documents AS quoted WHERE tenant_id = :tenant_id AND NOT EXISTS ("
    "SELECT FROM documents WHERE documents.tenant_id = quoted.tenant_id"
    " AND documents.id = quoted.document_id)"
)


async def restore_readers(scope: TenantSession, document_id: DocumentId) -> bool:
    """True when its chunks and vectors have the document's readers again; False: it is gone."""
    await lock_document(scope, document_id)
    try:
        document = await get_document(scope, document_id)
    except DocumentNotFound:
        return False
    wrong = await scope.connection.execute(
        select(func.unnest(chunks.c.principals))
        .distinct()
        .where(chunks.c.tenant_id == scope.tenant_id, chunks.c.document_id == document_id)
    )
    readers = {*wrong.scalars(), *document.fields.principals}
    await set_chunk_principals(scope, document_id, document.fields.principals)
    await set_vector_principals(scope, document_id, document.fields.principals)
    await advance_generation(scope, document_id, readers=readers)
    return True


async def delete_orphans(scope: TenantSession, *, limit: int) -> int:
    """The number of deleted jobs, answers, versions and chunks whose document is gone.

    At most `limit` of each kind. Vectors are found by their chunks.
    """
    orphans = {
        name: await find(scope, f"{name}_without_document", limit=limit)
        for name in ("jobs", "quotes", "versions", "chunks")
    }
    await scope.connection.execute(
        delete(jobs).where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id.in_(orphans["jobs"]))
    )
    await forget_queued(scope, orphans["jobs"])
    await scope.connection.execute(
        delete(answers).where(
            answers.c.tenant_id == scope.tenant_id, answers.c.id.in_(orphans["quotes"])
        )
    )
    # Those whose answer is gone too.
    if orphans["quotes"]:
        await scope.connection.execute(_DELETE_QUOTES, {"tenant_id": scope.tenant_id})
    gone = sorted({*orphans["versions"], *orphans["chunks"]})
    for table in (chunks, document_versions):
        await scope.connection.execute(
            delete(table).where(table.c.tenant_id == scope.tenant_id, table.c.document_id.in_(gone))
        )
    return sum(len(found) for found in orphans.values())
