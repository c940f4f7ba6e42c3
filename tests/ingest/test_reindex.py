"""Runs of the re-index: what they find, mend and report, and how they survive."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text, update

from ingest.reindex import Reindexing
from ingest.upkeep import Upkeep
from ingest.worker import build_queue_app, run_worker, take_over_stalled_jobs
from kb.ids import DocumentId, JobId
from kb.settings import Settings
from kb.store.documents import Document, get_document
from kb.store.reindex_runs import Asked, ReindexRun, begin_run, get_run
from kb.store.retention import Retention
from kb.store.tables import document_versions
from tests.footnote.own_database import STALLED, OwnDatabase, own_database

NOTES = [
    f"# Note {number}\n\nThe bonus of desk {number} is {number * 100} euros.\n"
    for number in range(3)
]


@dataclass(frozen=True, kw_only=True)
class Nightly:
    """A database with what re-indexes it."""

    own: OwnDatabase

    @property
    def reindexing(self) -> Reindexing:
        tools = self.own.tools
        upkeep = Upkeep(
            database=tools.database,
            files=tools.files,
            metrics=tools.metrics,
            retention=Retention(answers=None, model_calls=None),
            clock=tools.clock,
        )
        return Reindexing(ingestion=tools, upkeep=upkeep, sources=None)

    async def begin(self, asked: Asked | None = None) -> JobId:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            job_id = await begin_run(scope, asked or Asked(), trigger="api", owner="test")
        assert job_id is not None
        return job_id

    async def work(self, *, concurrency: int = 1) -> None:
        """Runs all jobs that are due, as a worker of one place would."""
        app = build_queue_app(self.own.url, self.own.tools, self.reindexing)
        async with app.open_async():
            await take_over_stalled_jobs(app, STALLED.total_seconds())
        await run_worker(app, concurrency=concurrency, stalled_after=STALLED, wait=False)

    async def run(self, asked: Asked | None = None) -> ReindexRun:
        run_id = await self.begin(asked)
        await self.work()
        return await self.stored(run_id)

    async def stored(self, run_id: JobId) -> ReindexRun:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return await get_run(scope, run_id)

    async def document(self, document_id: DocumentId) -> Document:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return await get_document(scope, document_id)

    async def execute(self, statement: str, **values: object) -> None:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            await scope.connection.execute(text(statement), values)

    async def upload_notes(self) -> list[DocumentId]:
        accepted = [await self.own.upload(note.encode()) for note in NOTES]
        await self.own.work_until_empty()
        return [each.document.id for each in accepted]

    async def make_outdated(self, document_id: DocumentId, **values: str) -> None:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            await scope.connection.execute(
                update(document_versions)
                .where(
                    document_versions.c.tenant_id == self.own.tenant_id,
                    document_versions.c.document_id == document_id,
                )
                .values(**values)
            )


@pytest.fixture
async def nightly(settings: Settings, database_url: str) -> AsyncIterator[Nightly]:
    async with own_database(database_url, f"file://{settings.home_path}/reindex") as own:
        yield Nightly(own=own)


async def test_nothing_changed_is_nothing_done(nightly: Nightly) -> None:
    document_ids = await nightly.upload_notes()
    before = [await nightly.document(each) for each in document_ids]

    run = await nightly.run()

    assert run.status == "succeeded"
    assert (run.report["seen"], run.report["unchanged"]) == (3, 3)
    assert run.report["embedded_chunks"] == 0
    assert run.report["repaired"] == {}
    assert [await nightly.document(each) for each in document_ids] == before
