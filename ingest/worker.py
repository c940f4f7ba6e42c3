"""The worker: takes jobs from the queue, runs them, and takes over those of dead workers."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Final, TypeAlias
from uuid import UUID

import procrastinate.exceptions
import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job as QueuedJob
from typing_extensions import override

from ingest.backfill import backfill
from ingest.ingestion import Ingestion
from ingest.night import Night, look, look_repeatedly
from ingest.pipeline import ingest_document
from ingest.reindex import Reindexing, reindex
from ingest.runs import Obsolete, Run, Suspect, cancel, fail, release, start
from ingest.sources.run import SourceTools
from ingest.sources.sync import run_sync_job
from ingest.tenant_jobs import Work, run_tenant_job
from kb.errors import DependencyFailed, DiskFull, KnowledgeBaseError, ProcessingFailed
from kb.heartbeat import Heartbeat
from kb.ids import JobId, TenantId
from kb.logs import bind_log_context
from kb.postgres.connecting import conninfo
from kb.store.job_kinds import BACKFILL, INGEST, REINDEX, REREAD, SYNC_SOURCE, JobKind, RetryPolicy
from kb.store.queue import Slots, WorkersJobs, queue_connector

log = structlog.get_logger(__name__)

BEATS = 5
"""Within the time after which a worker is taken for dead: four may be lost or late."""

START_SECONDS: Final = 2.0
"""A worker that is being stopped waits so long for what it begins; longer only for a lock."""

RunJob: TypeAlias = Callable[[TenantId, JobId, bool], Awaitable[None]]
"""Runs a job to its end; the flag is true for its last attempt. DependencyFailed: try again."""


class RetryWhileDependencyFails(BaseRetryStrategy):
    """Tries again what failed for a transient reason or was cut off; everything else is final.

    A job whose last attempt failed so is ended by `run_job`, which then raises nothing.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        """`policy` is that of the job's kind."""
        self._policy = policy

    @override
    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> RetryDecision | None:
        """The time of the next try; None for none."""
        if isinstance(exception, asyncio.CancelledError):
            # This worker was stopped, which is no fault of the job: it would be lost otherwise.
            return RetryDecision(retry_in={"seconds": 0})
        if not isinstance(exception, DependencyFailed):
            return None
        delay = self._policy.delay(job.attempts)
        return RetryDecision(retry_in={"seconds": int(delay.total_seconds())})


class Queue(App):
    """The queue of one worker, with its tasks."""

    def __init__(self, database_url: str) -> None:
        """Without tasks yet."""
        connector = queue_connector(database_url)
        super().__init__(connector=connector)
        self.database_url = database_url
        self.jobs = WorkersJobs(connector)
        self.job_manager = self.jobs
        self.queues: set[str] = set()
        self.night: Night | None = None

    def register(self, kind: JobKind, run: RunJob, *, max_attempts: int) -> None:
        """Has this worker run the jobs of a kind."""
        self.queues.add(kind.queue)
        retry = RetryWhileDependencyFails(kind.retry)

        @self.task(name=kind.task, queue=kind.queue, retry=retry, pass_context=True)
        async def run_queued(context: JobContext, *, tenant_id: str, job_id: str) -> None:
            is_last = context.job.attempts + 1 >= max_attempts
            with bind_log_context(tenant_id=tenant_id, job_id=job_id):
                await run(TenantId(UUID(tenant_id)), JobId(UUID(job_id)), is_last)


def build_queue_app(
    database_url: str,
    tools: Ingestion,
    reindexing: Reindexing | None = None,
    night: Night | None = None,
    sources: SourceTools | None = None,
) -> Queue:
    """The queue with Footnote's tasks registered.

    Without `reindexing` nothing is brought up to date, without `night` none of it by itself, and
    without `sources` no source is synchronised.
    """
    app = Queue(database_url)
    app.night = night

    async def ingest(tenant_id: TenantId, job_id: JobId, is_last: bool) -> None:  # noqa: FBT001  # a RunJob
        await run_job(tools, tenant_id, job_id, is_last_attempt=is_last)

    def runs(work: Work) -> RunJob:
        async def run(tenant_id: TenantId, job_id: JobId, is_last: bool) -> None:  # noqa: FBT001  # a RunJob
            await run_tenant_job(
                tools.database, tools.clock, tenant_id, job_id, work, is_last_attempt=is_last
            )

        return run

    attempts = tools.max_attempts
    app.register(INGEST, ingest, max_attempts=attempts)
    app.register(REREAD, ingest, max_attempts=attempts)
    # A worker that has the model may come any day; dropping the space ends the job.
    app.register(BACKFILL, runs(partial(backfill, tools)), max_attempts=sys.maxsize)
    if reindexing is not None:
        app.register(REINDEX, runs(partial(reindex, reindexing)), max_attempts=attempts)
    if sources is not None:
        app.register(SYNC_SOURCE, runs(partial(run_sync_job, sources)), max_attempts=attempts)
    return app


async def run_job(
    tools: Ingestion, tenant_id: TenantId, job_id: JobId, *, is_last_attempt: bool
) -> None:
    """Runs one job to its end; DependencyFailed when it may be tried again.

    A job whose worker died runs alone: if it is what kills workers, it takes no other job along,
    and if it is not, the attempt does not count.
    """
    for is_alone in (False, True):
        with suppress(Suspect):
            async with tools.job_lock.hold(is_exclusive=is_alone):
                run = await _start(tools, tenant_id, job_id, is_alone=is_alone)
                if run is not None:
                    await _run_to_its_end(tools, run, is_last_attempt=is_last_attempt)
            return


