"""The queue beneath the jobs, for a worker: what it took, and what the dead have left.

procrastinate hands jobs out by priority and age alone. Here tenants take turns, the light goes
before the heavy, and a worker's last slots are kept for it: `footnote_fetch_job` of the migrations.

procrastinate lets whoever knows a job's number end it. Here only the worker that has it may: one
that was taken for dead, and wakes, would end the job of its successor.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from psycopg import AsyncConnection
from sqlalchemy import text
from typing_extensions import override

from kb.heartbeat import APPLICATION
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database

log = structlog.get_logger(__name__)

UNREGISTER_SECONDS: Final = 1.0
"""A statement of a millisecond, with a connection at hand."""

# Locked before it is looked at: a job that is taken over meanwhile is not held.
_FINISH: Final = """
    WITH held AS MATERIALIZED (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing'
        FOR UPDATE
    )
    SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) FROM held
"""
_RETRY: Final = """
    WITH held AS MATERIALIZED (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing'
        FOR UPDATE
    )
    SELECT procrastinate_retry_job_v2(id, %(retry_at)s, %(priority)s, %(queue)s, %(lock)s) FROM held
"""

# Footnote's heartbeats of the last so many seconds, in memory: a worker whose reports a full disk
# refuses lives all the same. Others' activity is hidden from a login that is not theirs.
_IS_HEARD: Final = f"""
    EXISTS (
        SELECT FROM pg_stat_activity AS heartbeat
        WHERE heartbeat.datname = current_database()
            AND heartbeat.application_name = '{APPLICATION} ' || worker.id
            AND heartbeat.query_start > now() - make_interval(secs => %(seconds)s)
    )
"""

# A job is locked before it is looked at again, so that of two workers one takes it over. It keeps
# its number of attempts: it did not fail.
_TAKE_OVER: Final = f"""
    WITH stalled AS (
        SELECT job.id
        FROM procrastinate_jobs AS job
        LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
        WHERE job.status = 'doing' AND job.queue_name = %(queue)s
            AND job.id != ALL(%(in_hand)s::bigint[])
            AND (
                worker.id IS NULL
                -- Its own that it does not have in hand: the answer to a statement was lost.
                OR worker.id = %(own_id)s
                OR (
                    worker.last_heartbeat < now() - make_interval(secs => %(seconds)s)
                    AND NOT {_IS_HEARD}
                )
            )
        FOR UPDATE OF job SKIP LOCKED
    )
    UPDATE procrastinate_jobs AS job
    SET status = 'todo', worker_id = NULL, scheduled_at = now(), abort_requested = false
    FROM stalled
    WHERE job.id = stalled.id
    RETURNING job.id
"""  # noqa: S608  # our own constants


# procrastinate's own deletes the silent: then nobody knows whose their jobs are.
_PRUNE: Final = f"""
    DELETE FROM procrastinate_workers AS worker
    WHERE last_heartbeat < now() - make_interval(secs => %(seconds)s) AND NOT {_IS_HEARD}
    RETURNING id
"""  # noqa: S608  # our own constants

_FETCH: Final = """
    SELECT * FROM footnote_fetch_job(
        %(queues)s::varchar[], %(worker_id)s, %(document_slots)s, %(work_slots)s, %(tenant)s
    )
"""
_FETCH_OLDEST: Final = """
    SELECT * FROM footnote_fetch_oldest(%(queues)s::varchar[], %(worker_id)s, %(document_slots)s)
"""
_FETCH_OLDEST_WORK: Final = """
    SELECT * FROM footnote_fetch_oldest_work(%(queues)s::varchar[], %(worker_id)s, %(work_slots)s)
"""

OLDEST_EVERY: Final = 8
"""One document in so many is the one that waits longest, and of other work one as well, so that
nothing waits for ever."""

_REMEMBER: Final = """
    INSERT INTO procrastinate_workers (id, last_heartbeat)
    OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())
    ON CONFLICT (id) DO NOTHING
"""

QUEUE_POOL_SIZE: Final = 4
"""Connections on which a worker takes and ends jobs, beside one that listens for news."""

_COUNT_WORKERS: Final = text(
    f"""
    SELECT count(*) FROM procrastinate.procrastinate_workers AS worker
    WHERE last_heartbeat > now() - make_interval(secs => :seconds)
        OR {_IS_HEARD.replace("%(seconds)s", ":seconds")}
    """  # noqa: S608  # our own constants
)


async def count_workers(database: Database, *, silent_after: timedelta) -> int:
    """The number of workers that have been heard of within that time."""
    async with database.owner() as connection:
        found = await connection.execute(_COUNT_WORKERS, {"seconds": silent_after.total_seconds()})
        return int(found.scalar_one())


def queue_connector(database_url: str) -> PsycopgConnector:
    """Connections that see the queue's tables."""
    return PsycopgConnector(
        conninfo=conninfo(database_url),
        kwargs={"options": "-c search_path=procrastinate", "prepare_threshold": None},
        min_size=QUEUE_POOL_SIZE,
        max_size=QUEUE_POOL_SIZE,
        configure=_commit_each_statement,
    )


