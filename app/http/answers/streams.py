"""Streamed answers: made by one task, stored event by event, followed by whoever asked.

Following reads the stored events, so that a caller whose connection broke goes on at any node, and
sees nothing that was taken away meanwhile. An answer that nobody follows any more is given up,
which also stops the language model.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Annotated, Final

import structlog
from cachetools import TTLCache
from fastapi import Depends, Request

from app.http.answers.events import AnswerCreated
from app.http.answers.present import AcceptedRequest
from app.http.answers.records import running_record
from app.http.answers.respond import AnswerEvent, make_answer
from app.http.masking import shown_body
from app.http.problems import problem_of
from app.identity import Caller
from app.resources import Resources
from kb.errors import AnswerAbandoned, AnswerNotFound, KnowledgeBaseError
from kb.ids import AnswerId, TenantId
from kb.store.answer_events import (
    StreamEvent,
    Told,
    append_events,
    begin_stream,
    complete_stream,
    fail_stream,
    find_stream,
    follow_stream,
    forget_streams,
    keep_alive,
    read_events,
)
from kb.store.answers import CREATED, AnswerRecord
from kb.store.audit import record_event
from kb.store.idempotency import release_key

RESUME_WITHIN_SECONDS: Final = 3.0
"""A caller that lost its connection has this long to come back before the answer is given up."""

WATCH_SECONDS: Final = 1.0
"""Between two signs of life of a task that makes an answer; it then looks for followers."""

DEAD_AFTER_SECONDS: Final = 10.0
"""A task silent for this long has died with its process."""

POLL_SECONDS: Final = 0.2
"""Between two reads of a stream that is made at another node."""

PING_SECONDS: Final = 15.0

FORGET_SECONDS: Final = 60.0
"""Between two looks for what can be resumed no longer: each reads all events of a tenant."""

MAX_TENANTS: Final = 10_000

TERMINAL: Final = frozenset({"answer.completed", "error"})

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class _Making:
    """An answer that this process makes, and who follows it here."""

    accepted: AcceptedRequest
    idempotency_key: str | None
    first: StreamEvent
    """Stored when it begins."""

    number: int = 1
    """Of the last event."""

    waiting: list[AnswerEvent] = field(default_factory=list)
    """Events that are not stored yet."""

    storing: asyncio.Task[None] | None = None
    """Stores what waits, until nothing does or the last event is there."""

    is_made: bool = False

    follower_count: int = 0
    left_at: float = field(default_factory=monotonic)
    """When the last follower left."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    has_more: bool = False
    """More than the first event may be stored."""

    def is_news_to(self, caller: Caller, *, after: int) -> bool:
        """True when the first event is all that there is for the caller, who has begun this.

        It shows no document.
        """
        return after < self.first.number and not self.has_more and self.accepted.caller == caller

    def take_waiting(self) -> Told:
        """The events that wait, numbered; they wait no longer."""
        taken, self.waiting = self.waiting, []
        first = self.number + 1
        self.number += len(taken)
        return Told(
            events=[
                StreamEvent(number=number, name=event.name, data=event.data)
                for number, event in enumerate(taken, start=first)
            ],
            document_ids=frozenset().union(*(event.document_ids for event in taken)),
        )

    def wake_followers(self) -> None:
        self.has_more = True
        self.changed.set()
        self.changed = asyncio.Event()


