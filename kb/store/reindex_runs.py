"""Runs of the re-index with their reports, for whoever manages the tenant.

A run has the id and the status of its job. Its report grows step by step, so that a run that was
cut off goes on where it was. Everything here needs a whole-tenant scope.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypedDict, cast

from sqlalchemy import Row, Select, Update, all_, and_, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import AlreadyExists, InvalidInput, ReindexRunNotFound, SpaceNotFound
from kb.ids import DocumentId, JobId
from kb.postgres.database import TenantSession, constraint_of
from kb.store.choices import JobStatus
from kb.store.job_kinds import INGEST, REINDEX
from kb.store.jobs import FINISHED, JobError, TenantWork, enqueue_job
from kb.store.sources import HeldSource, get_source
from kb.store.spaces import find_space
from kb.store.tables import jobs, reindex_runs
from kb.store.vectors import Embedded

DUE_ONCE: Final = "reindex_runs_due_key"

LOCK: Final = "reindex"
"""Of the jobs of one tenant's runs, one runs at a time."""

MAX_LISTED: Final = 1_000
"""Failures, and stale documents, that a report names one by one; it counts them all."""

Trigger = Literal["cron", "api", "cli"]


class Failure(TypedDict):
    """What went wrong with one document, or with one item of a source."""

    document_id: str | None
    item: str | None
    code: str
    message: str


class Stale(TypedDict):
    """A document that is served but no longer in force, and since when."""

    document_id: str
    reason: Literal["expired", "superseded"]
    since: str


class Report(TypedDict):
    """The outcome of a run. Each document seen counts once, from `unchanged` to `reparsed`."""

    seen: int
    unchanged: int
    new: int
    changed: int
    renamed: int
    deleted: int
    held: int
    failed: int
    reparsed: int
    expired: int
    stale: list[Stale]
    repaired: dict[str, int]
    embedded_chunks: int
    embedded_tokens: int
    failures: list[Failure]
    held_sources: list[HeldSource]


