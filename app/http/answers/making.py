"""An answer that this process makes, and what it tells its followers here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from app.http.answers.present import AcceptedRequest
from app.http.answers.respond import AnswerEvent
from app.identity import Caller
from kb.store.answer_events import StreamEvent, Told

POLL_SECONDS: Final = 0.2
"""Between two reads of a stream that is made at another node."""

PAUSE_SECONDS: Final = 1.0
"""For which a follower waits for news before it looks whether it has to say that it is there."""


def _future() -> "asyncio.Future[News]":
    return asyncio.get_running_loop().create_future()


@dataclass(frozen=True, kw_only=True)
class News:
    """What was stored: `events` that the asker may read, or None where only another look can tell.

    `following` is what is stored next; None: nothing more from this process.
    """

    events: Sequence[StreamEvent] | None
    following: "asyncio.Future[News] | None"


@dataclass(kw_only=True)
class Making:
    """An answer that this process makes, and who follows it here."""

    accepted: AcceptedRequest
    idempotency_key: str | None
    first: StreamEvent
    """Stored when it begins."""

    has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    number: int = 1
    """Of the last event that is stored."""

    waiting: list[AnswerEvent] = field(default_factory=list)
    """Events that are not stored yet."""

    storing: asyncio.Task[None] | None = None
    """Stores what waits, until nothing does or the last event is there."""

    is_made: asyncio.Event = field(default_factory=asyncio.Event)

    follower_count: int = 0
    left_at: float = field(default_factory=monotonic)
    """When the last follower left."""

    news: "asyncio.Future[News] | None" = field(default_factory=_future)
    """What is stored next; None once nothing more is."""
    has_more: bool = False
    """More than the first event may be stored."""

    def is_news_to(self, caller: Caller, *, after: int) -> bool:
        """True when the first event is all that there is for the caller, who has begun this.

        It shows no document.
        """
        return after < self.first.number and not self.has_more and self.accepted.caller == caller

    def untold(self) -> Told:
        """The events that wait, numbered."""
        return Told(
            events=[
                StreamEvent(number=number, name=event.name, data=event.data)
                for number, event in enumerate(self.waiting, start=self.number + 1)
            ],
            document_ids=frozenset().union(*(event.document_ids for event in self.waiting)),
        )

    def note_stored(self, events: Sequence[StreamEvent], *, is_readable: bool) -> None:
        """Those that waited wait no longer; the asker's followers may be told them if readable."""
        self.number = events[-1].number
        del self.waiting[: len(events)]
        self._tell(events if is_readable else None, following=_future())

    def end(self) -> None:
        """Nothing more is stored here."""
        self._tell(None, following=None)

    def _tell(
        self, events: Sequence[StreamEvent] | None, *, following: "asyncio.Future[News] | None"
    ) -> None:
        self.has_more = True
        told, self.news = self.news, following
        if told is not None:
            told.set_result(News(events=events, following=following))


async def next_news(
    news: "asyncio.Future[News] | None", *, after: int
) -> tuple[Sequence[StreamEvent] | None, "asyncio.Future[News] | None"]:
    """The events behind that number which are stored while this waits, and what to wait for next.

    No events at the end of a pause; None where only a look at the database can tell: for those that
    this process does not make, and those that were stored before this waited, of which something
    may have been taken away since.
    """
    if news is None:
        await asyncio.sleep(POLL_SECONDS)
        return None, None
    if news.done():
        return None, news
    await asyncio.wait({news}, timeout=PAUSE_SECONDS)
    if not news.done():
        # Its maker tells all that it stores, and that it has ended.
        return (), news
    stored = news.result()
    events = [event for event in stored.events or () if event.number > after]
    is_next = stored.events is not None and (not events or events[0].number == after + 1)
    return events if is_next else None, stored.following
