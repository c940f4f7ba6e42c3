"""Copies of a document's words outside of its own rows, and their deletion with it.

Answers that show it, the first responses to repeated requests, and the queue. Everything here needs
a whole-tenant scope.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, text

from kb.ids import DocumentId
from kb.postgres.database import TenantSession
from kb.store.tables import answer_documents, answers, jobs

GONE: Final = HTTPStatus.GONE.value

_FORGET_RESPONSES: Final = text(
    """
    UPDATE idempotency_keys SET status_code = :gone, response = NULL
    WHERE tenant_id = :tenant_id AND footnote_named(response) @> CAST(:named AS jsonb)
    """
)
_FORGET_JOBS: Final = text("SELECT footnote_forget_jobs(:tenant_id, CAST(:job_ids AS text[]))")


async def delete_answers(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of answers deleted that show the document; their events go with them.

    Later answers hold no word of theirs: what the assistant said before is not stored.
    """
    showing = select(answer_documents.c.answer_id).where(
        answer_documents.c.tenant_id == scope.tenant_id,
        answer_documents.c.document_id == document_id,
    )
    deleted = await scope.connection.execute(
        delete(answers).where(answers.c.tenant_id == scope.tenant_id, answers.c.id.in_(showing))
    )
    return int(deleted.rowcount)


async def forget_responses(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of stored responses that named the document; their requests are gone now."""
    forgotten = await scope.connection.execute(
        _FORGET_RESPONSES,
        {
            "gone": GONE,
            "tenant_id": scope.tenant_id,
            "named": json.dumps([str(document_id)]),
        },
    )
    return int(forgotten.rowcount)


async def delete_jobs(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of the document's jobs deleted, in the queue too."""
    deleted = await scope.connection.execute(
        delete(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.document_id == document_id)
        .returning(jobs.c.id)
    )
    job_ids = [str(job_id) for job_id in deleted.scalars()]
    await forget_queued(scope, job_ids)
    return len(job_ids)


async def forget_queued(scope: TenantSession, job_ids: Sequence[str]) -> None:
    """Takes these jobs from the queue; who has one in hand finds that it ended."""
    if job_ids:
        await scope.connection.execute(
            _FORGET_JOBS, {"tenant_id": str(scope.tenant_id), "job_ids": list(job_ids)}
        )


def named_documents(body: object) -> set[UUID]:
    """The ids of documents that a response shows: `document.id` and `document_id`, at any depth."""
    match body:
        case Mapping():
            named = {each for value in body.values() for each in named_documents(value)}
            document = body.get("document")
            shown = document.get("id") if isinstance(document, Mapping) else None
            for value in (body.get("document_id"), shown):
                if isinstance(value, str):
                    named.add(UUID(value))
            return named
        case list():
            return {each for value in body for each in named_documents(value)}
        case _:
            return set()