async def _commit_each_statement(connection: AsyncConnection) -> None:
    """Each call is one statement: it needs no BEGIN and no COMMIT of its own."""
    await connection.set_autocommit(True)


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The jobs that a worker may have in hand at once.

    Work on no single document, such as reading a source, has slots of its own: it takes long, needs
    little, and may wait for documents.
    """

    documents: int

    @property
    def work(self) -> int:
        """For work on no single document."""
        return max(1, self.documents // 4)

    @property
    def total(self) -> int:
        """Of both."""
        return self.documents + self.work


class WorkersJobs(JobManager):
    """The queue as one worker sees it."""

    def __init__(self, connector: PsycopgConnector) -> None:
        """Before the worker is registered, for one document at a time unless `slots` are set."""
        super().__init__(connector)
        self.slots = Slots(documents=1)
        self.worker_id = 0
        self.is_registered = asyncio.Event()
        self.in_hand: set[int] = set()
        self.is_idle = asyncio.Event()
        """Set when nothing is in hand and nothing was to be had."""
        self._taking = asyncio.Lock()
        """Held until what was taken is in hand: before, it looks like a job of a lost answer."""
        self._previous_tenant = ""
        self._since_oldest = 0
        self._work_since_oldest = 0
        self._news = 0
        self._tell_worker: NotificationCallback | None = None

    @override
    async def register_worker(self) -> int:
        self.worker_id = await super().register_worker()
        self.is_registered.set()
        return self.worker_id

    @override
    async def unregister_worker(self, worker_id: int) -> None:
        """Not for long: while the pool connects again after the database was away, a stop waits.

        Others forget a worker that no longer reports.
        """
        try:
            async with asyncio.timeout(UNREGISTER_SECONDS):
                await super().unregister_worker(worker_id)
        except TimeoutError:
            log.warning("worker.still_registered", worker_id=worker_id)

    @override
    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        async def note(*, channel: str, notification: Notification) -> None:
            self._news += 1
            await on_notification(channel=channel, notification=notification)

        self._tell_worker = note
        await super().listen_for_jobs(on_notification=note, queues=queues)

    @override
    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        names = None if queues is None else list(queues)
        while True:
            news = self._news
            try:
                job = await self._fetch(names, worker_id)
            except ConnectorException:
                # Others have forgotten this worker while it slept, or have taken the lock first.
                await self.connector.execute_query_async(query=_REMEMBER, worker_id=worker_id)
                job = await self._fetch(names, worker_id)
            # The worker forgets what it is told meanwhile, and would look again in seconds only.
            if job is not None or news == self._news:
                break
        if job is None and not self.in_hand:
            self.is_idle.set()
        return job

    async def _fetch(self, queues: list[str] | None, worker_id: int) -> Job | None:
        async with self._taking:
            return await self._take(queues, worker_id)

    async def _take(self, queues: list[str] | None, worker_id: int) -> Job | None:
        values = {
            "queues": queues,
            "worker_id": worker_id,
            "document_slots": self.slots.documents,
            "work_slots": self.slots.work,
            "tenant": self._previous_tenant,
        }
        row = await self._fetch_oldest(values)
        is_oldest = row is not None
        if row is None:
            row = await self.connector.execute_query_one_async(query=_FETCH, **values)
            if row["id"] is None:
                return None
        if row["weight"] < 0:
            self._work_since_oldest += not is_oldest
        else:
            self._since_oldest = 0 if is_oldest else self._since_oldest + 1
        self._previous_tenant = row["tenant_id"]
        self.in_hand.add(row["id"])
        return Job.from_row(row)

    async def _fetch_oldest(
        self, values: Mapping[str, object]
    ) -> dict[str, Any] | None:  # a row, as the connector gives it
        """The work or the document that waits longest, when it is its turn and there is a slot."""
        queries = []
        if self._work_since_oldest >= OLDEST_EVERY - 1:
            # Where none is to be had, the next fetch need not look for it again.
            self._work_since_oldest = 0
            queries.append(_FETCH_OLDEST_WORK)
        if self._since_oldest >= OLDEST_EVERY - 1:
            queries.append(_FETCH_OLDEST)
        for query in queries:
            row = await self.connector.execute_query_one_async(query=query, **values)
            if row["id"] is not None:
                return row
        return None

    @override
    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self._if_held(job, _FINISH, status=status.value, delete_job=delete_job)

    @override
    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        await self._if_held(
            job,
            _RETRY,
            retry_at=retry_at or datetime.now(UTC),
            priority=priority,
            queue=queue,
            lock=lock,
        )

    async def ping(self) -> None:
        """Returns when the database answers; ConnectorException when it does not."""
        await self.connector.execute_query_one_async(query="SELECT 1")

    async def take_over(self, queue: str, *, stalled_seconds: float) -> list[int]:
        """The jobs of workers that have been silent for so long, queued again; never its own."""
        async with self._taking:
            rows = await self.connector.execute_query_all_async(
                query=_TAKE_OVER,
                queue=queue,
                seconds=stalled_seconds,
                in_hand=sorted(self.in_hand),
                own_id=self.worker_id,
            )
        return [row["id"] for row in rows]

    @override
    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        rows = await self.connector.execute_query_all_async(
            query=_PRUNE, seconds=seconds_since_heartbeat
        )
        return [row["id"] for row in rows]

    async def _if_held(self, job: Job, query: str, **values: object) -> None:
        try:
            await self.connector.execute_query_async(
                query=query, job_id=job.id, worker_id=job.worker_id, **values
            )
        finally:
            if job.id is not None:
                self.in_hand.discard(job.id)
            # What waited for its slot is no news to the queue.
            if self._tell_worker is not None:
                await self._tell_worker(
                    channel="", notification={"type": "job_inserted", "job_id": job.id or 0}
                )
