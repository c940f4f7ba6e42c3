"""One run of the re-index for one tenant: what changed is brought up to date, and reported.

synchronise the sources -> queue what is to be read again -> mend what does not agree -> forget what
is too old -> wait for the jobs that were queued -> vacuum -> report

Each step is done once, however often the run is cut off: the next attempt goes on behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from ingest.ingestion import Ingestion
from ingest.repair import Repairs, repair, requeue_lost_jobs
from ingest.rereading import enqueue_rereads, enqueue_unread
from ingest.sources.run import SourceTools, source_actor
from ingest.sources.sync import synchronise
from ingest.tenant_jobs import TenantRun
from ingest.upkeep import Upkeep, prune_tenant
from kb.errors import (
    DatabaseUnavailable,
    InvalidInput,
    KnowledgeBaseError,
    Overloaded,
    SourceBusy,
    TransactionConflict,
)
from kb.ids import SourceId
from kb.postgres.database import TenantSession
from kb.postgres.vacuum import vacuum_changed
from kb.store.choices import FinishedStatus
from kb.store.collections import collection_ids
from kb.store.job_kinds import REINDEX, REREAD
from kb.store.outdated import Among
from kb.store.reindex_runs import (
    MAX_LISTED,
    Asked,
    Failure,
    JobTotals,
    ReindexRun,
    Report,
    Stale,
    end_run,
    end_step,
    get_run,
    link_jobs,
    link_uploads,
    start_run,
    total_jobs,
)
from kb.store.source_items import known_items
from kb.store.sources import get_source, list_sources
from kb.store.space_backfill import enqueue_backfill
from kb.store.spaces import find_space
from kb.store.stale import Chosen, count_documents, stale_documents
from kb.store.webhook_events import Event, EventValue, emit

log = structlog.get_logger(__name__)

LOOKS: Final = 8
LOOK_EVERY_SECONDS: Final = 0.25
"""A run holds its place in the worker for two seconds; then it waits in the queue, behind what it
waits for, so that a worker of one place never waits for itself."""

SOURCES_A_PAGE: Final = 200

LONGEST_WAIT: Final = timedelta(hours=20)
"""After that a run says what is unfinished and ends: the next night is near."""


@dataclass(frozen=True, kw_only=True)
class Reindexing:
    """The tools of a run."""

    ingestion: Ingestion
    upkeep: Upkeep
    sources: SourceTools


_Step = Callable[[Report], Awaitable[Report]]


async def reindex(tools: Reindexing, run: TenantRun) -> FinishedStatus | None:
    """The final status; None while the run waits for its jobs, an earlier run, or a source."""
    run_id, database = run.job.id, run.database
    async with database.tenant(run.tenant_id, viewer=None) as scope:
        may_go_on = await start_run(scope, run_id, now=run.clock())
        stored = await get_run(scope, run_id)
    if not may_go_on:
        # One that was lost would keep all later ones waiting.
        await requeue_lost_jobs(tools.ingestion, run.tenant_id, kind=REINDEX.name)
        await asyncio.sleep(LOOKS * LOOK_EVERY_SECONDS)
        return None

    report = stored.report
    for name, step in (await _steps(tools, run, stored)).items():
        if name in stored.steps:
            continue
        try:
            report = await step(report)
        except SourceBusy:
            # A worker that has died seems to have its source for a minute longer.
            await asyncio.sleep(LOOKS * LOOK_EVERY_SECONDS)
            return None
        async with database.tenant(run.tenant_id, viewer=None) as scope:
            await end_step(scope, run_id, name, report)

    totals = await _wait(run, stored)
    if totals is None:
        return None
    vacuumed = await vacuum_changed(database) if stored.asked.is_whole else []
    log.info("reindex.vacuumed", tables=vacuumed)
    return await _finish(run, stored.asked, report, totals)


async def _chosen(scope: TenantSession, asked: Asked) -> Chosen:
    """The documents of the run as they are now; InvalidInput when its collection is gone."""
    ids = None
    if asked.source is not None:
        known = await known_items(scope, (await get_source(scope, asked.source)).id)
        ids = [each.item.document_id for each in known if each.item.document_id is not None]
    if asked.collection is None:
        return Chosen(document_ids=ids)
    found = await collection_ids(scope, [asked.collection])
    if not found:
        raise InvalidInput(f"There is no collection {asked.collection!r}.")
    return Chosen(collection_id=found[0], document_ids=ids)


async def _steps(tools: Reindexing, run: TenantRun, stored: ReindexRun) -> dict[str, _Step]:
    """The steps of the run in order; each returns the report with what it found."""
    database, tenant_id, run_id, asked = run.database, run.tenant_id, run.job.id, stored.asked
    names = await _source_names(run, asked)

    async def reread(report: Report) -> Report:
        async with database.tenant(tenant_id, viewer=None) as scope:
            if names:
                # Once for all sources: there may be as many jobs as documents.
                owners = [source_actor(name).name for name in names]
                await link_uploads(scope, run_id, owners=owners)
            chosen = await _chosen(scope, asked)
        among = Among(
            run_id=run_id,
            collection_id=chosen.collection_id,
            document_ids=chosen.document_ids,
            is_everything=not asked.only_changed,
        )
        await enqueue_rereads(database, tenant_id, among)
        if among.is_everything and asked.is_whole:
            await enqueue_unread(database, tenant_id, run_id, with_failed=True)
        return report

    async def mend(report: Report) -> Report:
        return _with_repairs(report, await repair(tools.ingestion, tenant_id, run_id))

    async def forget(report: Report) -> Report:
        pruned = await prune_tenant(tools.upkeep, tenant_id)
        return _repaired(report, "orphan_files", pruned["files"])

    async def backfill(report: Report) -> Report:
        await _enqueue_backfill(run, asked)
        return report

    steps: dict[str, _Step] = {}
    for name in names:
        steps[f"source {name}"] = _synchronising(tools.sources, run, stored, name)
    steps["reread"] = reread
    if asked.is_whole:
        steps["repair"] = mend
        steps["forget"] = forget
    if asked.embedding_model is not None:
        steps["backfill"] = backfill
    return steps


async def _enqueue_backfill(run: TenantRun, asked: Asked) -> None:
    """Has a worker that has the model embed what its space lacks; the run waits for that."""
    assert asked.embedding_model is not None  # noqa: S101  # this step is for those that name one
    async with run.database.tenant(run.tenant_id, viewer=None) as scope:
        space = (await find_space(scope, asked.embedding_model)).space
        job_id = await enqueue_backfill(scope, space)
        # None: one waits already, and does the same.
        if job_id is not None:
            await link_jobs(scope, run.job.id, [job_id])


async def _source_names(run: TenantRun, asked: Asked) -> list[str]:
    """The sources of what was asked for, oldest first."""
    names: list[str] = []
    after: SourceId | None = None
    while True:
        async with run.database.tenant(run.tenant_id, viewer=None) as scope:
            page = await list_sources(scope, after=after, limit=SOURCES_A_PAGE)
        names += [
            source.name
            for source in page
            if asked.source in {None, source.name}
            and asked.collection in {None, source.settings.collection}
        ]
        if len(page) < SOURCES_A_PAGE:
            return names
        after = page[-1].id


def _synchronising(sources: SourceTools, run: TenantRun, stored: ReindexRun, name: str) -> _Step:
    async def synchronise_one(report: Report) -> Report:
        try:
            done = await synchronise(sources, run.tenant_id, name)
        except (DatabaseUnavailable, Overloaded, TransactionConflict):
            # Not the source's fault, and nothing could be reported either.
            raise
        except KnowledgeBaseError as error:
            if isinstance(error, SourceBusy) and not _has_waited_long(run, stored):
                raise
            log.warning("reindex.source_failed", source=name, code=error.code)
            failure = Failure(document_id=None, item=name, code=error.code, message=error.message)
            return _failing(report, [failure])
        failures = [Failure(document_id=None, **each) for each in done.failures]
        report = _failing(report, failures, count=done.failed)
        held = [done.held_source] if done.held_source else []
        return {
            **report,
            "new": report["new"] + done.new,
            "changed": report["changed"] + done.changed,
            "renamed": report["renamed"] + done.renamed,
            "deleted": report["deleted"] + done.deleted,
            "held": report["held"] + done.held,
            "held_sources": [*report["held_sources"], *held],
        }

    return synchronise_one


async def _wait(run: TenantRun, stored: ReindexRun) -> JobTotals | None:
    """What the run's jobs came to; None while some are unfinished, after a while."""
    done = -1
    for _ in range(LOOKS):
        async with run.database.tenant(run.tenant_id, viewer=None) as scope:
            totals = await total_jobs(scope, run.job.id)
        if not totals.unfinished or _has_waited_long(run, stored):
            return totals
        if done != totals.total - totals.unfinished:
            done = totals.total - totals.unfinished
            await run.report(done=done, total=totals.total)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return None


