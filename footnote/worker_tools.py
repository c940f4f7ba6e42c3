"""The tools of a worker beside those of ingestion: sources, webhooks, and the nights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import SystemRandom

from footnote.on_database import utc_now
from footnote.outside import open_outbound, source_prefixes
from ingest.deliveries import WebhookTools
from ingest.ingestion import Ingestion
from ingest.night import Night
from ingest.reindex import Reindexing
from ingest.sources.opening import SourceOpener
from ingest.sources.run import SourceTools
from ingest.sources.sync import enqueue_due_sources
from ingest.sources.web_list import WebClient
from ingest.upkeep import Upkeep
from kb.errors import InvalidInput, Misconfigured
from kb.files import FileStore
from kb.postgres.database import Database
from kb.schedule import validate_cron
from kb.settings import Settings
from kb.store.retention import Retention
from kb.store.uploads import Uploads
from kb.telemetry import Metrics


def build_reindexing(settings: Settings, tools: Ingestion, sources: SourceTools) -> Reindexing:
    """The tools that the worker brings a tenant up to date with."""
    return Reindexing(
        ingestion=tools,
        upkeep=build_upkeep(settings, tools.database, tools.metrics),
        sources=sources,
    )


def build_night(settings: Settings, database: Database) -> Night:
    """The schedule of the nightly work; Misconfigured when the setting cannot be read."""
    try:
        cron = validate_cron(settings.nightly_cron)
    except InvalidInput as error:
        raise Misconfigured(f"FOOTNOTE_NIGHTLY_CRON: {error.message}") from error
    return Night(
        database=database,
        cron=cron,
        clock=utc_now,
        enqueue_due_sources=lambda now: enqueue_due_sources(database, now=now),
    )


def build_source_tools(
    settings: Settings, database: Database, files: FileStore, web: WebClient
) -> SourceTools:
    """The tools that sources are synchronised with; Misconfigured by a prefix that is none."""
    return SourceTools(
        database=database,
        files=files,
        uploads=Uploads(database=database, files=files, max_bytes=settings.max_upload_bytes),
        opener=SourceOpener(
            prefixes=source_prefixes(settings), web=web, max_bytes=settings.max_upload_bytes
        ),
        clock=utc_now,
    )


@asynccontextmanager
async def open_webhook_tools(
    settings: Settings, database: Database, metrics: Metrics
) -> AsyncIterator[WebhookTools]:
    """What a worker delivers events to webhooks with."""
    async with open_outbound(settings) as client:
        yield WebhookTools(
            database=database,
            client=client,
            metrics=metrics,
            clock=utc_now,
            draw=SystemRandom().random,
        )


def build_upkeep(settings: Settings, database: Database, metrics: Metrics) -> Upkeep:
    """The nightly deletion of what has outlived its retention."""
    answer_days, metering_days = settings.answer_retention_days, settings.metering_retention_days
    return Upkeep(
        database=database,
        files=FileStore(settings.effective_file_store_url),
        metrics=metrics,
        retention=Retention(
            answers=timedelta(days=answer_days) if answer_days else None,
            model_calls=timedelta(days=metering_days) if metering_days else None,
        ),
        clock=utc_now,
    )
