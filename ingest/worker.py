"""The worker: takes jobs from the queue, runs them, and takes over those of dead workers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import procrastinate.exceptions
import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job as QueuedJob
from typing_extensions import override

from ingest.pipeline import Ingestion, fail, ingest_document
from ingest.upkeep import EVERY_NIGHT, Upkeep, prune
from kb.database import conninfo
from kb.errors import DependencyFailed, KnowledgeBaseError, ProcessingFailed
from kb.ids import JobId, TenantId
from kb.jobs import INGEST_TASK
from kb.telemetry import bind_log_context

log = structlog.get_logger(__name__)

QUEUE = "ingest"
PRUNE_TASK = "prune"

FIRST_RETRY = timedelta(seconds=2)
"""Doubled with each further attempt: 2, 4, 8, 16 s with the default of five attempts."""


class RetryWhileDependencyFails(BaseRetryStrategy):
    """Tries again what failed for a transient reason or was cut off; everything else is final."""

    def __init__(self, max_attempts: int) -> None:
        """`max_attempts` counts the first one."""
        self.max_attempts = max_attempts

    @override
    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> RetryDecision | None:
        """When to try again; None: not at all."""
        if isinstance(exception, asyncio.CancelledError):
            # This worker was stopped, which is no fault of the job: it would be lost otherwise.
            return RetryDecision(retry_in={"seconds": 0})
        if not isinstance(exception, DependencyFailed) or job.attempts + 1 >= self.max_attempts:
            return None
        delay = FIRST_RETRY * 2**job.attempts
        return RetryDecision(retry_in={"seconds": int(delay.total_seconds())})


def build_queue_app(database_url: str, tools: Ingestion, upkeep: Upkeep | None = None) -> App:
    """The queue with Footnote's tasks registered; without `upkeep` nothing is done by night."""
    connector = PsycopgConnector(
        conninfo=conninfo(database_url),
        kwargs={"options": "-c search_path=procrastinate", "prepare_threshold": None},
    )
    app = App(connector=connector)
    retry = RetryWhileDependencyFails(tools.max_attempts)

    @app.task(name=INGEST_TASK, queue=QUEUE, retry=retry, pass_context=True)
    async def run(context: JobContext, *, tenant_id: str, job_id: str) -> None:
        is_last = context.job.attempts + 1 >= tools.max_attempts
        with bind_log_context(tenant_id=tenant_id, job_id=job_id):
            await run_job(
                tools, TenantId(UUID(tenant_id)), JobId(UUID(job_id)), is_last_attempt=is_last
            )

    if upkeep is not None:
        register_upkeep(app, upkeep)
    return app


def register_upkeep(app: App, upkeep: Upkeep) -> None:
    """Adds the task that one of the workers does every night; one that fails waits for the next."""

    @app.periodic(cron=EVERY_NIGHT)
    @app.task(name=PRUNE_TASK, queue=QUEUE, queueing_lock=PRUNE_TASK, lock=PRUNE_TASK)
    async def run(timestamp: int) -> None:  # noqa: ARG001  # procrastinate says which night
        await prune(upkeep)


async def run_job(
    tools: Ingestion, tenant_id: TenantId, job_id: JobId, *, is_last_attempt: bool
) -> None:
    """Runs one job to its end; DependencyFailed when it may be tried again."""
    try:
        await ingest_document(tools, tenant_id, job_id)
    except DependencyFailed as error:
        log.warning("job.dependency_failed", code=error.code, is_last_attempt=is_last_attempt)
        if is_last_attempt:
            await fail(tools, tenant_id, job_id, error, is_retryable=True)
        raise
    except KnowledgeBaseError as error:
        log.exception("job.failed", code=error.code)
        await fail(tools, tenant_id, job_id, error, is_retryable=False)
    except Exception:  # one bad document must not stop the worker
        log.exception("job.failed", code=ProcessingFailed.code)
        await fail(tools, tenant_id, job_id, ProcessingFailed(), is_retryable=False)


async def run_worker(
    app: App,
    *,
    concurrency: int,
    stalled_after: timedelta,
    wait: bool = True,
    obeys_signals: bool = True,
) -> None:
    """Works until it is stopped or cancelled; with `wait` False until the queue is empty."""
    seconds = stalled_after.total_seconds()
    async with app.open_async(), _taking_over(app, seconds):
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            wait=wait,
            # A stop within 10 s is promised; what is cut off runs again.
            shutdown_graceful_timeout=3,
            install_signal_handlers=obeys_signals,
            update_heartbeat_interval=seconds / 5,
            stalled_worker_timeout=seconds,
            delete_jobs="successful",
        )


@contextlib.asynccontextmanager
async def _taking_over(app: App, stalled_seconds: float) -> AsyncIterator[None]:
    async def watch() -> None:
        while True:
            try:
                await take_over_stalled_jobs(app, stalled_seconds)
            except procrastinate.exceptions.ConnectorException:
                log.warning("worker.database_unavailable")
            await asyncio.sleep(stalled_seconds / 3)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def take_over_stalled_jobs(app: App, stalled_seconds: float) -> int:
    """How many jobs of workers without a heartbeat were queued again."""
    stalled = list(
        await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=stalled_seconds)
    )
    for job in stalled:
        await app.job_manager.retry_job(job)
        log.warning("job.taken_over", queue_job_id=job.id)
    return len(stalled)
