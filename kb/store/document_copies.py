"""Copies of a document's words outside of its own rows, and their deletion with it.

Answers that show it, later answers whose history repeats what those said, the first responses to
repeated requests, and the queue. Everything here needs a whole-tenant scope.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import delete, func, select, text

from kb.ids import AnswerId, DocumentId
from kb.postgres.database import TenantSession
from kb.store.tables import answer_documents, answers, jobs

MIN_REPEATED_CHARACTERS: Final = 12
"""A shorter sentence in a history may come from anywhere."""

ANSWERS_AT_ONCE: Final = 500
"""Histories looked through in one statement; one has 50 turns at most."""

GONE: Final = HTTPStatus.GONE.value

_FORGET_RESPONSES: Final = text(
    """
    UPDATE idempotency_keys SET status_code = :gone, response = NULL
    WHERE tenant_id = :tenant_id AND footnote_named(response) @> CAST(:named AS jsonb)
    """
)
_FORGET_JOBS: Final = text("SELECT footnote_forget_jobs(:tenant_id, CAST(:job_ids AS text[]))")


class _Claim(BaseModel):
    text: str = ""


class _Citation(BaseModel):
    quote: str = ""


class _Said(BaseModel):
    """The fields of a stored response that hold words of documents."""

    claims: list[_Claim] = Field(default_factory=list)
    citations: list[_Citation] = Field(default_factory=list)

    def sentences(self) -> Iterator[str]:
        yield from (claim.text for claim in self.claims)
        yield from (citation.quote for citation in self.citations)


class _Turn(BaseModel):
    content: str = ""


async def delete_answers(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of answers deleted: those that show the document, and those that repeat them.

    Their events go with them.
    """
    query = (
        select(answers.c.id, answers.c.response)
        .join(
            answer_documents,
            (answer_documents.c.tenant_id == answers.c.tenant_id)
            & (answer_documents.c.answer_id == answers.c.id),
        )
        .where(answers.c.tenant_id == scope.tenant_id)
        .where(answer_documents.c.document_id == document_id)
    )
    rows = (await scope.connection.execute(query)).all()
    if not rows:
        return 0
    said = {
        sentence
        for row in rows
        for sentence in _Said.model_validate(row.response).sentences()
        if len(sentence) >= MIN_REPEATED_CHARACTERS
    }
    first = min(row.id for row in rows)
    unwanted = [row.id for row in rows] + await _repeating(scope, said, after=first)
    deleted = await scope.connection.execute(
        delete(answers).where(answers.c.tenant_id == scope.tenant_id, answers.c.id.in_(unwanted))
    )
    return int(deleted.rowcount)


async def _repeating(scope: TenantSession, said: Collection[str], *, after: UUID) -> list[AnswerId]:
    """The later answers in whose history one of the sentences stands: clients send it along."""
    found: list[AnswerId] = []
    history = answers.c.request["history"]
    while said:
        query = (
            select(answers.c.id, history.label("history"))
            .where(answers.c.tenant_id == scope.tenant_id, answers.c.id > after)
            .where(func.jsonb_typeof(history) == "array")
            .order_by(answers.c.id)
            .limit(ANSWERS_AT_ONCE)
        )
        rows = (await scope.connection.execute(query)).all()
        for row in rows:
            turns = [_Turn.model_validate(turn).content for turn in row.history]
            if any(sentence in turn for turn in turns for sentence in said):
                found.append(AnswerId(row.id))
        if len(rows) < ANSWERS_AT_ONCE:
            break
        after = rows[-1].id
    return found


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
