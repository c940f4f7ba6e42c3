"""A worker that loses its power at a chosen moment, as a process of its own.

Run as `python -m tests.footnote.dying_worker MOMENT DATABASE_URL FILES_URL`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from unittest.mock import patch

from ingest import worker
from ingest.ingestion import Ingestion
from ingest.pipeline import ingest_document
from ingest.publish import Publication, publish
from ingest.reading import ReadDocument
from ingest.runs import Run
from kb.ids import JobId
from kb.postgres.database import Database, TenantSession
from tests.footnote.own_database import open_small_tools
from tests.footnote.small_embedder import SmallEmbedder

SLOW_SECONDS_A_CALL = 1.0
"""Of 128 texts."""


def die() -> None:
    """Ends this process on the spot."""
    os.kill(os.getpid(), signal.SIGKILL)


async def read_and_die(*_: object) -> ReadDocument:
    """The worker itself dies; a child that does would be no harm."""
    die()
    raise AssertionError


async def publish_and_die(
    scope: TenantSession, publications: Mapping[JobId, Publication], **how: object
) -> frozenset[JobId]:
    """Everything is written, nothing is committed."""
    await publish(scope, publications, **how)  # type: ignore[arg-type]  # handed on
    die()
    raise AssertionError


async def ingest_and_die(tools: Ingestion, run: Run) -> None:
    """Everything is committed, the queue has not heard of it."""
    await ingest_document(tools, run)
    die()


MOMENTS: dict[str, tuple[str, object]] = {
    "parsing": ("ingest.pipeline.read_file", read_and_die),
    "before the commit": ("ingest.pipeline.publish", publish_and_die),
    "after the commit": ("ingest.worker.ingest_document", ingest_and_die),
    "never": ("ingest.pipeline.publish", publish),
}
"""Each with the stage it is in, and what takes its place."""


async def main(moment: str, database_url: str, files_url: str) -> None:
    database = Database(database_url, pool_size=3)
    seconds = SLOW_SECONDS_A_CALL if moment == "never" else 0.0
    async with open_small_tools(
        database, files_url, embedders=[SmallEmbedder(seconds_a_call=seconds)]
    ) as tools:
        with patch(*MOMENTS[moment]):
            await worker.run_worker(
                worker.build_queue_app(database_url, tools),
                concurrency=1,
                stalled_after=timedelta(seconds=60),
            )
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
