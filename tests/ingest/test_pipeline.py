"""The pipeline, while others change the document that it reads, and when something is missing."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from typing_extensions import override

from ingest.runs import start
from ingest.shared_lock import SharedLock
from ingest.space_writers import SpaceWriters
from ingest.worker import run_job
from kb.errors import DatabaseUnavailable, DocumentNotFound, FileStoreUnavailable
from kb.ids import JobId, TenantId
from kb.postgres.database import Database, TenantSession, Viewer
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import change_fields, delete_document
from kb.store.documents import get_document
from kb.store.jobs import Job
from kb.telemetry import Metrics
from kb.unit_vectors import Vectors
from models.embedding import Embedder
from tests.app.http.recording import RecordingEmbedder
from tests.footnote.own_database import MAX_ATTEMPTS, OWNER, OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder
from tests.footnote.stored import let_time_pass, queue_rows, stored_document

NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"
ACTOR = Actor(name=OWNER, principals=(), request_id=None)


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/pipeline") as own:
        yield own


@dataclass(frozen=True, kw_only=True)
class WaitingEmbedder(SmallEmbedder):
    """Waits in every call until it may go on."""

    has_begun: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.has_begun.set()
        assert self.may_end.wait(30)
        return super().embed_passages(texts)


@dataclass(frozen=True, kw_only=True)
class BrokenEmbedder(SmallEmbedder):
    """Fails as no library says it would."""

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        raise ZeroDivisionError


class LosesOneAnswer(Database):
    """Ends a job, and then loses the connection before it is told so; once."""

    has_lost = False

    @override
    @asynccontextmanager
    async def tenant(
        self, tenant_id: TenantId, *, viewer: Viewer | None, is_snapshot: bool = False
    ) -> AsyncIterator[TenantSession]:
        async with super().tenant(tenant_id, viewer=viewer, is_snapshot=is_snapshot) as scope:
            yield scope
            ended = await scope.connection.execute(
                text("SELECT count(*) FROM jobs WHERE status = 'succeeded'")
            )
            is_ended = bool(ended.scalar_one())
        if is_ended and not self.has_lost:
            self.has_lost = True
            raise DatabaseUnavailable


@asynccontextmanager
async def embedding_with(own: OwnDatabase, embedder: Embedder) -> AsyncIterator[OwnDatabase]:
    """The same database, ingested into with another embedder."""
    async with SpaceWriters(own.tools.space, embedder) as writers:
        yield replace(own, tools=replace(own.tools, writers=writers))


@asynccontextmanager
async def while_embedding(own: OwnDatabase, job: Job | None) -> AsyncIterator[None]:
    """Runs the job and stops in the middle of it for the time of the block."""
    assert job is not None
    embedder = WaitingEmbedder()
    async with embedding_with(own, embedder) as waiting:
        running = asyncio.create_task(
            run_job(waiting.tools, own.tenant_id, job.id, is_last_attempt=True)
        )
        assert await asyncio.to_thread(embedder.has_begun.wait, 30)
        try:
            yield
        finally:
            embedder.may_end.set()
            await running


def unique(name: str) -> bytes:
    """A note that nobody else has embedded."""
    return NOTE + f"\n# Three\n\nOnly for {name}.\n".encode()


def id_of(job: Job | None) -> JobId:
    assert job is not None
    return job.id


async def test_a_document_deleted_while_it_is_read_leaves_nothing(own: OwnDatabase) -> None:
    accepted = await own.upload(unique("deletion"))
    document_id = accepted.document.id

    async with (
        while_embedding(own, accepted.job),
        own.tools.database.tenant(own.tenant_id, viewer=None) as scope,
    ):
        await delete_document(scope, document_id, actor=ACTOR, now=datetime.now(UTC))

    with pytest.raises(DocumentNotFound):
        await stored_document(own.tools.database, own.tenant_id, str(document_id))
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        for table in ("chunks", "document_versions", "jobs", f"vectors_{own.tools.space.name}"):
            query = text(f"SELECT count(*) FROM {table} WHERE document_id = :id")  # noqa: S608  # names of ours
            assert (await scope.connection.execute(query, {"id": document_id})).scalar_one() == 0


async def test_readers_changed_while_a_document_is_read_are_its_readers(own: OwnDatabase) -> None:
    accepted = await own.upload(unique("readers"))

    async with (
        while_embedding(own, accepted.job),
        own.tools.database.tenant(own.tenant_id, viewer=None) as scope,
    ):
        document = await get_document(scope, accepted.document.id)
        fields = replace(document.fields, principals=("group:hr",))
        await change_fields(scope, document, fields, now=datetime.now(UTC))

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        for table in ("chunks", f"vectors_{own.tools.space.name}"):
            assert await readers(scope, table, accepted.document.id) == {("group:hr",)}


async def readers(scope: TenantSession, table: str, document_id: object) -> set[tuple[str, ...]]:
    query = text(f"SELECT principals FROM {table} WHERE document_id = :id")  # noqa: S608  # names of ours
    rows = await scope.connection.execute(query, {"id": document_id})
    return {tuple(row.principals) for row in rows}


async def test_an_upload_that_comes_while_the_last_one_is_read_takes_its_place(
    own: OwnDatabase,
) -> None:
    first = await own.upload(unique("first"), external_id="replaced")

    async with while_embedding(own, first.job):
        second = await own.upload(unique("second"), external_id="replaced")
    await run_job(own.tools, own.tenant_id, id_of(second.job), is_last_attempt=True)

    assert (await own.job(id_of(first.job))).status == "canceled"
    assert (await own.job(id_of(second.job))).status == "succeeded"
    document = await stored_document(own.tools.database, own.tenant_id, str(first.document.id))
    assert document.is_whole
    assert (document.status, document.versions) == ("ready", [2])


async def test_two_workers_with_the_same_job_publish_once(own: OwnDatabase) -> None:
    accepted = await own.upload(unique("two workers"))
    other = replace(own.tools, job_lock=SharedLock())

    async with while_embedding(own, accepted.job):
        await run_job(other, own.tenant_id, id_of(accepted.job), is_last_attempt=True)

    document = await stored_document(own.tools.database, own.tenant_id, str(accepted.document.id))
    assert document.is_whole
    assert (document.status, document.versions) == ("ready", [1])
    assert (await own.job(id_of(accepted.job))).status == "succeeded"


async def test_an_error_that_nobody_foresaw_ends_the_job_and_not_the_worker(
    own: OwnDatabase,
) -> None:
    accepted = await own.upload(unique("a broken embedder"))

    async with embedding_with(own, BrokenEmbedder()) as broken:
        await run_job(broken.tools, own.tenant_id, id_of(accepted.job), is_last_attempt=False)

    job = await own.job(id_of(accepted.job))
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["retryable"]) == ("processing_failed", False)


async def test_the_same_text_twice_in_a_document_is_embedded_once(own: OwnDatabase) -> None:
    hours = b"# Hours\n\nOpen from nine to five.\n\n"
    embedder = RecordingEmbedder(embedder=SmallEmbedder())

    accepted = await own.upload(hours + b"# Doors\n\nUse door two.\n\n" + hours)
    async with embedding_with(own, embedder) as recording:
        await run_job(recording.tools, own.tenant_id, id_of(accepted.job), is_last_attempt=True)

    assert embedder.passages == [
        "Hours\nHours\n\nOpen from nine to five.",
        "Hours > Doors\nDoors\n\nUse door two.",
    ]
    document = await stored_document(own.tools.database, own.tenant_id, str(accepted.document.id))
    assert document.is_whole
    assert document.chunk_count == 3


async def test_a_job_that_is_finished_is_not_run_again(own: OwnDatabase) -> None:
    accepted = await own.upload(unique("again"))
    await run_job(own.tools, own.tenant_id, id_of(accepted.job), is_last_attempt=True)
    finished = await own.job(id_of(accepted.job))

    assert await start(own.tools, own.tenant_id, id_of(accepted.job), is_alone=False) is None

    assert await own.job(id_of(accepted.job)) == finished


async def test_a_missing_file_store_is_waited_for_and_then_given_up(
    settings: Settings, database_url: str
) -> None:
    files = settings.home_path / "lost-files"
    async with own_database(database_url, f"file://{files}") as own:
        accepted = await own.upload(NOTE, external_id="note")
        shutil.rmtree(files)

        await own.work_until_empty()
        waiting = await own.job(id_of(accepted.job))
        rows_while_waiting = await queue_rows(own.tools.database)
        for _ in range(MAX_ATTEMPTS - 1):
            await let_time_pass(own.tools.database)
            await own.work_until_empty()

        assert waiting.status not in {"failed", "succeeded"}
        assert rows_while_waiting == [("todo", 1)]
        failed = await own.job(id_of(accepted.job))
        assert (failed.status, failed.attempts) == ("failed", MAX_ATTEMPTS)
        assert failed.error is not None
        assert (failed.error["code"], failed.error["retryable"]) == (
            FileStoreUnavailable.code,
            True,
        )
        again = await own.upload(NOTE, external_id="note")
        await own.work_until_empty()
        document = await stored_document(own.tools.database, own.tenant_id, str(again.document.id))
        assert again.document.id == accepted.document.id
        assert document.is_whole
        assert document.status == "ready"


async def test_a_document_whose_commit_is_not_answered_counts_as_served(
    settings: Settings, database_url: str
) -> None:
    async with own_database(database_url, f"file://{settings.home_path}/unanswered") as own:
        database, metrics = LosesOneAnswer(own.url, pool_size=3), Metrics()
        tools = replace(own.tools, database=database, metrics=metrics)
        accepted = await own.upload(NOTE)
        assert accepted.job is not None

        await run_job(tools, own.tenant_id, accepted.job.id, is_last_attempt=False)

        await database.close()
        document = await stored_document(
            own.tools.database, own.tenant_id, str(accepted.document.id)
        )
    assert database.has_lost
    assert (document.versions, document.is_whole) == ([1], True)
    counted = {
        status: metrics.registry.get_sample_value(
            "footnote_ingest_total", {"status": status, "code": ""}
        )
        for status in ("succeeded", "canceled")
    }
    assert counted == {"succeeded": 1, "canceled": None}