EMPTY: Final = Report(
    seen=0,
    unchanged=0,
    new=0,
    changed=0,
    renamed=0,
    deleted=0,
    held=0,
    failed=0,
    reparsed=0,
    expired=0,
    stale=[],
    repaired={},
    embedded_chunks=0,
    embedded_tokens=0,
    failures=[],
    held_sources=[],
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The part of the tenant's knowledge to bring up to date; None: all of it."""

    collection: str | None = None
    source: str | None = None
    only_changed: bool = True
    embedding_model: str | None = None

    @property
    def is_whole(self) -> bool:
        """True when nothing is left out."""
        return self.collection is None and self.source is None


@dataclass(frozen=True, kw_only=True)
class ReindexRun:
    """A run as it is now; `error` is why its job failed. `steps` are done."""

    id: JobId
    trigger: Trigger
    asked: Asked
    status: JobStatus
    error: JobError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: tuple[str, ...]
    report: Report


@dataclass(frozen=True, kw_only=True)
class JobFailure:
    """A job of the run that failed."""

    document_id: DocumentId | None
    kind: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class JobTotals:
    """What the jobs that a run has queued came to; `failures` are at most MAX_LISTED."""

    unfinished: int
    total: int
    succeeded_by_kind: Mapping[str, int]
    failed_by_kind: Mapping[str, int]
    failures: Sequence[JobFailure]
    embedded: Embedded


async def begin_run(
    scope: TenantSession,
    asked: Asked,
    *,
    trigger: Trigger,
    owner: str,
    due_at: datetime | None = None,
) -> JobId:
    """The job of a new run; SourceNotFound, and InvalidInput for a model without a space.

    A collection that is not there fails the run: who may not know of it gets no other response.
    AlreadyExists when the run of that due time has been begun.
    """
    if asked.source is not None:
        await get_source(scope, asked.source)
    if asked.embedding_model is not None:
        try:
            await find_space(scope, asked.embedding_model)
        except SpaceNotFound as error:
            raise InvalidInput(
                f"There is no embedding space of a model {asked.embedding_model!r}: create it with "
                f"'footnote space create --model {asked.embedding_model}'."
            ) from error
    try:
        async with scope.connection.begin_nested():
            job = await enqueue_job(
                scope, REINDEX, owner=owner, work=TenantWork(lock=LOCK), priority="background"
            )
            await scope.connection.execute(
                insert(reindex_runs).values(
                    tenant_id=scope.tenant_id,
                    id=job.id,
                    trigger=trigger,
                    due_at=due_at,
                    collection=asked.collection,
                    source=asked.source,
                    only_changed=asked.only_changed,
                    embedding_model=asked.embedding_model,
                )
            )
    except IntegrityError as error:
        if constraint_of(error) != DUE_ONCE:
            raise
        raise AlreadyExists("The run of this night has been begun already.") from error
    return job.id


async def get_run(scope: TenantSession, run_id: JobId) -> ReindexRun:
    """The run; ReindexRunNotFound when there is none."""
    row = (
        await scope.connection.execute(_select(scope).where(reindex_runs.c.id == run_id))
    ).one_or_none()
    if row is None:
        raise ReindexRunNotFound
    return _run(row)


async def list_runs(
    scope: TenantSession, *, before: JobId | None = None, limit: int
) -> list[ReindexRun]:
    """The tenant's runs, the newest first, before the given one."""
    query = _select(scope).order_by(reindex_runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(reindex_runs.c.id < before)
    return [_run(row) for row in await scope.connection.execute(query)]


async def start_run(scope: TenantSession, run_id: JobId, *, now: datetime) -> bool:
    """True when the run may go on: every earlier one has ended. Sets when it began."""
    earlier = (
        select(func.count())
        .select_from(reindex_runs)
        .join(
            jobs, and_(jobs.c.tenant_id == reindex_runs.c.tenant_id, jobs.c.id == reindex_runs.c.id)
        )
        .where(reindex_runs.c.tenant_id == scope.tenant_id, reindex_runs.c.id < run_id)
        .where(jobs.c.status.not_in(FINISHED))
    )
    if (await scope.connection.execute(earlier)).scalar_one():
        return False
    await scope.connection.execute(
        _update(scope, run_id).where(reindex_runs.c.started_at.is_(None)).values(started_at=now)
    )
    return True


async def end_step(scope: TenantSession, run_id: JobId, step: str, report: Report) -> None:
    """Stores what the step found; it is not done again."""
    await scope.connection.execute(
        _update(scope, run_id)
        .where(literal(step) != all_(reindex_runs.c.steps))
        .values(steps=func.array_append(reindex_runs.c.steps, step), report=report)
    )


async def end_run(scope: TenantSession, run_id: JobId, report: Report, *, now: datetime) -> bool:
    """Stores the whole report; False when that was done before."""
    statement = (
        _update(scope, run_id)
        .where(reindex_runs.c.finished_at.is_(None))
        .values(report=report, finished_at=now)
        .returning(reindex_runs.c.id)
    )
    return (await scope.connection.execute(statement)).one_or_none() is not None


async def link_jobs(scope: TenantSession, run_id: JobId, job_ids: Sequence[JobId]) -> None:
    """Makes these the run's jobs, for whose end it waits."""
    await scope.connection.execute(
        update(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id.in_(job_ids))
        .values(run_id=run_id)
    )


async def link_uploads(scope: TenantSession, run_id: JobId, *, owners: Sequence[str]) -> None:
    """Makes the jobs of the uploads that the owners have made since the run was begun its jobs."""
    begun_at = (
        select(reindex_runs.c.created_at)
        .where(reindex_runs.c.tenant_id == scope.tenant_id, reindex_runs.c.id == run_id)
        .scalar_subquery()
    )
    await scope.connection.execute(
        update(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.owner.in_(owners))
        .where(jobs.c.kind == INGEST.name, jobs.c.run_id.is_(None), jobs.c.created_at >= begun_at)
        .values(run_id=run_id)
    )


async def add_embedded(scope: TenantSession, job_id: JobId, embedded: Embedded) -> None:
    """Adds to what the job has embedded, whichever attempt did."""
    await scope.connection.execute(
        update(jobs)
        .where(jobs.c.tenant_id == scope.tenant_id, jobs.c.id == job_id)
        .values(
            embedded_chunks=jobs.c.embedded_chunks + embedded.chunks,
            embedded_tokens=jobs.c.embedded_tokens + embedded.tokens,
        )
    )


async def total_jobs(scope: TenantSession, run_id: JobId) -> JobTotals:
    """The state of the run's jobs."""
    of_run = and_(jobs.c.tenant_id == scope.tenant_id, jobs.c.run_id == run_id)
    groups = await scope.connection.execute(
        select(
            jobs.c.kind,
            jobs.c.status,
            func.count().label("count"),
            func.sum(jobs.c.embedded_chunks).label("chunks"),
            func.sum(jobs.c.embedded_tokens).label("tokens"),
        )
        .where(of_run)
        .group_by(jobs.c.kind, jobs.c.status)
    )
    rows = groups.all()
    failed = await scope.connection.execute(
        select(jobs.c.document_id, jobs.c.kind, jobs.c.error)
        .where(of_run, jobs.c.status == "failed")
        .order_by(jobs.c.id)
        .limit(MAX_LISTED)
    )

    def counted(status: str) -> dict[str, int]:
        return {row.kind: row._mapping["count"] for row in rows if row.status == status}

    return JobTotals(
        unfinished=sum(row._mapping["count"] for row in rows if row.status not in FINISHED),
        total=sum(row._mapping["count"] for row in rows),
        succeeded_by_kind=counted("succeeded"),
        failed_by_kind=counted("failed"),
        failures=[
            JobFailure(
                document_id=row.document_id,
                kind=row.kind,
                code=row.error["code"],
                message=row.error["message"],
            )
            for row in failed
        ],
        embedded=Embedded(
            chunks=int(sum(row.chunks for row in rows)),
            tokens=int(sum(row.tokens for row in rows)),
        ),
    )


def _select(scope: TenantSession) -> Select[tuple[object, ...]]:
    return (
        select(
            *reindex_runs.c,
            jobs.c.status,
            jobs.c.error,
            jobs.c.updated_at.label("job_updated_at"),
        )
        .join(
            jobs,
            and_(jobs.c.tenant_id == reindex_runs.c.tenant_id, jobs.c.id == reindex_runs.c.id),
        )
        .where(reindex_runs.c.tenant_id == scope.tenant_id)
    )


def _update(scope: TenantSession, run_id: JobId) -> Update:
    return update(reindex_runs).where(
        reindex_runs.c.tenant_id == scope.tenant_id, reindex_runs.c.id == run_id
    )


def _run(row: Row[tuple[object, ...]]) -> ReindexRun:
    finished_at = row.finished_at
    if finished_at is None and row.status in FINISHED:
        # It failed or was canceled: the job knows when.
        finished_at = row.job_updated_at
    return ReindexRun(
        id=JobId(row.id),
        trigger=row.trigger,
        asked=Asked(
            collection=row.collection,
            source=row.source,
            only_changed=row.only_changed,
            embedding_model=row.embedding_model,
        ),
        status=row.status,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=finished_at,
        steps=tuple(row.steps),
        report=cast("Report", {**EMPTY, **row.report}),
    )