def _has_waited_long(run: TenantRun, stored: ReindexRun) -> bool:
    return stored.started_at is not None and run.clock() - stored.started_at > LONGEST_WAIT


async def _finish(
    run: TenantRun, asked: Asked, report: Report, totals: JobTotals
) -> FinishedStatus:
    """Stores the whole report and returns the status of the run."""
    now = run.clock()
    failures = [
        Failure(
            document_id=str(each.document_id) if each.document_id else None,
            item=None,
            code=each.code,
            message=each.message,
        )
        for each in totals.failures
    ]
    if totals.unfinished:
        message = f"{totals.unfinished} documents still wait for a worker: start more of them."
        failures.append(Failure(document_id=None, item=None, code="unfinished", message=message))
    failed = sum(totals.failed_by_kind.values()) + bool(totals.unfinished)
    report = _failing(report, failures, count=failed)
    async with run.database.tenant(run.tenant_id, viewer=None) as scope:
        chosen = await _chosen(scope, asked)
        counts = await count_documents(scope, chosen, at=now)
        stale = await stale_documents(scope, chosen, at=now, limit=MAX_LISTED)
        reparsed = totals.succeeded_by_kind.get(REREAD.name, 0)
        unread = totals.failed_by_kind.get(REREAD.name, 0)
        touched = report["new"] + report["changed"] + report["renamed"] + report["held"]
        whole: Report = {
            **report,
            "seen": counts.documents + report["deleted"],
            "unchanged": max(counts.documents - touched - reparsed - unread, 0),
            "reparsed": reparsed,
            "expired": counts.expired,
            "embedded_chunks": totals.embedded.chunks,
            "embedded_tokens": totals.embedded.tokens,
            "stale": [
                Stale(
                    document_id=str(each.document_id),
                    reason=each.reason,
                    since=each.since.isoformat(),
                )
                for each in stale
            ],
        }
        status: FinishedStatus = "completed_with_errors" if whole["failed"] else "succeeded"
        if await end_run(scope, run.job.id, whole, now=now):
            data: dict[str, EventValue] = {"id": str(run.job.id), "status": status}
            data |= {name: count for name, count in whole.items() if isinstance(count, int)}
            await emit(scope, Event(type="reindex.finished", data=data), now=now)
    log.info("reindex.finished", status=status, failed=whole["failed"])
    return status


def _with_repairs(report: Report, repairs: Repairs) -> Report:
    for kind, count in repairs.counts.items():
        report = _repaired(report, kind, count)
    return _failing(
        report,
        [
            Failure(
                document_id=str(each.document_id),
                item=None,
                code="content_missing",
                message="The uploaded bytes are not in the file store: upload the document again.",
            )
            for each in repairs.missing_files
        ],
    )


def _repaired(report: Report, kind: str, count: int) -> Report:
    if not count:
        return report
    repaired = report["repaired"]
    return {**report, "repaired": {**repaired, kind: repaired.get(kind, 0) + count}}


def _failing(report: Report, failures: Sequence[Failure], *, count: int | None = None) -> Report:
    """The report with the failures, of which there are `count` in all; None: these."""
    listed = [*report["failures"], *failures][:MAX_LISTED]
    failed = report["failed"] + (len(failures) if count is None else count)
    return {**report, "failed": failed, "failures": listed}
