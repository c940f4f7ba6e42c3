"""Streamed answers while they are made: their events, and whether anybody makes or follows them.

The events are rows, so that a caller whose connection broke goes on at any node. They are read
under row security each time: what was taken away from the caller is told no more.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, Uuid, bindparam, select, text, update

from kb.errors import AnswerNotFound
from kb.ids import AnswerId
from kb.postgres.database import TenantCaller, TenantSession
from kb.store.answers import (
    NOT_AUDITED,
    AnswerRecord,
    asked_by,
    audited,
    evidence_may_be_deleted,
)
from kb.store.audit import Actor
from kb.store.tables import answers

KEPT_FOR: Final = timedelta(hours=1)
"""A stream can be resumed for so long; the finished answer itself stays."""

RUNNING: Final = "running"
FAILED: Final = "failed"
COMPLETED_EVENT: Final = "answer.completed"
ERROR_EVENT: Final = "error"

_UNCHANGED: Final = (None,) * 4
"""Status, response, trace and generation of an answer that is still being made."""


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
    scope: TenantCaller,
    record: AnswerRecord,
    first: StreamEvent,
    *,
    owner: str,
    request_sha256: str,
) -> None:
    """Stores an answer that is about to be made, and its first event."""
    await scope.call(
        "footnote_begin_answer",
        [
            *asked_by(record),
            record.created_at,
            owner,
            request_sha256,
            first.name,
            json.dumps(first.data),
        ],
    )


async def forget_streams(scope: TenantSession, *, now: datetime) -> None:
    """Deletes what nobody can resume any more: events, and whole streams that came to no end.

    Needs a whole-tenant scope.
    """
    oldest = {"tenant_id": scope.tenant_id, "before": now - KEPT_FOR}
    await scope.connection.execute(_FORGET, oldest)


async def append_events(
    scope: TenantCaller,
    answer_id: AnswerId,
    told: Told,
    *,
    readers: tuple[str, ...] | None,
    now: datetime,
) -> bool:
    """Adds the events and the documents that they show.

    True when the readers, if any, may read all that the answer has shown. AnswerNotFound when it
    was deleted or has ended, EvidenceDeleted when one of the documents was deleted. Needs a
    whole-tenant scope.
    """
    return await _tell(
        scope,
        [
            *(answer_id, now, _rows(told.events), sorted(told.document_ids)),
            *_UNCHANGED,
            None if readers is None else list(readers),
            *NOT_AUDITED,
        ],
    )


async def complete_stream(  # what one statement says
    scope: TenantCaller,
    record: AnswerRecord,
    told: Told,
    actor: Actor,
    *,
    readers: tuple[str, ...] | None,
    now: datetime,
) -> bool:
    """Adds the events, the last of which ends the stream with the answer, and that the actor asked.

    Result and errors as above.
    """
    # Not stored twice: the last event's data is the stored response.
    *others, last = told.events
    return await _tell(
        scope,
        [
            *(record.id, now, _rows([*others, replace(last, data={})])),
            sorted({*told.document_ids, *record.cited_document_ids}),
            *(record.status, json.dumps(record.response), json.dumps(record.trace)),
            record.generation,
            None if readers is None else list(readers),
            *audited(actor),
        ],
    )


async def fail_stream(
    scope: TenantCaller, answer_id: AnswerId, problem: Mapping[str, object], *, now: datetime
) -> bool:
    """Ends the stream with an error behind all that is stored. Needs a whole-tenant scope.

    False when it has ended, or was deleted: then nothing is stored.
    """
    event = {"number": None, "name": ERROR_EVENT, "data": problem}
    told: list[object] = [answer_id, now, json.dumps([event]), []]
    told += [FAILED, *_UNCHANGED[1:], None, *NOT_AUDITED]
    is_stored, _ = await scope.call("footnote_tell_answer", told)
    return bool(is_stored)


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


def _rows(events: Sequence[StreamEvent]) -> str:
    return json.dumps(
        [
            {"number": event.number, "name": event.name, "data": event.data or None}
            for event in events
        ]
    )


async def _tell(scope: TenantCaller, arguments: Sequence[object]) -> bool:
    with evidence_may_be_deleted():
        is_stored, is_readable = await scope.call("footnote_tell_answer", arguments)
    if not is_stored:
        raise AnswerNotFound
    return bool(is_readable)
