"""Streamed answers: made by one task, stored event by event, followed by whoever asked.

Following reads the stored events, so that a caller whose connection broke goes on at any node, and
sees nothing that was taken away meanwhile. An answer that nobody follows any more is given up,
which also stops the language model.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Annotated, Final

import structlog
from cachetools import TTLCache
from fastapi import Depends, Request

from app.http.answers.events import AnswerCreated
from app.http.answers.making import Making, News, next_news
from app.http.answers.present import AcceptedRequest
from app.http.answers.records import running_record
from app.http.answers.respond import AnswerEvent, make_answer
from app.http.masking import shown_body
from app.http.problems import problem_of
from app.identity import Caller
from app.resources import Resources
from kb.errors import AnswerAbandoned, AnswerNotFound, KnowledgeBaseError
from kb.ids import AnswerId, TenantId
from kb.postgres.database import TenantCaller, TenantSession
from kb.store.answer_events import (
    COMPLETED_EVENT,
    ERROR_EVENT,
    StreamEvent,
    StreamState,
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
from kb.store.answers import AnswerRecord
from kb.store.idempotency import release_key

RESUME_WITHIN_SECONDS: Final = 3.0
"""A caller that lost its connection has this long to come back before the answer is given up."""

WATCH_SECONDS: Final = 1.0
"""Between two signs of life of a task that makes an answer; it then looks for followers."""

DEAD_AFTER_SECONDS: Final = 10.0
"""A task silent for this long has died with its process."""

GATHER_SECONDS: Final = 0.02
"""For which an event waits for others, to be stored with them: an answer without a language model
is made in less."""

PING_SECONDS: Final = 15.0

FORGET_SECONDS: Final = 60.0
"""Between two looks for what can be resumed no longer: each reads all events of a tenant."""

MAX_TENANTS: Final = 10_000

TERMINAL: Final = frozenset({COMPLETED_EVENT, ERROR_EVENT})

log = structlog.get_logger(__name__)


class AnswerStreams:
    """The streamed answers of this process."""

    def __init__(self, resources: Resources) -> None:
        """Nothing runs yet."""
        self.resources = resources
        self._database = resources.database
        self._making_by_id: dict[AnswerId, Making] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._forgotten: TTLCache[TenantId, bool] = TTLCache(MAX_TENANTS, FORGET_SECONDS)
        """The tenants whose old streams were forgotten a moment ago."""

    async def begin(
        self,
        accepted: AcceptedRequest,
        *,
        request_sha256: str,
        idempotency_key: str | None = None,
        remember: Callable[[], Awaitable[None]] | None = None,
    ) -> AnswerId:
        """Starts to make the answer, whose events `follow` gives.

        `remember` stores that the key has this answer. If the answer fails, the key is freed, as
        that of any request that fails.
        """
        caller = accepted.caller
        created = AnswerCreated(
            id=accepted.answer_id, created_at=accepted.now, request_id=caller.request_id
        )
        first = StreamEvent(number=1, name="answer.created", data=created.model_dump(mode="json"))
        making = Making(accepted=accepted, idempotency_key=idempotency_key, first=first)
        # Without a model the answer is made while this is stored.
        work = asyncio.create_task(self._make(making))
        try:
            await self._store_first(making, request_sha256=request_sha256)
            if remember is not None:
                # Before the answer can fail, which frees the key.
                await remember()
            making.has_begun.set()
        finally:
            if not making.has_begun.is_set():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                # It may be stored all the same, and nobody makes it.
                await asyncio.shield(self._start(self._fail(making, AnswerAbandoned())))
        self._making_by_id[accepted.answer_id] = making
        self._start(self._run(making, work))
        return accepted.answer_id

    def _start(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _store_first(self, making: Making, *, request_sha256: str) -> None:
        accepted, caller = making.accepted, making.accepted.caller
        if caller.tenant_id not in self._forgotten:
            self._forgotten[caller.tenant_id] = True
            async with self._database.tenant(caller.tenant_id, viewer=None) as whole:
                await forget_streams(whole, now=accepted.now)
        await begin_stream(
            self._database.at_once(caller.tenant_id, viewer=caller.viewer),
            running_record(accepted),
            making.first,
            owner=caller.owner,
            request_sha256=request_sha256,
        )

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
            told: Sequence[StreamEvent] | None = None
            news: asyncio.Future[News] | None = None
            is_over = False
            if making is not None and making.is_news_to(caller, after=after):
                news, after = making.news, making.first.number
                yield self._shown(caller, making.first)
                told, news = await next_news(news, after=after)
            while True:
                if told is None or making is None or making.accepted.caller != caller:
                    news = making.news if making else None
                    state = await self._look(
                        caller, answer_id, after=after, is_made_here=news is not None
                    )
                    if state is None:
                        await self._free(caller, idempotency_key, answer_id)
                        raise AnswerAbandoned
                    told, is_over = state.events, not state.is_running
                for event in told:
                    after, sent_at = event.number, monotonic()
                    yield self._shown(caller, event)
                if is_over or (told and told[-1].name in TERMINAL):
                    return
                if monotonic() - sent_at > PING_SECONDS:
                    sent_at = monotonic()
                    yield None
                told, news = await next_news(news, after=after)
        finally:
            if making is not None:
                making.follower_count -= 1
                making.left_at = monotonic()

    async def _look(
        self, caller: Caller, answer_id: AnswerId, *, after: int, is_made_here: bool
    ) -> StreamState | None:
        """What is stored now; None: nothing new, and nobody makes the answer any more."""
        async with self._database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            state = await read_events(scope, answer_id, after=after)
            if state.is_running and not is_made_here:
                await follow_stream(scope, answer_id, now=self.resources.clock())
        silent_seconds = (self.resources.clock() - state.alive_at).total_seconds()
        is_dead = state.is_running and silent_seconds > DEAD_AFTER_SECONDS
        return None if is_dead and not state.events else state

    def _shown(self, caller: Caller, event: StreamEvent) -> StreamEvent:
        return replace(event, data=shown_body(self.resources, caller.tenant_id, event.data))

    async def _free(self, caller: Caller, key: str | None, answer_id: AnswerId) -> None:
        async with self._database.tenant(caller.tenant_id, viewer=None) as scope:
            await _release(scope, caller, key, answer_id)

    async def close(self) -> None:
        """Gives up what is being made, and tells its followers."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- Making ----------------------------------------------------------------------------------

    async def _run(self, making: Making, work: "asyncio.Task[None]") -> None:
        """Has the answer made while somebody wants it; whatever goes wrong ends in an event."""
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
            making.end()

    async def _make(self, making: Making) -> None:
        if self.resources.answerer.gateway is not None:
            # A model costs: it is not asked before somebody can follow, and is looked for.
            await making.has_begun.wait()
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

    async def _tell(self, making: Making, event: AnswerEvent) -> None:
        """Has the event stored, together with all that come within a moment."""
        making.waiting.append(event)
        if making.storing is not None and making.storing.done():
            # It may have failed, which ends the answer.
            await making.storing
            making.storing = None
        if making.storing is None:
            making.storing = asyncio.create_task(self._store_waiting(making))

    async def _store_waiting(self, making: Making) -> None:
        await making.has_begun.wait()
        while making.waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(making.is_made.wait(), timeout=GATHER_SECONDS)
                # What waits is stored together with the end.
                return
            told, readers = making.untold(), making.accepted.caller.principals
            is_readable = await append_events(
                self._whole_tenant(making),
                making.accepted.answer_id,
                told,
                readers=readers,
                now=self.resources.clock(),
            )
            making.note_stored(told.events, is_readable=is_readable)

    async def _wait_for_stored(self, making: Making) -> None:
        await making.has_begun.wait()
        if making.storing is not None:
            await making.storing

    async def _complete(self, making: Making, record: AnswerRecord) -> None:
        making.is_made.set()
        await self._wait_for_stored(making)
        caller, waiting = making.accepted.caller, making.untold()
        number = making.number + len(waiting.events) + 1
        last = StreamEvent(number=number, name=COMPLETED_EVENT, data=record.response)
        told = replace(waiting, events=[*waiting.events, last])
        is_readable = await complete_stream(
            self._whole_tenant(making),
            record,
            told,
            caller.actor,
            readers=caller.principals,
            now=self.resources.clock(),
        )
        making.note_stored(told.events, is_readable=is_readable)

    def _whole_tenant(self, making: Making) -> TenantCaller:
        return self._database.at_once(making.accepted.caller.tenant_id, viewer=None)

    async def _watch(self, making: Making) -> None:
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

    async def _fail(self, making: Making, error: KnowledgeBaseError) -> None:
        caller, answer_id = making.accepted.caller, making.accepted.answer_id
        problem = problem_of(error, request_id=caller.request_id)
        fields = problem.model_dump(mode="json", exclude_none=True)
        try:
            async with self._database.tenant(caller.tenant_id, viewer=None) as scope:
                has_failed = await fail_stream(scope, answer_id, fields, now=self.resources.clock())
                if has_failed:
                    await _release(scope, caller, making.idempotency_key, answer_id)
        except KnowledgeBaseError as failure:
            # The database is away: followers find out by themselves.
            log.warning("answer.failure_not_stored", code=failure.code)
            has_failed = True
        if has_failed:
            # Otherwise it was deleted, or stored while its maker gave up: then it stands.
            log.warning("answer.failed", code=error.code)


async def _release(
    scope: TenantSession, caller: Caller, key: str | None, answer_id: AnswerId
) -> None:
    """Frees the key if it has that answer."""
    if key is not None:
        response: dict[str, object] = {"id": str(answer_id)}
        await release_key(scope, owner=caller.owner, key=key, response=response)


async def get_streams(request: Request) -> AnswerStreams:
    """The streamed answers of this process."""
    streams: AnswerStreams = request.app.state.streams
    return streams


StreamsDep = Annotated[AnswerStreams, Depends(get_streams)]
