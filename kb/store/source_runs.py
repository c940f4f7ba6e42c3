"""Runs over sources: one at a time, when they are due, and what they leave behind.

All of this but the look at what is due needs a whole-tenant scope.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Update, select, update

from kb.errors import SourceBusy, SourceNotFound
from kb.ids import JobId, SourceId, TenantId
from kb.postgres.database import SystemSession, TenantSession
from kb.store.job_kinds import SYNC_SOURCE, JobPriority
from kb.store.jobs import FINISHED, JobArgument, TenantWork, enqueue_job, find_job
from kb.store.sources import HeldSource, Source, SourceRun, get_source
from kb.store.tables import jobs, sources

RUN_LEASE: Final = timedelta(seconds=60)
"""A run that has not been heard of for so long has died."""


@dataclass(frozen=True, kw_only=True)
class ScheduledSource:
    """A source with a schedule, and the last time that it was due and was seen to."""

    tenant_id: TenantId
    name: str
    cron: str
    scheduled_for: datetime


async def begin_source_run(
    scope: TenantSession, name: str, token: UUID, *, now: datetime
) -> Source:
    """The source, which the run with this token now has to itself.

    SourceNotFound, and SourceBusy while another run lives.
    """
    source = await get_source(scope, name)
    statement = (
        _update(scope, source.id)
        .where(sources.c.run_token.is_(None) | (sources.c.run_expires_at <= now))
        .values(run_token=token, run_expires_at=now + RUN_LEASE)
        .returning(sources.c.id)
    )
    if (await scope.connection.execute(statement)).one_or_none() is None:
        raise SourceBusy
    return source


async def keep_source_run(
    scope: TenantSession, source_id: SourceId, token: UUID, *, now: datetime
) -> None:
    """Keeps the source for this run for another while; SourceBusy when another run has it."""
    statement = (
        _of_run(scope, source_id, token)
        .values(run_expires_at=now + RUN_LEASE)
        .returning(sources.c.id)
    )
    if (await scope.connection.execute(statement)).one_or_none() is None:
        raise SourceBusy


async def hold_source_run(scope: TenantSession, source_id: SourceId, token: UUID) -> None:
    """Until the transaction ends no other run begins; SourceBusy when one has."""
    query = (
        select(sources.c.id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)
        .where(sources.c.run_token == token)
        .with_for_update(read=True)
    )
    if (await scope.connection.execute(query)).one_or_none() is None:
        raise SourceBusy


async def end_source_run(
    scope: TenantSession, source_id: SourceId, token: UUID, *, run: SourceRun | None = None
) -> None:
    """Frees the source; with a run, that one is shown as its last."""
    statement = _of_run(scope, source_id, token).values(run_token=None, run_expires_at=None)
    if run is not None:
        statement = statement.values(last_run=run)
    await scope.connection.execute(statement)


async def note_rule_file(scope: TenantSession, source_id: SourceId) -> None:
    """Remembers that the source has a rule file: without it nothing may be read from now on."""
    await scope.connection.execute(_update(scope, source_id).values(has_rule_file=True))


async def set_held(scope: TenantSession, source_id: SourceId, held: HeldSource | None) -> None:
    """Says which deletions wait for confirmation; None: none."""
    await scope.connection.execute(_update(scope, source_id).values(held=held))


async def scheduled_sources(system: SystemSession) -> list[ScheduledSource]:
    """The sources of all tenants that have a schedule."""
    table = sources.c
    query = select(table.tenant_id, table.name, table.cron, table.scheduled_for)
    rows = await system.connection.execute(query.order_by(table.tenant_id, table.name))
    return [
        ScheduledSource(
            tenant_id=TenantId(row.tenant_id),
            name=row.name,
            cron=row.cron,
            scheduled_for=row.scheduled_for,
        )
        for row in rows
    ]


async def enqueue_sync(
    scope: TenantSession, name: str, *, owner: str, priority: JobPriority
) -> JobId:
    """The job that synchronises the source next: one that waits already, or a new one.

    SourceNotFound when there is no source of that name.
    """
    query = (
        select(sources.c.id, sources.c.last_job_id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
        .with_for_update()
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        raise SourceNotFound
    # Somebody else's job would not be shown to whoever asks for this one.
    waiting = select(jobs.c.id).where(
        jobs.c.tenant_id == scope.tenant_id,
        jobs.c.id == row.last_job_id,
        jobs.c.status == "queued",
        jobs.c.owner == owner,
    )
    job_id = (await scope.connection.execute(waiting)).scalar_one_or_none()
    if job_id is not None:
        return JobId(job_id)
    work = TenantWork(lock=f"source:{row.id}", arguments={"source": name})
    new = await enqueue_job(scope, SYNC_SOURCE, owner=owner, work=work, priority=priority)
    await scope.connection.execute(_update(scope, row.id).values(last_job_id=new.id))
    return new.id


async def enqueue_removal(scope: TenantSession, name: str, *, owner: str) -> JobId:
    """The job that deletes the source's documents and then the source; SourceNotFound."""
    source = await get_source(scope, name)
    # By its id too: another source may have the name by then.
    arguments: dict[str, JobArgument] = {
        "source": name,
        "source_id": str(source.id),
        "remove": True,
    }
    work = TenantWork(lock=f"source:{source.id}", arguments=arguments)
    job = await enqueue_job(scope, SYNC_SOURCE, owner=owner, work=work, priority="bulk")
    return job.id


async def enqueue_due_sync(
    scope: TenantSession, name: str, *, due: datetime, owner: str
) -> JobId | None:
    """The new job of a source that was due then; None when a run had seen to it, or is about to."""
    query = (
        select(sources.c.id, sources.c.last_job_id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
        .where(sources.c.cron.is_not(None), sources.c.scheduled_for < due)
        .with_for_update()
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        return None
    await scope.connection.execute(_update(scope, row.id).values(scheduled_for=due))
    last = await find_job(scope, JobId(row.last_job_id)) if row.last_job_id else None
    if last is not None and last.status not in FINISHED:
        return None
    return await enqueue_sync(scope, name, owner=owner, priority="background")


def _update(scope: TenantSession, source_id: SourceId) -> Update:
    return update(sources).where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)


def _of_run(scope: TenantSession, source_id: SourceId, token: UUID) -> Update:
    return _update(scope, source_id).where(sources.c.run_token == token)
