"""Brings the documents of a source into line with its files.

list -> narrow readers -> take in what is new or changed -> widen readers -> delete what is gone

Until the list is whole nothing changes. Every step may be cut off and run again.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Final, TypeAlias

import structlog

from ingest.sources.intake import Intake, new_items
from ingest.sources.readers import (
    describe_anew,
    external_id,
    is_described_anew,
    narrow_readers_of_all,
)
from ingest.sources.report import SyncReport, Tally
from ingest.sources.run import (
    SourceRun,
    SourceTools,
    begun_run,
    opened_place,
    source_actor,
    unavailable,
)
from ingest.sources.survey import Surveyed, take_survey
from ingest.sources.vanishing import delete_item, delete_vanished
from ingest.tenant_jobs import TenantRun
from kb.errors import KnowledgeBaseError, SourceNotFound
from kb.ids import TenantId
from kb.postgres.database import Database, TenantSession, retried
from kb.schedule import latest_due
from kb.store.choices import FinishedStatus
from kb.store.source_items import (
    KnownItem,
    documents_uploaded_as,
    known_items,
    set_item_states,
    store_items,
)
from kb.store.source_runs import (
    ScheduledSource,
    end_source_run,
    enqueue_due_sync,
    scheduled_sources,
)
from kb.store.sources import ItemFailure, delete_source
from kb.store.sources import SourceRun as StoredRun

log = structlog.get_logger(__name__)

ReportProgress: TypeAlias = Callable[[int, int], Awaitable[None]]
"""Told how many files of how many are done."""

REPORT_EVERY_SECONDS: Final = 1.0


async def synchronise(
    tools: SourceTools,
    tenant_id: TenantId,
    name: str,
    *,
    report_progress: ReportProgress | None = None,
) -> SyncReport:
    """The report of one run over the source of that name, which is stored with the source too.

    Uploads wait as jobs of the priority `bulk`. Raises SourceNotFound, SourceBusy while another run
    lives, and a KnowledgeBaseError when the source cannot be read; no document has changed then.
    """
    async with begun_run(tools, tenant_id, name) as run:
        try:
            report = await _synchronise(run, report_progress or _silent)
        except KnowledgeBaseError as error:
            reason = {"code": error.code, "message": error.message}
            await _store(run, "failed", SyncReport(), reason)
            raise
        status = "completed_with_errors" if report.failed or report.held else "succeeded"
        await _store(run, status, report, None)
    log.info("source.synchronised", source=name, **report.counts)
    return report


async def remove_with_documents(
    tools: SourceTools,
    tenant_id: TenantId,
    name: str,
    *,
    source_id: str | None = None,
    report_progress: ReportProgress | None = None,
) -> int:
    """The number of documents deleted with the source; SourceNotFound, SourceBusy.

    With an id no other source that has its name now is removed.
    """
    async with begun_run(tools, tenant_id, name) as run:
        if source_id not in {None, str(run.source.id)}:
            raise SourceNotFound
        progress = _Progress(report_progress or _silent)
        known = await _known(run)
        with_documents = [each.item for each in known.values() if each.document is not None]
        await progress.begin(len(with_documents))
        for item in with_documents:
            await delete_item(run, item)
            await progress.advance()
        await run.transaction(lambda scope: delete_source(scope, run.source.id))
    return len(with_documents)


async def run_sync_job(tools: SourceTools, run: TenantRun) -> FinishedStatus:
    """Does what a job of the kind `sync_source` asks for."""
    name = run.job.arguments["source"]
    assert isinstance(name, str)  # noqa: S101  # whoever queued it wrote a name

    if run.job.arguments.get("remove"):
        # An earlier attempt may have got to its end and died before it could say so.
        with suppress(SourceNotFound):
            source_id = run.job.arguments.get("source_id")
            await remove_with_documents(
                tools,
                run.tenant_id,
                name,
                source_id=None if source_id is None else str(source_id),
                report_progress=run.report,
            )
        return "succeeded"
    done = await synchronise(tools, run.tenant_id, name, report_progress=run.report)
    return "completed_with_errors" if done.failed or done.held else "succeeded"


async def enqueue_due_sources(database: Database, *, now: datetime) -> int:
    """The number of jobs queued for sources whose own time has come; a missed one is made up for.

    One run is queued however many times were missed, and none while one waits or runs.
    """
    async with database.system() as system:
        scheduled = await scheduled_sources(system)
    queued = 0
    for source in scheduled:
        due = latest_due(source.cron, now=now)
        if due <= source.scheduled_for:
            continue

        async def enqueue(source: ScheduledSource = source, due: datetime = due) -> bool:
            async with database.tenant(source.tenant_id, viewer=None) as scope:
                job_id = await enqueue_due_sync(
                    scope, source.name, due=due, owner=source_actor(source.name).name
                )
                return job_id is not None

        queued += await retried(enqueue)
    return queued


async def _synchronise(run: SourceRun, report_progress: ReportProgress) -> SyncReport:
    known = await _known(run)
    tally, progress = Tally(), _Progress(report_progress)
    try:
        async with opened_place(run) as place:
            survey = await take_survey(run, place, known)
            await narrow_readers_of_all(run, survey, known)

            tally.count(seen=len(survey.files) + len(survey.refused))
            for refused in survey.refused:
                tally.fail(refused)
            await progress.begin(len(survey.files))
            missing = {path: each for path, each in known.items() if path not in survey.files}
            new = new_items([path for path in survey.files if path not in known])
            await _note(run, known, new, survey.files)
            changed, described = _sorted_out(tally, {**known, **new}, survey.files)
            await progress.advance(len(survey.files) - len(changed))
            intake = Intake(
                run=run,
                place=place,
                tally=tally,
                missing=missing,
                on_progress=progress.advance,
            )
            await intake.take_in(changed)
    except OSError as error:
        raise unavailable(error) from error
    await describe_anew(run, described)
    held = await delete_vanished(run, known, intake.missing, listed=len(survey.files), tally=tally)
    return tally.report(held)


async def _known(run: SourceRun) -> dict[str, KnownItem]:
    """The items by path that were there when the source was last looked at.

    A document that a killed run uploaded and did not write down is its item's all the same.
    """
    async with run.tools.database.tenant(run.tenant_id, viewer=None) as scope:
        stored = await known_items(scope, run.source.id)
        known = {each.item.path: each for each in stored if each.item.state != "deleted"}
        unwritten = {
            external_id(run, each.item): each.item
            for each in known.values()
            if each.item.document_id is None
        }
        found = await documents_uploaded_as(scope, run.actor.name, list(unwritten))
    for name, (document_id, document) in found.items():
        item = replace(unwritten[name], document_id=document_id)
        known[item.path] = KnownItem(item=item, document=document)
    return known


async def _note(
    run: SourceRun,
    known: Mapping[str, KnownItem],
    new: Mapping[str, KnownItem],
    files: Mapping[str, Surveyed],
) -> None:
    """Writes down the names of new items before anything is uploaded, and what is back again."""
    back = [path for path in files if path in known and known[path].item.state != "present"]

    async def note(scope: TenantSession) -> None:
        now = run.tools.clock()
        await store_items(scope, run.source.id, [each.item for each in new.values()], now=now)
        await set_item_states(scope, run.source.id, back, "present", now=now)

    if new or back:
        await run.transaction(note)


def _sorted_out(
    tally: Tally, items: Mapping[str, KnownItem], files: Mapping[str, Surveyed]
) -> tuple[list[tuple[KnownItem, Surveyed]], list[tuple[KnownItem, Surveyed]]]:
    """What is to be read, and what only has other readers or another sidecar; counts the rest."""
    to_read: list[tuple[KnownItem, Surveyed]] = []
    to_describe: list[tuple[KnownItem, Surveyed]] = []
    for path, surveyed in files.items():
        known, file = items[path], surveyed.file
        item = known.item
        is_as_it_was = item.etag == file.etag != "" and item.size_bytes == file.size_bytes
        if surveyed.fault is not None:
            tally.fail(surveyed.fault)
        elif not is_as_it_was:
            to_read.append((known, surveyed))
        elif item.error is not None:
            tally.fail(ItemFailure(item=path, **item.error))
        else:
            tally.count(unchanged=1)
            if is_described_anew(known, surveyed):
                to_describe.append((known, surveyed))
    return to_read, to_describe


async def _store(
    run: SourceRun, status: str, report: SyncReport, error: dict[str, str] | None
) -> None:
    stored = StoredRun(
        finished_at=run.tools.clock().isoformat(),
        status=status,
        counts=report.counts,
        failures=report.failures,
        error=error,
    )
    async with run.tools.database.tenant(run.tenant_id, viewer=None) as scope:
        await end_source_run(scope, run.source.id, run.token, run=stored)


async def _silent(_done: int, _total: int) -> None:
    pass


class _Progress:
    """Reports how far a run is, at most once a second."""

    def __init__(self, report: ReportProgress) -> None:
        self._report = report
        self._done = self._total = 0
        self._reported_at = monotonic()

    async def begin(self, total: int) -> None:
        """Says how many there are."""
        self._total = total
        await self._report(0, total)

    async def advance(self, more: int = 1) -> None:
        """So many more are done."""
        self._done += more
        is_last = self._done == self._total
        if is_last or monotonic() - self._reported_at >= REPORT_EVERY_SECONDS:
            self._reported_at = monotonic()
            await self._report(self._done, self._total)
