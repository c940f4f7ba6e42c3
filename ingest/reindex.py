"""One run of the re-index for one tenant: what changed is brought up to date, and reported.

synchronise the sources -> queue what is to be read again -> mend what does not agree -> forget what
is too old -> wait for the jobs that were queued -> vacuum -> report

Each step is done once, however often the run is cut off: the next attempt goes on behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from ingest.ingestion import Ingestion
from ingest.repair import Repairs, embed_missing, repair, requeue_lost_jobs
from ingest.rereading import enqueue_rereads, enqueue_unread
from ingest.tenant_jobs import TenantRun
from ingest.upkeep import Upkeep, prune_tenant
from kb.errors import (
    DatabaseUnavailable,
    InvalidInput,
    KnowledgeBaseError,
    ModelUnavailable,
    TransactionConflict,
)
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import TenantSession
from kb.postgres.vacuum import vacuum_changed
from kb.store.collections import collection_ids
from kb.store.job_kinds import REINDEX, REREAD
from kb.store.jobs import Embedded, FinishedStatus
from kb.store.outdated import Among
from kb.store.reindex_runs import (
    MAX_LISTED,
    Asked,
    Failure,
    HeldReport,
    JobTotals,
    ReindexRun,
    Report,
    Stale,
    end_run,
    end_step,
    get_run,
    link_jobs,
    start_run,
    total_jobs,
)
from kb.store.stale import Chosen, count_documents, stale_documents

log = structlog.get_logger(__name__)

LOOKS: Final = 8
LOOK_EVERY_SECONDS: Final = 0.25
"""A run holds its place in the worker for two seconds; then it waits in the queue, behind what it
waits for, so that a worker of one place never waits for itself."""

LONGEST_WAIT: Final = timedelta(hours=20)
"""After that a run says what is unfinished and ends: the next night is near."""


@dataclass(frozen=True, kw_only=True)
class SourceOutcome:
    """The documents of one source by what became of them, and the jobs that read them."""

    new: int
    changed: int
    renamed: int
    deleted: int
    held: int
    failures: Sequence[Failure]
    held_source: HeldReport | None
    job_ids: Sequence[JobId]


class Sources(Protocol):
    """The places that a tenant's documents are synchronised from."""

    async def names(self, tenant_id: TenantId, asked: Asked, /) -> Sequence[str]:
        """The sources to synchronise, in order."""

    async def document_ids(self, tenant_id: TenantId, name: str, /) -> Sequence[DocumentId]:
        """The documents that come from the source."""

    async def synchronise(self, tenant_id: TenantId, name: str, /) -> SourceOutcome:
        """Brings the documents of a source up to date; may be cut off and called again."""


@dataclass(frozen=True, kw_only=True)
class Reindexing:
    """The tools of a run."""

    ingestion: Ingestion
    upkeep: Upkeep
    sources: Sources | None


_Step = Callable[[Report], Awaitable[Report]]


async def reindex(tools: Reindexing, run: TenantRun) -> FinishedStatus | None:
    """The final status; None while the run waits for its jobs, or for an earlier run."""
    run_id, database = run.job.id, run.database
    async with database.tenant(run.tenant_id, viewer=None) as scope:
        may_go_on = await start_run(scope, run_id, now=run.clock())
        stored = await get_run(scope, run_id)
        chosen = await _chosen(scope, tools, stored.asked)
    if not may_go_on:
        # One that was lost would keep all later ones waiting.
        await requeue_lost_jobs(tools.ingestion, run.tenant_id, kind=REINDEX.name)
        await asyncio.sleep(LOOKS * LOOK_EVERY_SECONDS)
        return None

    report = stored.report
    for name, step in (await _steps(tools, run, stored, chosen)).items():
        if name in stored.steps:
            continue
        report = await step(report)
        async with database.tenant(run.tenant_id, viewer=None) as scope:
            await end_step(scope, run_id, name, report)

    totals = await _wait(run, stored)
    if totals is None:
        return None
    vacuumed = await vacuum_changed(database) if stored.asked.is_whole else []
    return await _finish(run, report, totals, chosen, vacuumed)


async def _chosen(scope: TenantSession, tools: Reindexing, asked: Asked) -> Chosen:
    """The documents of the run; InvalidInput when its collection is gone."""
    ids = None
    if asked.source is not None and tools.sources is not None:
        ids = await tools.sources.document_ids(scope.tenant_id, asked.source)
    if asked.collection is None:
        return Chosen(document_ids=ids)
    found = await collection_ids(scope, [asked.collection])
    if not found:
        raise InvalidInput(f"There is no collection {asked.collection!r}.")
    return Chosen(collection_id=found[0], document_ids=ids)


