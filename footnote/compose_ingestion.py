"""The composition root of what ingests: it loads nothing that searches, answers or serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from footnote.embedding_model import open_active_model
from footnote.on_database import open_database, utc_now
from ingest.ingestion import Ingestion
from ingest.reading import reading_children
from ingest.space_writers import SpaceWriters
from kb.files import FileStore
from kb.settings import Settings
from kb.store.uploads import Uploads
from kb.telemetry import Metrics


def uploads_with(tools: Ingestion, settings: Settings) -> Uploads:
    """The way every upload takes, over the database and the files of these tools."""
    return Uploads(database=tools.database, files=tools.files, max_bytes=settings.max_upload_bytes)


@asynccontextmanager
async def open_ingestion(settings: Settings, database_url: str) -> AsyncIterator[Ingestion]:
    """The tools that the worker ingests with."""
    async with (
        open_database(settings, database_url) as database,
        SpaceWriters(*await open_active_model(settings, database)) as writers,
    ):
        with closing(reading_children()) as children:
            yield Ingestion(
                database=database,
                files=FileStore(settings.effective_file_store_url),
                children=children,
                writers=writers,
                metrics=Metrics(),
                max_attempts=settings.job_max_attempts,
                clock=utc_now,
            )
