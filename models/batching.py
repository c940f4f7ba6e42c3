"""Texts of concurrent callers in one call of a model: full batches are what makes it fast."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

import numpy as np

from kb.unit_vectors import Vectors

OLDEST_SHARE: Final = 8
"""One text in so many of a call is of the request that waits longest: nothing waits for ever."""

SMALL_CALL: Final = 16
"""A call with which a document is done takes no more than that beside its texts: two batches, which
cost a sixth more processor time, and a quarter of the time in which 64 texts are embedded."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What decides whose texts are next: see `MicroBatcher`."""

    priority: int = 0
    """The highest first."""
    tenant_id: UUID | None = None
    remaining: int = 0
    """Texts that the same document still wants after these."""


@dataclass(kw_only=True)
class _Request:
    texts: Sequence[str]
    turn: Turn
    vectors: "asyncio.Future[Vectors]"
    waiting: list[int]
    """The places of those that no call has taken yet, in the order of their length."""
    rows: dict[int, Vectors] = field(default_factory=dict)

    def take(self, count: int) -> list[int]:
        """At most so many, more than none, of similar length: padding costs as much as text."""
        taken = sorted(self.waiting[-count:])
        del self.waiting[-count:]
        return taken


_Call = list[tuple[_Request, list[int]]]
"""The texts of one call of the model: requests, each with places."""


class MicroBatcher:
    """Calls the model with what is most urgent of all that waits, whenever it is free.

    Higher priorities come first; within one the tenants share a call equally, and of a tenant's
    documents the one that needs the fewest texts more comes first, so that the short are done soon.
    A text that comes alone is embedded at once. Belongs to one event loop; as an async context
    manager it gives up at the end what still waits. Cross-encoders do without: the passages of one
    search fill their batches already.
    """

    def __init__(self, embed: Callable[[Sequence[str]], Vectors], *, max_texts: int) -> None:
        """`embed` is called in a thread, by one caller at a time, with at most `max_texts`.

        Whoever comes waits for the call that runs: the smaller the calls, the less.
        """
        self._embed = embed
        self._max_texts = max_texts
        self._requests: list[_Request] = []
        """In the order of their arrival, those that wait for a result."""
        self._feeder: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Nothing is called before somebody asks."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancels what runs and what waits."""
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.gather(self._feeder, return_exceptions=True)

    def submit(self, texts: Sequence[str], turn: Turn | None = None) -> "asyncio.Future[Vectors]":
        """One unit row for each text, or whatever the model raises."""
        vectors: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        self._requests.append(
            _Request(
                texts=tuple(texts),
                turn=turn or Turn(),
                vectors=vectors,
                waiting=sorted(range(len(texts)), key=lambda place: len(texts[place])),
            )
        )
        if self._feeder is None:
            self._feeder = asyncio.create_task(self._feed())
        return vectors

    async def _feed(self) -> None:
        try:
            while self._requests:
                await self._answer(_next_call(self._requests, self._max_texts))
                self._requests = [each for each in self._requests if not each.vectors.done()]
        finally:
            self._feeder = None
            for request in self._requests:
                # Without effect on those that are answered.
                request.vectors.cancel()
            self._requests = []

    async def _answer(self, call: _Call) -> None:
        texts = [request.texts[place] for request, places in call for place in places]
        # Whatever the model raises goes to those who asked; those after them get their turn.
        outcomes = await asyncio.gather(
            asyncio.to_thread(self._embed, texts), return_exceptions=True
        )
        vectors: Vectors | BaseException = outcomes[0]
        if isinstance(vectors, Exception) and len(call) > 1:
            # One of them may be to blame: the others must not fail with it.
            for alone in call:
                await self._answer([alone])
            return
        start = 0
        for request, places in call:
            end = start + len(places)
            if request.vectors.done():
                pass
            elif isinstance(vectors, BaseException):
                request.vectors.set_exception(vectors)
            else:
                request.rows.update(zip(places, vectors[start:end], strict=True))
                if len(request.rows) == len(request.texts):
                    rows = [request.rows[place] for place in range(len(request.texts))]
                    request.vectors.set_result(np.stack(rows) if rows else vectors[:0])
            start = end


def _next_call(requests: Sequence[_Request], max_texts: int) -> _Call:
    """At most so many texts of those requests, which lose them."""
    waiting = [each for each in requests if not each.vectors.done()]
    urgent = max((each.turn.priority for each in waiting), default=0)
    last_texts = sum(
        len(each.waiting)
        for each in waiting
        if each.turn.priority == urgent and not each.turn.remaining
        if len(each.waiting) <= SMALL_CALL
    )
    if last_texts:
        max_texts = min(max_texts, max(last_texts, SMALL_CALL))
    call = [(each, each.take(max(1, max_texts // OLDEST_SHARE))) for each in waiting[:1]]
    for priority in sorted({each.turn.priority for each in waiting}, reverse=True):
        room = max_texts - sum(len(places) for _, places in call)
        of_class = [each for each in waiting if each.turn.priority == priority and each.waiting]
        call += _shared(of_class, room)
    return call


def _shared(requests: Sequence[_Request], room: int) -> _Call:
    """Texts that fill the room, as many of each tenant, and the shortest of its requests first."""
    by_tenant: dict[UUID | None, list[_Request]] = {}
    for each in sorted(requests, key=lambda each: len(each.waiting) + each.turn.remaining):
        by_tenant.setdefault(each.turn.tenant_id, []).append(each)
    # Whoever wants little leaves the rest of his share to the others.
    tenants = sorted(by_tenant.values(), key=lambda own: sum(len(each.waiting) for each in own))
    call: _Call = []
    for number, own in enumerate(tenants):
        share = -(-room // (len(tenants) - number))
        for each in own:
            if share:
                call.append((each, each.take(share)))
                share, room = share - len(call[-1][1]), room - len(call[-1][1])
    return call