async def _steps(
    tools: Reindexing, run: TenantRun, stored: ReindexRun, chosen: Chosen
) -> dict[str, _Step]:
    """The steps of the run in order; each returns the report with what it found."""
    database, tenant_id, run_id = run.database, run.tenant_id, run.job.id
    asked = stored.asked

    async def reread(report: Report) -> Report:
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
        return await _backfill(tools.ingestion, tenant_id, asked, report)

    steps: dict[str, _Step] = {}
    if tools.sources is not None:
        for name in await tools.sources.names(tenant_id, asked):
            steps[f"source {name}"] = _synchronising(tools.sources, run, name)
    steps["reread"] = reread
    if asked.is_whole:
        steps["repair"] = mend
        steps["forget"] = forget
    if asked.embedding_model is not None:
        steps["backfill"] = backfill
    return steps


async def _backfill(tools: Ingestion, tenant_id: TenantId, asked: Asked, report: Report) -> Report:
    """The report, once every chunk has its vector in the space of the model that was asked for."""
    if asked.embedding_model not in {tools.space.name, tools.space.model}:
        raise ModelUnavailable(
            f"This worker embeds with {tools.space.model!r}, not with {asked.embedding_model!r}."
        )
    count, embedded = await embed_missing(tools, tenant_id)
    return _embedding(_repaired(report, "chunks_without_vectors", count), embedded)


def _synchronising(sources: Sources, run: TenantRun, name: str) -> _Step:
    async def synchronise(report: Report) -> Report:
        try:
            outcome = await sources.synchronise(run.tenant_id, name)
        except (DatabaseUnavailable, TransactionConflict):
            # Not the source's fault, and nothing could be reported either.
            raise
        except KnowledgeBaseError as error:
            log.warning("reindex.source_failed", code=error.code)
            failure = Failure(
                document_id=None, item=f"source {name}", code=error.code, message=error.message
            )
            return _failing(report, [failure])
        async with run.database.tenant(run.tenant_id, viewer=None) as scope:
            await link_jobs(scope, run.job.id, outcome.job_ids)
        report = _failing(report, outcome.failures)
        held = [outcome.held_source] if outcome.held_source else []
        return {
            **report,
            "new": report["new"] + outcome.new,
            "changed": report["changed"] + outcome.changed,
            "renamed": report["renamed"] + outcome.renamed,
            "deleted": report["deleted"] + outcome.deleted,
            "held": report["held"] + outcome.held,
            "held_sources": [*report["held_sources"], *held],
        }

    return synchronise


async def _wait(run: TenantRun, stored: ReindexRun) -> JobTotals | None:
    """What the run's jobs came to; None while some are unfinished, after a while."""
    began = stored.started_at or run.clock()
    for _ in range(LOOKS):
        async with run.database.tenant(run.tenant_id, viewer=None) as scope:
            totals = await total_jobs(scope, run.job.id)
        if not totals.unfinished or run.clock() - began > LONGEST_WAIT:
            return totals
        await run.report(done=totals.total - totals.unfinished, total=totals.total)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return None


async def _finish(
    run: TenantRun, report: Report, totals: JobTotals, chosen: Chosen, vacuumed: Sequence[str]
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
    report = _embedding(_failing(report, failures), totals.embedded)
    async with run.database.tenant(run.tenant_id, viewer=None) as scope:
        counts = await count_documents(scope, chosen, at=now)
        stale = await stale_documents(scope, chosen, at=now, limit=MAX_LISTED)
        reparsed = totals.succeeded_by_kind.get(REREAD.name, 0)
        touched = report["new"] + report["changed"] + report["renamed"] + report["held"]
        whole: Report = {
            **report,
            "seen": counts.documents + report["deleted"],
            "unchanged": max(counts.documents - touched - reparsed - report["failed"], 0),
            "reparsed": reparsed,
            "expired": counts.expired,
            "stale": [
                Stale(
                    document_id=str(each.document_id),
                    reason=each.reason,
                    since=each.since.isoformat(),
                )
                for each in stale
            ],
        }
        await end_run(scope, run.job.id, whole, now=now)
    status: FinishedStatus = "completed_with_errors" if whole["failed"] else "succeeded"
    log.info("reindex.finished", status=status, vacuumed=list(vacuumed))
    return status


def _with_repairs(report: Report, repairs: Repairs) -> Report:
    for kind, count in repairs.counts.items():
        report = _repaired(report, kind, count)
    report = _failing(
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
    return _embedding(report, repairs.embedded)


def _embedding(report: Report, embedded: Embedded) -> Report:
    return {
        **report,
        "embedded_chunks": report["embedded_chunks"] + embedded.chunks,
        "embedded_tokens": report["embedded_tokens"] + embedded.tokens,
    }


def _repaired(report: Report, kind: str, count: int) -> Report:
    if not count:
        return report
    repaired = report["repaired"]
    return {**report, "repaired": {**repaired, kind: repaired.get(kind, 0) + count}}


def _failing(report: Report, failures: Sequence[Failure]) -> Report:
    listed = [*report["failures"], *failures][:MAX_LISTED]
    return {**report, "failed": report["failed"] + len(failures), "failures": listed}
