"""Streamed answers while they are made: their events, and whether anybody makes or follows them.

The events are rows, so that a caller whose connection broke goes on at any node. They are read
under row security each time: what was taken away from the caller is told no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from kb.errors import AnswerNotFound
from kb.ids import AnswerId
from kb.postgres.database import TenantSession
from kb.store.answers import AnswerRecord, add_cited, insert_answer, is_readable, read_answer
from kb.store.tables import answer_events, answers

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


async def begin_stream(
    scope: TenantSession, record: AnswerRecord, *, owner: str, request_sha256: str, now: datetime
) -> None:
    """Stores an answer that is about to be made, and forgets events nobody can ask for."""
    await insert_answer(scope, record)
    async with scope.whole_tenant() as whole:
        await whole.connection.execute(
            update(answers)
            .where(answers.c.tenant_id == whole.tenant_id, answers.c.id == record.id)
            .values(owner=owner, request_sha256=request_sha256, alive_at=now, followed_at=now)
        )
        # Streams that never came to an end or failed go whole, of the others the events.
        await whole.connection.execute(
            delete(answers).where(
                answers.c.tenant_id == whole.tenant_id,
                answers.c.status.in_([RUNNING, FAILED]),
                answers.c.created_at < now - KEPT_FOR,
            )
        )
        await whole.connection.execute(
            delete(answer_events).where(
                answer_events.c.tenant_id == whole.tenant_id,
                answer_events.c.created_at < now - KEPT_FOR,
            )
        )


async def append_event(
    scope: TenantSession,
    answer_id: AnswerId,
    event: StreamEvent,
    *,
    document_ids: Iterable[UUID],
    now: datetime,
) -> None:
    """Adds an event and the documents it shows; AnswerNotFound when the answer was deleted.

    Needs a whole-tenant scope.
    """
    await keep_alive(scope, answer_id, now=now)
    await add_cited(scope, answer_id, document_ids)
    await _insert_event(scope, answer_id, event.number, event.name, event.data)


async def complete_stream(
    scope: TenantSession, record: AnswerRecord, *, number: int, now: datetime
) -> None:
    """Ends the stream with the answer, which is its last event; AnswerNotFound as above."""
    await keep_alive(scope, record.id, now=now)
    await add_cited(scope, record.id, record.cited_document_ids)
    await _set(
        scope,
        record.id,
        response=record.response,
        status=record.status,
        generation=record.generation,
        trace=record.trace,
    )
    # Not stored twice: the event's data is the stored response.
    await _insert_event(scope, record.id, number, COMPLETED_EVENT, None)


async def fail_stream(
    scope: TenantSession, answer_id: AnswerId, event: StreamEvent, *, now: datetime
) -> None:
    """Ends the stream with an error. Needs a whole-tenant scope."""
    await keep_alive(scope, answer_id, now=now)
    await _set(scope, answer_id, status=FAILED)
    await _insert_event(scope, answer_id, event.number, event.name, event.data)


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
    query = select(answers.c.status, answers.c.alive_at).where(
        answers.c.tenant_id == scope.tenant_id,
        answers.c.id == answer_id,
        answers.c.alive_at.is_not(None),
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None or not await is_readable(scope, answer_id):
        raise AnswerNotFound
    happened = (
        select(answer_events.c.number, answer_events.c.name, answer_events.c.data)
        .where(answer_events.c.tenant_id == scope.tenant_id)
        .where(answer_events.c.answer_id == answer_id, answer_events.c.number > after)
        .order_by(answer_events.c.number)
    )
    events = [
        StreamEvent(number=event.number, name=event.name, data=event.data or {})
        for event in await scope.connection.execute(happened)
    ]
    is_forgotten = not events and row.status != RUNNING and not await _has_events(scope, answer_id)
    if is_forgotten:
        # Their time is over; what they came to is the answer.
        events = [StreamEvent(number=after + 1, name=COMPLETED_EVENT, data={})]
    if events and events[-1].name == COMPLETED_EVENT:
        # Read after its event: before it there is no response.
        stored = await read_answer(scope, answer_id)
        events[-1] = replace(events[-1], data=stored.response)
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


async def _has_events(scope: TenantSession, answer_id: AnswerId) -> bool:
    query = (
        select(answer_events.c.number)
        .where(answer_events.c.tenant_id == scope.tenant_id)
        .where(answer_events.c.answer_id == answer_id)
        .limit(1)
    )
    return (await scope.connection.execute(query)).one_or_none() is not None


async def _set(scope: TenantSession, answer_id: AnswerId, **values: object) -> None:
    await scope.connection.execute(
        update(answers)
        .where(answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id)
        .values(**values)
    )


async def _insert_event(
    scope: TenantSession,
    answer_id: AnswerId,
    number: int,
    name: str,
    data: Mapping[str, object] | None,
) -> None:
    await scope.connection.execute(
        insert(answer_events).values(
            tenant_id=scope.tenant_id, answer_id=answer_id, number=number, name=name, data=data
        )
    )
