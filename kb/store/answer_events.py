"""Streamed answers while they are made: their events, and whether anybody makes or follows them.

The events are rows, so that a caller whose connection broke goes on at any node. They are read
under row security each time: what was taken away from the caller is told no more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Text,
    Uuid,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from kb.errors import AnswerNotFound
from kb.ids import AnswerId
from kb.postgres.database import TenantSession
from kb.store.answers import AnswerRecord, columns_of, evidence_may_be_deleted
from kb.store.tables import answers

KEPT_FOR: Final = timedelta(hours=1)
"""A stream can be resumed for so long; the finished answer itself stays."""

RUNNING: Final = "running"
FAILED: Final = "failed"
COMPLETED_EVENT: Final = "answer.completed"


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """One event as callers get it; numbers count from 1 without a gap."""

    number: int
    name: str
    data: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """The events since a number; `alive_at` is the last sign of life of their maker."""

    events: tuple[StreamEvent, ...]
    is_running: bool
    alive_at: datetime


_FORGET: Final = text(
    """
    WITH unfinished AS (
        DELETE FROM answers
        WHERE tenant_id = :tenant_id AND status IN ('running', 'failed') AND created_at < :before
    )
    DELETE FROM answer_events WHERE tenant_id = :tenant_id AND created_at < :before
    """
).bindparams(bindparam("tenant_id", type_=Uuid), bindparam("before", type_=DateTime(timezone=True)))

_WRITE: Final = text(
    """
    WITH written AS (
        UPDATE answers
        SET alive_at = :now,
            status = coalesce(:status, status),
            response = coalesce(:response, response),
            trace = coalesce(:trace, trace),
            generation = coalesce(:generation, generation)
        WHERE tenant_id = :tenant_id AND id = :answer_id
        RETURNING id
    ), shown AS (
        INSERT INTO answer_documents (tenant_id, answer_id, document_id)
        SELECT :tenant_id, written.id, cited.id
        FROM written, unnest(:document_ids) AS cited (id)
        ON CONFLICT DO NOTHING
    ), told AS (
        INSERT INTO answer_events (tenant_id, answer_id, number, name, data)
        SELECT :tenant_id, written.id, told.number, told.name, told.data
        FROM written, jsonb_to_recordset(:events) AS told (number int, name text, data jsonb)
    )
    SELECT id FROM written
    """
).bindparams(
    *(bindparam(name, type_=Uuid) for name in ("tenant_id", "answer_id")),
    *(bindparam(name, type_=JSONB(none_as_null=True)) for name in ("response", "trace", "events")),
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("status", type_=Text),
    bindparam("generation", type_=BigInteger),
    bindparam("document_ids", type_=ARRAY(Uuid)),
)
"""All that is to be told, in one round trip: its events, what they show, and what it comes to."""

_READ: Final = text(
    """
    SELECT status, alive_at,
           CASE WHEN status NOT IN ('running', 'failed') THEN response END AS response,
           (
               SELECT jsonb_agg(
                   jsonb_build_object('number', number, 'name', name, 'data', data) ORDER BY number
               )
               FROM answer_events
               WHERE tenant_id = :tenant_id AND answer_id = :answer_id AND number > :after
           ) AS events,
           EXISTS (
               SELECT FROM answer_events WHERE tenant_id = :tenant_id AND answer_id = :answer_id
           ) AS has_events
    FROM answers
    WHERE tenant_id = :tenant_id AND id = :answer_id AND alive_at IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM answer_documents AS shown
          WHERE shown.tenant_id = :tenant_id AND shown.answer_id = :answer_id
            AND NOT EXISTS (
                SELECT FROM documents
                WHERE documents.tenant_id = :tenant_id AND documents.id = shown.document_id
                  AND (:readers IS NULL OR documents.principals && :readers)
            )
      )
    """
).bindparams(
    *(bindparam(name, type_=Uuid) for name in ("tenant_id", "answer_id")),
    bindparam("after", type_=BigInteger),
    bindparam("readers", type_=ARRAY(Text)),
)
"""In one round trip, and of one moment: no answer without its last event."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Events in order, and the documents whose words they show."""

    events: Sequence[StreamEvent]
    document_ids: Collection[UUID] = ()


async def begin_stream(
    scope: TenantSession,
    record: AnswerRecord,
    first: StreamEvent,
    *,
    owner: str,
    request_sha256: str,
    now: datetime,
) -> None:
    """Stores an answer that is about to be made, and its first event."""
    stored = insert(answers).values(
        **columns_of(scope.tenant_id, record),
        owner=owner,
        request_sha256=request_sha256,
        alive_at=now,
        followed_at=now,
    )
    await scope.connection.execute(stored)
    async with scope.whole_tenant() as whole:
        await append_events(whole, record.id, Told(events=[first]), now=now)


async def forget_streams(scope: TenantSession, *, now: datetime) -> None:
    """Deletes what nobody can resume any more: events, and whole streams that came to no end.

    Needs a whole-tenant scope.
    """
    oldest = {"tenant_id": scope.tenant_id, "before": now - KEPT_FOR}
    await scope.connection.execute(_FORGET, oldest)