class AnswerStreams:
    """The streamed answers of this process."""

    def __init__(self, resources: Resources) -> None:
        """Nothing runs yet."""
        self.resources = resources
        self._database = resources.database
        self._making_by_id: dict[AnswerId, _Making] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._forgotten: TTLCache[TenantId, bool] = TTLCache(MAX_TENANTS, FORGET_SECONDS)
        """The tenants whose old streams were forgotten a moment ago."""

    async def begin(
        self, accepted: AcceptedRequest, *, request_sha256: str, idempotency_key: str | None
    ) -> AnswerId:
        """Starts to make the answer, whose events `follow` gives.

        If the answer fails, the key is freed, as that of any request that fails.
        """
        caller = accepted.caller
        created = AnswerCreated(
            id=accepted.answer_id, created_at=accepted.now, request_id=caller.request_id
        )
        first = StreamEvent(number=1, name="answer.created", data=created.model_dump(mode="json"))
        async with self._database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            await begin_stream(
                scope,
                running_record(accepted),
                first,
                owner=caller.owner,
                request_sha256=request_sha256,
                now=accepted.now,
            )
            if caller.tenant_id not in self._forgotten:
                self._forgotten[caller.tenant_id] = True
                async with scope.whole_tenant() as whole:
                    await forget_streams(whole, now=accepted.now)
        making = _Making(accepted=accepted, idempotency_key=idempotency_key, first=first)
        self._making_by_id[accepted.answer_id] = making
        task = asyncio.create_task(self._run(making))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return accepted.answer_id

    async def find(self, caller: Caller, *, request_sha256: str) -> AnswerId:
        """The stream of the caller's last such request; AnswerNotFound when it is too old."""
        now = self.resources.clock()
        async with self._database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            found = await find_stream(
                scope, owner=caller.owner, request_sha256=request_sha256, now=now
            )
        if found is None:
            raise AnswerNotFound("There is no stream to resume: ask again without Last-Event-ID.")
        return found

    async def follow(
        self,
        caller: Caller,
        answer_id: AnswerId,
        *,
        after: int,
        idempotency_key: str | None = None,
    ) -> AsyncIterator[StreamEvent | None]:
        """The events after that number as they happen, the terminal one last.

        None when nothing has happened for PING_SECONDS. AnswerNotFound when the caller may not, or
        no longer, see what the answer is made of. AnswerAbandoned when its process died, which
        could not free the key: it is freed here.
        """
        making = self._making_by_id.get(answer_id)
        if making is not None:
            making.follower_count += 1
        try:
            sent_at = monotonic()
            if making is not None and making.is_news_to(caller, after=after):
                more = making.changed
                after = making.first.number
                yield self._shown(caller, making.first)
                await _change(more)
            while True:
                changed = making.changed if making else None
                async with self._database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
                    state = await read_events(scope, answer_id, after=after)
                    if making is None and state.is_running:
                        await follow_stream(scope, answer_id, now=self.resources.clock())
                for event in state.events:
                    after, sent_at = event.number, monotonic()
                    yield self._shown(caller, event)
                if not state.is_running or (state.events and state.events[-1].name in TERMINAL):
                    return
                silent_seconds = (self.resources.clock() - state.alive_at).total_seconds()
                if silent_seconds > DEAD_AFTER_SECONDS:
                    await self._free(caller, idempotency_key, answer_id)
                    raise AnswerAbandoned
                if monotonic() - sent_at > PING_SECONDS:
                    sent_at = monotonic()
                    yield None
                await _change(changed)
        finally:
            if making is not None:
                making.follower_count -= 1
                making.left_at = monotonic()

    def _shown(self, caller: Caller, event: StreamEvent) -> StreamEvent:
        return replace(event, data=shown_body(self.resources, caller.tenant_id, event.data))

    async def _free(self, caller: Caller, key: str | None, answer_id: AnswerId) -> None:
        if key is None:
            return
        response: dict[str, object] = {"id": str(answer_id)}
        async with self._database.tenant(caller.tenant_id, viewer=None) as scope:
            await release_key(scope, owner=caller.owner, key=key, response=response)

    async def close(self) -> None:
        """Gives up what is being made, and tells its followers."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- Making ----------------------------------------------------------------------------------

    async def _run(self, making: _Making) -> None:
        """Makes the answer while somebody wants it; whatever goes wrong ends in an event."""
        work = asyncio.create_task(self._make(making))
        watch = asyncio.create_task(self._watch(making))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, watch):
                task.cancel()
            made, watched = await asyncio.gather(work, watch, return_exceptions=True)
            match made:
                case None:
                    pass
                case KnowledgeBaseError():
                    await self._fail(making, made)
                case asyncio.CancelledError() if isinstance(watched, KnowledgeBaseError):
                    await self._fail(making, watched)
                case asyncio.CancelledError():
                    await self._fail(making, AnswerAbandoned())
                case _:
                    log.error("answer.crashed", exc_info=made)
                    crash = KnowledgeBaseError("Something went wrong on our side.")
                    await self._fail(making, crash)
            self._making_by_id.pop(making.accepted.answer_id, None)
            making.wake_followers()

    async def _make(self, making: _Making) -> None:
        try:
            record = await make_answer(self.resources, making.accepted, partial(self._tell, making))
        except KnowledgeBaseError:
            # What is proved already is told before the error.
            await self._wait_for_stored(making)
            raise
        else:
            await self._complete(making, record)
        finally:
            if making.storing is not None:
                making.storing.cancel()
                await asyncio.gather(making.storing, return_exceptions=True)

    async def _tell(self, making: _Making, event: AnswerEvent) -> None:
        """Has the event stored: at once, or together with all that come while others are."""
        making.waiting.append(event)
        if making.storing is not None and making.storing.done():
            # It may have failed, which ends the answer.
            await making.storing
            making.storing = None
        if making.storing is None:
            making.storing = asyncio.create_task(self._store_waiting(making))

    async def _store_waiting(self, making: _Making) -> None:
        accepted = making.accepted
        while making.waiting and not making.is_made:
            async with self._database.tenant(accepted.caller.tenant_id, viewer=None) as scope:
                now = self.resources.clock()
                await append_events(scope, accepted.answer_id, making.take_waiting(), now=now)
            making.wake_followers()

    async def _wait_for_stored(self, making: _Making) -> None:
        if making.storing is not None:
            await making.storing

    async def _complete(self, making: _Making, record: AnswerRecord) -> None:
        accepted = making.accepted
        # What waits is stored together with the end.
        making.is_made = True
        await self._wait_for_stored(making)
        async with self._database.tenant(accepted.caller.tenant_id, viewer=None) as scope:
            now, told = self.resources.clock(), making.take_waiting()
            making.number += 1
            await complete_stream(scope, record, told, number=making.number, now=now)
            actor, answer_id = accepted.caller.actor, str(record.id)
            await record_event(scope, actor, CREATED, answer_id, {"status": record.status})
        making.wake_followers()

    async def _watch(self, making: _Making) -> None:
        """Says that the answer is being made; raises AnswerAbandoned when nobody follows it."""
        accepted = making.accepted
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = self.resources.clock()
            async with self._database.tenant(accepted.caller.tenant_id, viewer=None) as scope:
                followed_at = await keep_alive(scope, accepted.answer_id, now=now)
            here = 0.0 if making.follower_count else monotonic() - making.left_at
            elsewhere = (now - followed_at).total_seconds()
            if min(here, elsewhere) > RESUME_WITHIN_SECONDS:
                raise AnswerAbandoned

    async def _fail(self, making: _Making, error: KnowledgeBaseError) -> None:
        caller, answer_id = making.accepted.caller, making.accepted.answer_id
        making.number += 1
        problem = problem_of(error, request_id=caller.request_id)
        fields = problem.model_dump(mode="json", exclude_none=True)
        event = StreamEvent(number=making.number, name="error", data=fields)
        log.warning("answer.failed", code=error.code)
        try:
            async with self._database.tenant(caller.tenant_id, viewer=None) as scope:
                await fail_stream(scope, answer_id, event, now=self.resources.clock())
                if making.idempotency_key is not None:
                    await release_key(scope, owner=caller.owner, key=making.idempotency_key)
        except KnowledgeBaseError as failure:
            # The answer was deleted, or the database is away: followers find out by themselves.
            log.warning("answer.failure_not_stored", code=failure.code)


async def _change(changed: asyncio.Event | None) -> None:
    """Returns when there may be more: of what another process makes, after a moment."""
    if changed is None:
        await asyncio.sleep(POLL_SECONDS)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(changed.wait(), timeout=WATCH_SECONDS)


async def get_streams(request: Request) -> AnswerStreams:
    """The streamed answers of this process."""
    streams: AnswerStreams = request.app.state.streams
    return streams


StreamsDep = Annotated[AnswerStreams, Depends(get_streams)]
