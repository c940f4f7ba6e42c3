"""The numbers of all tenants together among the metrics: the queue, failed jobs, documents."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from time import monotonic
from typing import Final

from app.resources import Resources
from kb.errors import DependencyFailed
from kb.store.queue_state import documents_by_status, failed_jobs, queue_states

FRESH_SECONDS: Final = 5.0
"""More often than Prometheus usually asks; requests beside each other share a count."""

SHARE: Final = 100
"""Of the time, one part in so many may be spent on a count: of a million documents (.6 s) one a
minute. Measured on 2 cores, with 411 MB of rows."""

WAIT_SECONDS: Final = 2.0
"""For a count that is being made; after that the result of the one before it is shown."""

COUNT_SECONDS: Final = 60.0
"""A count that takes longer is given up."""


class Count:
    """A count by the database, made so seldom that it costs little.

    A result counts for FRESH_SECONDS and for a hundred times as long as it took: a table of
    millions, of which every row is looked at, then has the database busy for a hundredth of its
    time. `forget` is called when the result is not known.
    """

    def __init__(
        self,
        count: Callable[[], Awaitable[None]],
        forget: Callable[[], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Counts nothing yet."""
        self._count = count
        self._clock = clock
        self._forget = forget
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def latest(self) -> asyncio.Task[None]:
        """The count that is made now, or whose result still counts."""
        if self._task is None or (self._task.done() and self._clock() >= self._due):
            self._task = asyncio.create_task(self._run())
        return self._task

    async def close(self) -> None:
        """Ends a count that is being made."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        begun = self._clock()
        share = SHARE
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                await self._count()
        except TimeoutError:
            self._forget()
        except DependencyFailed:
            self._forget()
            share = 0
        self._due = begun + max(FRESH_SECONDS, share * (self._clock() - begun))


class DatabaseNumbers:
    """The numbers of all tenants together, among the metrics of an API."""

    def __init__(self, resources: Resources) -> None:
        """Asks nothing yet."""
        self._database = resources.database
        self._metrics = resources.metrics
        self._counts = (
            Count(self._count_jobs, self._metrics.forget_queue),
            Count(self._count_documents, self._metrics.forget_documents),
        )

    async def refresh(self) -> None:
        """Has the metrics show what the database counted last, or counts within WAIT_SECONDS."""
        done, _ = await asyncio.wait(
            [count.latest() for count in self._counts], timeout=WAIT_SECONDS
        )
        for task in done:
            task.result()

    async def close(self) -> None:
        """Ends what is still counted."""
        for count in self._counts:
            await count.close()

    async def _count_jobs(self) -> None:
        async with self._database.system() as system:
            states = await queue_states(system)
            failed = await failed_jobs(system)
        self._metrics.set_jobs_waiting(sum(state.waiting for state in states))
        for state in states:
            self._metrics.set_queue(**asdict(state))
        for kind, count in failed.items():
            self._metrics.set_jobs_failed(kind, count)

    async def _count_documents(self) -> None:
        async with self._database.system() as system:
            count_by_status = await documents_by_status(system)
        for status, count in count_by_status.items():
            self._metrics.set_documents(status, count)
