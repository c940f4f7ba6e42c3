"""Answer records: stored with all that determined them, read by those who could have asked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.exc import IntegrityError

from kb.errors import AnswerNotFound, EvidenceDeleted, StillRunning
from kb.ids import AnswerId, DocumentId, Subject, new_uuid
from kb.postgres.database import TenantCaller, TenantSession, Viewer, constraint_of
from kb.principals import author_of, key_of, key_subject
from kb.store.audit import Actor
from kb.store.tables import answer_documents, answers, documents

_SHOWN: Final = "answer_documents_document_fkey"

CREATED: Final = "answer.create"
"""The audit trail's word for an answer that was given."""


@dataclass(frozen=True, kw_only=True)
class AnswerRecord:
    """One stored answer; request and response as they went over the wire."""

    id: AnswerId
    subject: Subject
    principals: tuple[str, ...]
    request: Mapping[str, object]
    response: Mapping[str, object]
    status: str
    generation: int
    created_at: datetime
    cited_document_ids: frozenset[UUID]
    trace: Mapping[str, object] = field(default_factory=dict)
    """All else that determined it. `claims` are what the generator wrote, which `read_answer` gives
    to those who could have asked; the rest is for operators."""


def asked_by(record: AnswerRecord) -> list[object]:
    """The record's id, who asked, and what, as functions in the database take them."""
    return [
        record.id,
        record.subject,
        # By it the previous release finds the answers of a key, as `recent_statuses` does.
        key_of(record.subject),
        list(record.principals),
        json.dumps(record.request),
    ]


def audited(actor: Actor) -> list[object]:
    """The event that an answer was given, as functions in the database take it."""
    return [new_uuid(), CREATED, actor.name, list(actor.principals), actor.request_id]


NOT_AUDITED: Final = (None,) * 5
"""The same of no event."""


async def insert_answer(scope: TenantCaller, record: AnswerRecord, actor: Actor) -> bool:
    """Stores the record, which documents it quotes, and that the actor asked.

    False when the viewer may not, or no longer, read one of these documents, and so not the answer.
    EvidenceDeleted when one of them was deleted meanwhile.
    """
    with evidence_may_be_deleted():
        (is_readable,) = await scope.call(
            "footnote_store_answer",
            [
                *asked_by(record),
                json.dumps(record.response),
                record.status,
                record.generation,
                record.created_at,
                json.dumps(record.trace),
                sorted(record.cited_document_ids),
                None if scope.viewer is None else list(scope.viewer.principals),
                *audited(actor),
            ],
        )
    return bool(is_readable)


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """A response as it was given, what only the record tells, and who asked."""

    response: Mapping[str, object]
    trace: Mapping[str, object]
    asker: str


async def read_answer(scope: TenantSession, answer_id: AnswerId) -> StoredAnswer:
    """The stored answer; AnswerNotFound unless the caller could get it today.

    The asker's principals must all be the caller's, and every quoted document must still be
    one the caller may read. StillRunning while a streamed answer is being made.
    """
    table = answers.c
    query = select(
        table.response,
        table.trace,
        table.status,
        table.subject,
        table.credential_id,
        table.principals,
    ).where(table.tenant_id == scope.tenant_id, table.id == answer_id)
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None or row.status == "failed" or not await is_readable(scope, answer_id):
        raise AnswerNotFound
    if row.status == "running":
        raise StillRunning("The answer is still being made.")
    # Answers of earlier releases name the key alone.
    subject = row.subject or key_subject(row.credential_id)
    return StoredAnswer(
        response=dict(row.response),
        trace=dict(row.trace),
        asker=author_of(subject, row.principals),
    )


async def recent_statuses(
    scope: TenantSession, *, subject: Subject, principals: Sequence[str], limit: int
) -> list[str]:
    """The statuses of this caller's last finished answers, newest first."""
    key = key_of(subject)
    # Answers of earlier releases name the key and no subject; each kind of row has its index.
    is_own = (
        answers.c.credential_id == key
        if key is not None
        else and_(answers.c.credential_id.is_(None), answers.c.subject == subject)
    )
    query = (
        select(answers.c.status)
        .where(answers.c.tenant_id == scope.tenant_id, is_own)
        .where(answers.c.principals == list(principals))
        .where(answers.c.status.not_in(["running", "failed"]))
        .order_by(answers.c.created_at.desc(), answers.c.id.desc())
        .limit(limit)
    )
    return list((await scope.connection.execute(query)).scalars())


async def count_answers(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of answers that show the document and that the viewer could get; None: of all."""
    shows_it = (
        select(1)
        .where(answer_documents.c.tenant_id == answers.c.tenant_id)
        .where(answer_documents.c.answer_id == answers.c.id)
        .where(answer_documents.c.document_id == document_id)
        .exists()
    )
    query = (
        select(func.count())
        .select_from(answers)
        .where(answers.c.tenant_id == scope.tenant_id, shows_it)
    )
    if scope.viewer is not None:
        query = query.where(answers.c.status != "failed", ~_shows_hidden(scope.viewer))
    return int((await scope.connection.execute(query)).scalar_one())


async def is_readable(scope: TenantSession, answer_id: AnswerId) -> bool:
    """True when the caller sees the answer and may read every document that it shows."""
    query = select(answers.c.id).where(
        answers.c.tenant_id == scope.tenant_id,
        answers.c.id == answer_id,
        ~_shows_hidden(scope.viewer),
    )
    return (await scope.connection.execute(query)).one_or_none() is not None


def _shows_hidden(viewer: Viewer | None) -> ColumnElement[bool]:
    """True for an answer that shows a document which the principals may not read.

    One that the viewer only owns is hidden too: answers are for readers.
    """
    is_visible = (
        select(1)
        .where(documents.c.tenant_id == answer_documents.c.tenant_id)
        .where(documents.c.id == answer_documents.c.document_id)
    )
    if viewer is not None:
        is_visible = is_visible.where(documents.c.principals.overlap(list(viewer.principals)))
    return (
        select(1)
        .where(answer_documents.c.tenant_id == answers.c.tenant_id)
        .where(answer_documents.c.answer_id == answers.c.id)
        .where(~is_visible.exists())
        .exists()
    )


@contextmanager
def evidence_may_be_deleted() -> Iterator[None]:
    """EvidenceDeleted when a document was deleted that the statement says an answer shows."""
    try:
        yield
    except (IntegrityError, psycopg.IntegrityError) as error:
        if constraint_of(error) == _SHOWN:
            raise EvidenceDeleted from error
        raise
