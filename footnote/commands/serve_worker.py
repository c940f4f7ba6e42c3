"""Serving: the worker, alone or beside an API."""

import asyncio
import os
from contextlib import closing
from datetime import timedelta

from prometheus_client import start_http_server

from footnote.compose_ingestion import open_ingestion
from footnote.outside import open_web
from footnote.service_process import (
    database_parts,
    group_ended_without,
    service,
    started,
    stop_with,
)
from footnote.supervisor import Supervisor
from footnote.worker_tools import (
    build_night,
    build_reindexing,
    build_source_tools,
    open_webhook_tools,
)
from ingest.deliveries import deliver_due, keep_delivering
from ingest.worker import build_queue_app, run_worker
from kb import stopping
from kb.heartbeat import Heartbeat
from kb.process_metrics import show_metrics
from kb.settings import Settings

BESIDE_AN_API = 10
"""The niceness of a worker beside an API: searches come first."""


def worker(*, until_empty: bool, exit_with: int | None, metrics_at: int | None) -> None:
    """Run a worker that ingests what was uploaded."""
    # Before the worker gives way to others: what says that it lives should not.
    with (
        service(is_child=exit_with is not None) as settings,
        closing(Heartbeat()) as heartbeat,
    ):
        if exit_with is not None:
            os.nice(BESIDE_AN_API)
        with (
            group_ended_without(exit_with),
            started("worker", settings) as server,
            # A parent watches the database for both.
            Supervisor(
                database_parts(server) if exit_with is None else [], home=settings.home_path
            ),
        ):
            asyncio.run(
                _work(
                    settings,
                    server.url,
                    heartbeat,
                    until_empty=until_empty,
                    parent=exit_with,
                    metrics_at=metrics_at,
                )
            )


async def _work(
    settings: Settings,
    url: str,
    heartbeat: Heartbeat,
    *,
    until_empty: bool,
    parent: int | None,
    metrics_at: int | None,
) -> None:
    async with (
        open_ingestion(settings, url) as tools,
        open_web(settings) as web,
        open_webhook_tools(settings, tools.database, tools.metrics) as webhooks,
    ):
        if settings.worker_metrics_port:
            start_http_server(settings.worker_metrics_port, registry=tools.metrics.registry)
        elif metrics_at is not None:
            await show_metrics(tools.metrics, metrics_at)
        watching = asyncio.create_task(stop_with(parent)) if parent is not None else None
        sources = build_source_tools(settings, tools.database, tools.files, web)
        working = asyncio.create_task(
            run_worker(
                build_queue_app(
                    url,
                    tools,
                    build_reindexing(settings, tools, sources),
                    build_night(settings, tools.database),
                    sources,
                ),
                concurrency=settings.worker_concurrency,
                stalled_after=timedelta(seconds=settings.stalled_job_seconds),
                heartbeat=heartbeat,
                wait=not until_empty,
                obeys_signals=False,
            )
        )
        delivering = None if until_empty else asyncio.create_task(keep_delivering(webhooks))
        loop = asyncio.get_running_loop()
        try:
            with stopping.on_request(lambda: loop.call_soon_threadsafe(working.cancel)):
                await working
                if until_empty:
                    await deliver_due(webhooks)
        except asyncio.CancelledError:
            if not stopping.is_requested():
                raise
        finally:
            if delivering is not None:
                delivering.cancel()
                await asyncio.gather(delivering, return_exceptions=True)
            if watching is not None:
                watching.cancel()