async def _start(
    tools: Ingestion, tenant_id: TenantId, job_id: JobId, *, is_alone: bool
) -> Run | None:
    """As `start`; a run that begins although the worker is being stopped is released."""
    starting = asyncio.create_task(start(tools, tenant_id, job_id, is_alone=is_alone))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # It may have been committed, alone or with others; a job that nobody ended is a suspect.
        await asyncio.wait({starting}, timeout=START_SECONDS)
        starting.cancel()
        (run,) = await asyncio.gather(starting, return_exceptions=True)
        if isinstance(run, Run):
            await release(tools, run)
        raise


async def _run_to_its_end(tools: Ingestion, run: Run, *, is_last_attempt: bool) -> None:
    try:
        await ingest_document(tools, run)
    except Obsolete:
        await cancel(tools, run)
    except asyncio.CancelledError:
        await release(tools, run)
        raise
    except DependencyFailed as error:
        log.warning("job.dependency_failed", code=error.code, is_last_attempt=is_last_attempt)
        if not is_last_attempt or isinstance(error, DiskFull):
            # A disk that is full for hours is no fault of the document.
            await release(tools, run)
            raise
        await fail(tools, run, error, is_retryable=True)
    except KnowledgeBaseError as error:
        log.exception("job.failed", code=error.code)
        await fail(tools, run, error, is_retryable=False)
    except Exception:  # one bad document must not stop the worker
        log.exception("job.failed", code=ProcessingFailed.code)
        await fail(tools, run, ProcessingFailed(), is_retryable=False)


async def run_worker(
    app: Queue,
    *,
    concurrency: int,
    stalled_after: timedelta,
    heartbeat: Heartbeat | None = None,
    wait: bool = True,
    obeys_signals: bool = True,
) -> None:
    """Works until it is stopped or cancelled; with `wait` False until the queue is empty.

    Without `heartbeat` it reports by itself that it is alive, when its event loop is free. A
    queue with a night begins the night's work when that is due, and first of all what was missed.
    """
    seconds = stalled_after.total_seconds()
    app.jobs.slots = Slots(documents=concurrency)
    app.jobs.is_idle.clear()
    async with app.open_async():
        beside = [asyncio.create_task(_take_over_repeatedly(app, seconds))]
        if app.night is not None and wait:
            beside.append(asyncio.create_task(look_repeatedly(app.night)))
        elif app.night is not None:
            # Before the queue is found empty.
            await look(app.night)
        if heartbeat is not None:
            app.jobs.is_registered.clear()
            beside.append(asyncio.create_task(_keep_reporting(app, heartbeat, seconds / BEATS)))
        working = asyncio.create_task(
            app.run_worker_async(
                queues=sorted(app.queues),
                concurrency=app.jobs.slots.total,
                # A stop within 10 s is promised; what is cut off runs again.
                shutdown_graceful_timeout=3,
                install_signal_handlers=obeys_signals,
                update_heartbeat_interval=seconds / BEATS,
                stalled_worker_timeout=seconds,
                delete_jobs="successful",
            )
        )
        # procrastinate's own `wait` takes a full worker for an empty queue, and cuts jobs off.
        ends = [working] if wait else [working, asyncio.create_task(app.jobs.is_idle.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in [*ends, *beside]:
                task.cancel()
            await asyncio.gather(*ends, *beside, return_exceptions=True)


async def _take_over_repeatedly(app: Queue, stalled_seconds: float) -> None:
    """Takes over from dead workers, again and again, but not from those that were only cut off.

    Nobody can report while the database is away, or while this machine sleeps. After such a gap
    the living get the time to report again.
    """
    answered_at: float | None = None
    not_before = 0.0
    while True:
        try:
            await app.jobs.ping()
            now = monotonic()
            if answered_at is not None and now - answered_at > stalled_seconds:
                log.warning("worker.database_was_away")
                not_before = now + stalled_seconds
            answered_at = now
            if now >= not_before:
                await take_over_stalled_jobs(app, stalled_seconds)
        except procrastinate.exceptions.ConnectorException:
            log.warning("worker.database_unavailable")
        await asyncio.sleep(stalled_seconds / 3)


async def _keep_reporting(app: Queue, heartbeat: Heartbeat, interval_seconds: float) -> None:
    """Lets the heartbeat report for this worker, and starts it again whenever it has ended."""
    await app.jobs.is_registered.wait()
    heartbeat.report_for(
        {
            "conninfo": conninfo(app.database_url),
            "worker_id": app.jobs.worker_id,
            "interval_seconds": interval_seconds,
        }
    )
    while True:
        await asyncio.sleep(interval_seconds)
        if not heartbeat.keep_alive():
            log.warning("worker.heartbeat_restarted")


async def take_over_stalled_jobs(app: Queue, stalled_seconds: float) -> int:
    """The number of jobs of workers without a heartbeat that were queued again."""
    taken = [
        queue_job_id
        for queue in sorted(app.queues)
        for queue_job_id in await app.jobs.take_over(queue, stalled_seconds=stalled_seconds)
    ]
    for queue_job_id in taken:
        log.warning("job.taken_over", queue_job_id=queue_job_id)
    return len(taken)
