"""Streamed answers: made by one task, stored event by event, followed by whoever asked.

Following reads the stored events, so that a caller whose connection broke goes on at any node, and
sees nothing that was taken away meanwhile. An answer that nobody follows any more is given up,
which also stops the language model.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request

from app.http.answers.present import AcceptedRequest
from app.http.answers.respond import AnswerEvent, make_answer, running_record
from app.http.masking import shown_body
from app.http.problems import problem_of
from app.identity import Caller
from app.resources import Resources
from kb.errors import AnswerAbandoned, AnswerNotFound, KnowledgeBaseError
from kb.ids import AnswerId
from kb.postgres.database import TenantSession
from kb.store.answer_events import (
    StreamEvent,
    append_event,
    begin_stream,
    complete_stream,
    fail_stream,
    find_stream,
    follow_stream,
    keep_alive,
    read_events,
)
from kb.store.answers import AnswerRecord
from kb.store.audit import record_event
from kb.store.idempotency import release_key

RESUME_WITHIN_SECONDS: Final = 3.0
"""A caller that lost its connection has this long to come back before the answer is given up."""

WATCH_SECONDS: Final = 1.0
"""How often a maker says that it lives, and looks whether somebody still follows."""

DEAD_AFTER_SECONDS: Final = 10.0
"""A maker silent for this long has died with its process."""

POLL_SECONDS: Final = 0.2
"""How often a stream that is made at another node is read."""

PING_SECONDS: Final = 15.0

TERMINAL: Final = frozenset({"answer.completed", "error"})

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class _Maker:
    """An answer that this process makes, and who follows it here."""

    asked: AcceptedRequest
    idempotency_key: str | None
    number: int = 0
    follower_count: int = 0
    left_at: float = field(default_factory=monotonic)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def wake_followers(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    @contextmanager
    def followed(self) -> Iterator[None]:
        self.follower_count += 1
        try:
            yield
        finally:
            self.follower_count -= 1
            self.left_at = monotonic()

    def is_deserted(self, *, followed_seconds_ago: float) -> bool:
        here = 0.0 if self.follower_count else monotonic() - self.left_at
        return min(here, followed_seconds_ago) > RESUME_WITHIN_SECONDS


class AnswerStreams:
    """The streamed answers of this process."""

    def __init__(self, resources: Resources) -> None:
        """Nothing runs yet."""
        self._resources = resources
        self._makers: dict[AnswerId, _Maker] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(
        self, asked: AcceptedRequest, *, request_sha256: str, idempotency_key: str | None
    ) -> AnswerId:
        """Starts to make the answer; `follow` tells what happens.

        If the answer fails, the key is freed, as that of any request that fails.
        """
        caller = asked.caller
        async with self._resources.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            await begin_stream(
                scope,
                running_record(asked),
                owner=caller.owner,
                request_sha256=request_sha256,
                now=asked.now,
            )
        maker = _Maker(asked=asked, idempotency_key=idempotency_key)
        self._makers[asked.answer_id] = maker
        task = asyncio.create_task(self._run(maker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asked.answer_id

    async def find(self, caller: Caller, *, request_sha256: str) -> AnswerId:
        """The stream of the caller's last such request; AnswerNotFound when it is too old."""
        async with self._resources.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            found = await find_stream(
                scope,
                owner=caller.owner,
                request_sha256=request_sha256,
                now=self._resources.clock(),
            )
        if found is None:
            raise AnswerNotFound("There is no stream to resume: ask again without Last-Event-ID.")
        return found

    async def follow(
        self, caller: Caller, answer_id: AnswerId, *, after: int
    ) -> AsyncIterator[StreamEvent | None]:
        """The events after that number as they happen, the terminal one last.

        None when nothing has happened for PING_SECONDS. AnswerNotFound when the caller may not, or
        no longer, see what the answer is made of.
        """
        maker = self._makers.get(answer_id)
        if maker is None:
            async for event in self._follow(caller, answer_id, after, None):
                yield event
            return
        with maker.followed():
            async for event in self._follow(caller, answer_id, after, maker):
                yield event

    async def close(self) -> None:
        """Gives up what is being made; its followers are told."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- Following -------------------------------------------------------------------------------

    async def _follow(
        self, caller: Caller, answer_id: AnswerId, after: int, maker: _Maker | None
    ) -> AsyncIterator[StreamEvent | None]:
        told_at = monotonic()
        while True:
            changed = maker.changed if maker else None
            async with self._resources.database.tenant(
                caller.tenant_id, viewer=caller.viewer
            ) as scope:
                state = await read_events(scope, answer_id, after=after)
                if maker is None and state.is_running:
                    await follow_stream(scope, answer_id, now=self._resources.clock())
            for event in state.events:
                after = event.number
                told_at = monotonic()
                shown = shown_body(self._resources, caller.tenant_id, event.data)
                yield replace(event, data=shown)
            if not state.is_running or (state.events and state.events[-1].name in TERMINAL):
                return
            silent_seconds = (self._resources.clock() - state.alive_at).total_seconds()
            if silent_seconds > DEAD_AFTER_SECONDS:
                raise AnswerAbandoned
            if monotonic() - told_at > PING_SECONDS:
                told_at = monotonic()
                yield None
            await _wait(changed)

    # --- Making ----------------------------------------------------------------------------------

    async def _run(self, maker: _Maker) -> None:
        """Makes the answer while somebody wants it; whatever goes wrong ends in an event."""
        making = asyncio.create_task(self._make(maker))
        watching = asyncio.create_task(self._watch(maker))
        error: KnowledgeBaseError | None = None
        try:
            await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (making, watching):
                task.cancel()
            results = await asyncio.gather(making, watching, return_exceptions=True)
            error = _failure(results)
            if error is not None:
                await self._fail(maker, error)
            self._makers.pop(maker.asked.answer_id, None)
            maker.wake_followers()

    async def _make(self, maker: _Maker) -> None:
        asked = maker.asked
        created = {
            "id": str(asked.answer_id),
            "created_at": asked.now.isoformat(),
            "request_id": asked.caller.request_id,
        }
        await self._tell(maker, AnswerEvent(name="answer.created", data=created))
        record = await make_answer(self._resources, asked, partial(self._tell, maker))
        await self._complete(maker, record)

    async def _watch(self, maker: _Maker) -> None:
        """Ends when nobody follows any more."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = self._resources.clock()
            async with self._whole_tenant(maker) as scope:
                followed_at = await keep_alive(scope, maker.asked.answer_id, now=now)
            if maker.is_deserted(followed_seconds_ago=(now - followed_at).total_seconds()):
                raise AnswerAbandoned

    async def _tell(self, maker: _Maker, event: AnswerEvent) -> None:
        stored = StreamEvent(number=maker.next_number(), name=event.name, data=event.data)
        async with self._whole_tenant(maker) as scope:
            await append_event(
                scope,
                maker.asked.answer_id,
                stored,
                document_ids=event.document_ids,
                now=self._resources.clock(),
            )
        maker.wake_followers()

    async def _complete(self, maker: _Maker, record: AnswerRecord) -> None:
        actor = maker.asked.caller.actor
        async with self._whole_tenant(maker) as scope:
            await complete_stream(
                scope, record, number=maker.next_number(), now=self._resources.clock()
            )
            await record_event(
                scope, actor, "answer.create", str(record.id), {"status": record.status}
            )
        maker.wake_followers()

    async def _fail(self, maker: _Maker, error: KnowledgeBaseError) -> None:
        asked = maker.asked
        problem = problem_of(error, request_id=asked.caller.request_id)
        event = StreamEvent(
            number=maker.next_number(),
            name="error",
            data=problem.model_dump(mode="json", exclude_none=True),
        )
        log.warning("answer.failed", code=error.code)
        try:
            async with self._whole_tenant(maker) as scope:
                await fail_stream(scope, asked.answer_id, event, now=self._resources.clock())
                if maker.idempotency_key is not None:
                    await release_key(scope, owner=asked.caller.owner, key=maker.idempotency_key)
        except KnowledgeBaseError as unheard:
            # The answer was deleted, or the database is away: followers find out by themselves.
            log.warning("answer.failure_not_stored", code=unheard.code)

    def _whole_tenant(self, maker: _Maker) -> AbstractAsyncContextManager[TenantSession]:
        return self._resources.database.tenant(maker.asked.caller.tenant_id, viewer=None)


async def _wait(changed: asyncio.Event | None) -> None:
    if changed is None:
        await asyncio.sleep(POLL_SECONDS)
        return
    try:
        await asyncio.wait_for(changed.wait(), timeout=WATCH_SECONDS)
    except TimeoutError:
        return


def _failure(results: Sequence[BaseException | None]) -> KnowledgeBaseError | None:
    """Why the answer was not made; None when it was."""
    made, watched = results
    if made is None:
        return None
    if isinstance(made, asyncio.CancelledError):
        return watched if isinstance(watched, KnowledgeBaseError) else AnswerAbandoned()
    if isinstance(made, KnowledgeBaseError):
        return made
    log.error("answer.crashed", exc_info=made)
    return KnowledgeBaseError("Something went wrong on our side.")


async def get_streams(request: Request) -> AnswerStreams:
    """The streamed answers of this process."""
    streams: AnswerStreams = request.app.state.streams
    return streams


StreamsDep = Annotated[AnswerStreams, Depends(get_streams)]
