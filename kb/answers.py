"""Answer records: stored with all that determined them, read by those who could have asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select

from kb.database import TenantSession
from kb.errors import AnswerNotFound
from kb.ids import AnswerId, CredentialId
from kb.tables import answer_documents, answers, documents


@dataclass(frozen=True, kw_only=True)
class AnswerRecord:
    """One stored answer; request and response as they went over the wire."""

    id: AnswerId
    credential_id: CredentialId
    principals: tuple[str, ...]
    request: Mapping[str, object]
    response: Mapping[str, object]
    status: str
    generation: int
    created_at: datetime
    cited_document_ids: frozenset[UUID]


async def insert_answer(scope: TenantSession, record: AnswerRecord) -> None:
    """Stores the record and which documents it quotes."""
    await scope.connection.execute(
        insert(answers).values(
            tenant_id=scope.tenant_id,
            id=record.id,
            credential_id=record.credential_id,
            principals=list(record.principals),
            request=record.request,
            response=record.response,
            status=record.status,
            generation=record.generation,
            created_at=record.created_at,
        )
    )
    await _insert_cited(scope, record.id, record.cited_document_ids)


async def read_answer(scope: TenantSession, answer_id: AnswerId) -> Mapping[str, object]:
    """The stored response; AnswerNotFound unless the caller could get it today.

    The asker's principals must all be the caller's, and every quoted document must still be
    one the caller may read.
    """
    query = select(answers.c.response).where(
        answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id
    )
    response = (await scope.connection.execute(query)).scalar_one_or_none()
    if response is None or await _unreadable_count(scope, answer_id) > 0:
        raise AnswerNotFound
    return dict(response)


async def _insert_cited(
    scope: TenantSession, answer_id: AnswerId, document_ids: Iterable[UUID]
) -> None:
    rows = [
        {"tenant_id": scope.tenant_id, "answer_id": answer_id, "document_id": document_id}
        for document_id in sorted(document_ids)
    ]
    if rows:
        await scope.connection.execute(insert(answer_documents), rows)


async def _unreadable_count(scope: TenantSession, answer_id: AnswerId) -> int:
    is_readable = (
        select(1)
        .where(documents.c.tenant_id == answer_documents.c.tenant_id)
        .where(documents.c.id == answer_documents.c.document_id)
        .exists()
    )
    query = (
        select(func.count())
        .select_from(answer_documents)
        .where(answer_documents.c.tenant_id == scope.tenant_id)
        .where(answer_documents.c.answer_id == answer_id)
        .where(~is_readable)
    )
    return int((await scope.connection.execute(query)).scalar_one())
