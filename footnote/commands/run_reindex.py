"""The re-index from the command line: run in this process, or shown as it was stored."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import typer
from rich.progress import Progress, TaskID

from app.http.reindex.present import run_out
from footnote.compose_ingestion import open_ingestion
from footnote.on_database import COMMAND_LINE, chosen_tenants, on_database, upgraded_database
from footnote.output import console, print_json
from footnote.outside import open_web
from footnote.progress_bars import progress_bar
from footnote.worker_tools import build_reindexing, build_source_tools
from ingest.ingestion import Ingestion
from ingest.worker import build_queue_app, run_worker
from kb.errors import ReindexRunNotFound, TenantNotFound
from kb.ids import JobId
from kb.logs import configure_logging
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.failure_names import name_failures
from kb.store.jobs import FINISHED, find_job
from kb.store.reindex_runs import Asked, ReindexRun, begin_run, get_run, list_runs
from kb.store.tenants import Tenant

LOOK_EVERY_SECONDS = 0.25

SHOWN_FAILURES = 20
"""Printed for people; --json has them all."""

COUNTS = (
    ("seen", "unchanged", "new", "changed", "renamed", "deleted", "held", "failed"),
    ("reparsed", "expired", "embedded_chunks", "embedded_tokens"),
)


def show_last(tenant: str | None, *, as_json: bool) -> None:
    """Prints the stored reports of the last runs; ReindexRunNotFound when there are none."""
    _report(on_database(Settings(), lambda database: _last(database, tenant)), as_json=as_json)


def run_and_show(tenant: str | None, asked: Asked, *, as_json: bool) -> None:
    """Runs the re-index in this process, and prints its reports; exit 1 when a run failed."""
    settings = Settings()
    configure_logging("error", settings.log_format)
    with upgraded_database(settings) as url:
        shown = asyncio.run(_run(settings, url, tenant, asked))
    _report(shown, as_json=as_json)


def _report(shown: list[tuple[Tenant, ReindexRun]], *, as_json: bool) -> None:
    if as_json:
        objects = [
            {"tenant": each.name, **run_out(run).model_dump(mode="json")} for each, run in shown
        ]
        print_json(objects[0] if len(objects) == 1 else objects)
    else:
        for each, run in shown:
            _show(each, run)
    if any(run.status in {"failed", "canceled"} for _, run in shown):
        raise typer.Exit(1)


async def _last(database: Database, name: str | None) -> list[tuple[Tenant, ReindexRun]]:
    shown = []
    for tenant in await chosen_tenants(database, name):
        async with database.tenant(tenant.id, viewer=None) as scope:
            runs = await name_failures(scope, await list_runs(scope, limit=1))
        shown += [(tenant, run) for run in runs]
    if not shown:
        raise ReindexRunNotFound("There was no run yet: begin one with 'footnote reindex'.")
    return shown


async def _run(
    settings: Settings, url: str, name: str | None, asked: Asked
) -> list[tuple[Tenant, ReindexRun]]:
    """The ended runs; this process works for them beside the workers that there are."""
    async with open_ingestion(settings, url) as tools, open_web(settings) as web:
        database = tools.database
        begun: list[tuple[Tenant, JobId]] = []
        for tenant in await chosen_tenants(database, name):
            async with database.tenant(tenant.id, viewer=None) as scope:
                # It may be deleted since it was listed.
                with suppress(TenantNotFound):
                    run_id = await begin_run(scope, asked, trigger="cli", owner=COMMAND_LINE.name)
                    begun.append((tenant, run_id))
        sources = build_source_tools(settings, database, tools.files, web)
        app = build_queue_app(url, tools, build_reindexing(settings, tools, sources), None, sources)
        working = asyncio.create_task(
            run_worker(
                app,
                concurrency=settings.worker_concurrency,
                stalled_after=timedelta(seconds=settings.stalled_job_seconds),
                obeys_signals=False,
            )
        )
        with progress_bar() as progress:
            following = asyncio.create_task(_follow(tools, begun, progress))
            try:
                await asyncio.wait({working, following}, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    # It only ends by itself when it cannot work.
                    await working
                await following
            finally:
                for task in (working, following):
                    task.cancel()
                await asyncio.gather(working, following, return_exceptions=True)
        return await _ended(database, begun)


async def _ended(
    database: Database, begun: list[tuple[Tenant, JobId]]
) -> list[tuple[Tenant, ReindexRun]]:
    """The runs, without those of tenants that were deleted; TenantNotFound when that is all."""
    ended = []
    for tenant, run_id in begun:
        async with database.tenant(tenant.id, viewer=None) as scope:
            with suppress(ReindexRunNotFound):
                (run,) = await name_failures(scope, [await get_run(scope, run_id)])
                ended.append((tenant, run))
    if begun and not ended:
        raise TenantNotFound("The tenant was deleted while its documents were brought up to date.")
    return ended


async def _follow(tools: Ingestion, begun: list[tuple[Tenant, JobId]], progress: Progress) -> None:
    """Shows how far the runs are, and returns when all have ended."""
    bars: dict[JobId, TaskID] = {
        run_id: progress.add_task(tenant.name, total=None) for tenant, run_id in begun
    }
    waiting = list(begun)
    while waiting:
        for tenant, run_id in list(waiting):
            async with tools.database.tenant(tenant.id, viewer=None) as scope:
                job = await find_job(scope, run_id)
            if job is not None:
                progress.update(bars[run_id], completed=job.progress_done, total=job.progress_total)
            # None: the tenant has been deleted.
            if job is None or job.status in FINISHED:
                waiting.remove((tenant, run_id))
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _show(tenant: Tenant, run: ReindexRun) -> None:
    shown = run_out(run)
    seconds = "" if shown.seconds is None else f" in {shown.seconds:.1f} s"
    began = "not begun" if run.started_at is None else f"{run.started_at:%Y-%m-%d %H:%M} UTC"
    lines = [f"{tenant.name}: {shown.status} ({shown.trigger}, {began}{seconds})"]
    lines += [
        "  " + "  ".join(f"{name} {getattr(shown, name)}" for name in names) for names in COUNTS
    ]
    if shown.repaired:
        lines.append(
            "  repaired: " + ", ".join(f"{kind} {count}" for kind, count in shown.repaired.items())
        )
    lines += [
        f"  held: {held.name} lists {held.listed} of {held.known} known files: {held.reason}"
        for held in shown.held_sources
    ]
    for failure in shown.failures[:SHOWN_FAILURES]:
        thing = failure.item or failure.document_id or "the run"
        lines.append(f"  failed: {thing}: {failure.message} [{failure.code}]")
    if len(shown.failures) > SHOWN_FAILURES:
        lines.append(f"  and {len(shown.failures) - SHOWN_FAILURES} more: see --json")
    for line in lines:
        console.print(line)