async def append_events(
    scope: TenantSession, answer_id: AnswerId, told: Told, *, now: datetime
) -> None:
    """Adds the events and the documents that they show; AnswerNotFound when the answer was deleted.

    EvidenceDeleted when one of the documents was. Needs a whole-tenant scope.
    """
    await _write(scope, answer_id, told, now=now)


async def complete_stream(
    scope: TenantSession, record: AnswerRecord, told: Told, *, number: int, now: datetime
) -> None:
    """Adds the events and ends the stream with the answer, which is its last one, of that number.

    Errors as above.
    """
    # Not stored twice: the event's data is the stored response.
    last = StreamEvent(number=number, name=COMPLETED_EVENT, data={})
    await _write(
        scope,
        record.id,
        Told(
            events=[*told.events, last],
            document_ids={*told.document_ids, *record.cited_document_ids},
        ),
        now=now,
        record=record,
        status=record.status,
    )


async def fail_stream(
    scope: TenantSession, answer_id: AnswerId, event: StreamEvent, *, now: datetime
) -> None:
    """Ends the stream with an error. Needs a whole-tenant scope."""
    await _write(scope, answer_id, Told(events=[event]), now=now, status=FAILED)


async def keep_alive(scope: TenantSession, answer_id: AnswerId, *, now: datetime) -> datetime:
    """Says that somebody still makes the answer; gives back when somebody last followed it.

    AnswerNotFound when the answer was deleted meanwhile. Needs a whole-tenant scope.
    """
    followed_at = await scope.connection.execute(
        update(answers)
        .where(answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id)
        .values(alive_at=now)
        .returning(answers.c.followed_at)
    )
    row = followed_at.one_or_none()
    if row is None:
        raise AnswerNotFound
    last: datetime = row.followed_at
    return last


async def follow_stream(scope: TenantSession, answer_id: AnswerId, *, now: datetime) -> None:
    """Says that somebody still wants the answer; nothing when the caller cannot see it."""
    visible = select(answers.c.id).where(
        answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id
    )
    if (await scope.connection.execute(visible)).one_or_none() is None:
        return
    async with scope.whole_tenant() as whole:
        await _set(whole, answer_id, followed_at=now)


async def read_events(scope: TenantSession, answer_id: AnswerId, *, after: int) -> StreamState:
    """The events after that number; AnswerNotFound unless the caller may know all of them.

    Of a finished stream whose events are kept no longer the last one, with the answer.
    """
    asked = {
        "tenant_id": scope.tenant_id,
        "answer_id": answer_id,
        "after": after,
        "readers": None if scope.viewer is None else list(scope.viewer.principals),
    }
    row = (await scope.connection.execute(_READ, asked)).one_or_none()
    if row is None:
        raise AnswerNotFound
    events = [
        StreamEvent(number=event["number"], name=event["name"], data=event["data"] or {})
        for event in row.events or ()
    ]
    if not row.has_events and row.status != RUNNING:
        # Their time is over; what they came to is the answer.
        events = [StreamEvent(number=after + 1, name=COMPLETED_EVENT, data={})]
    if events and events[-1].name == COMPLETED_EVENT:
        if row.response is None:
            raise AnswerNotFound
        events[-1] = replace(events[-1], data=row.response)
    return StreamState(
        events=tuple(events), is_running=row.status == RUNNING, alive_at=row.alive_at
    )


async def find_stream(
    scope: TenantSession, *, owner: str, request_sha256: str, now: datetime
) -> AnswerId | None:
    """The caller's newest stream of the same request that can still be resumed."""
    query = (
        select(answers.c.id)
        .where(answers.c.tenant_id == scope.tenant_id, answers.c.owner == owner)
        .where(answers.c.request_sha256 == request_sha256)
        .where(answers.c.created_at > now - KEPT_FOR)
        .order_by(answers.c.created_at.desc(), answers.c.id.desc())
        .limit(1)
    )
    found = (await scope.connection.execute(query)).scalar_one_or_none()
    return None if found is None else AnswerId(found)


async def _set(scope: TenantSession, answer_id: AnswerId, **values: object) -> None:
    await scope.connection.execute(
        update(answers)
        .where(answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id)
        .values(**values)
    )


async def _write(  # what one statement says
    scope: TenantSession,
    answer_id: AnswerId,
    told: Told,
    *,
    now: datetime,
    record: AnswerRecord | None = None,
    status: str | None = None,
) -> None:
    with evidence_may_be_deleted():
        written = await scope.connection.execute(
            _WRITE,
            {
                "tenant_id": scope.tenant_id,
                "answer_id": answer_id,
                "now": now,
                "status": status,
                "response": None if record is None else record.response,
                "trace": None if record is None else record.trace,
                "generation": None if record is None else record.generation,
                "document_ids": sorted(told.document_ids),
                "events": [
                    {"number": event.number, "name": event.name, "data": event.data or None}
                    for event in told.events
                ],
            },
        )
    if written.one_or_none() is None:
        raise AnswerNotFound
