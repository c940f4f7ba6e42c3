"""Runs of the re-index: what they find, mend and report, and how they survive."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from ingest import pipeline
from ingest import reindex as reindex_module
from ingest import repair as repair_module
from ingest.reading import ReadDocument
from ingest.reindex import Reindexing, reindex
from ingest.rereading import enqueue_rereads
from ingest.tenant_jobs import TenantRun
from ingest.upkeep import Upkeep
from ingest.worker import build_queue_app, run_worker, take_over_stalled_jobs
from kb.errors import DocumentCorrupt, InvalidInput, SourceNotFound
from kb.ids import DocumentId, JobId, new_uuid
from kb.postgres.database import TenantSession
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import change_fields, delete_document
from kb.store.choices import FinishedStatus
from kb.store.documents import Document, get_document
from kb.store.drift import lost_jobs
from kb.store.job_control import cancel_job, retry_job
from kb.store.jobs import finish_job, latest_job, start_job
from kb.store.outdated import Among
from kb.store.reindex_runs import Asked, ReindexRun, begin_run, get_run
from kb.store.retention import Retention
from kb.store.source_runs import begin_source_run, end_source_run
from kb.store.sources import SourceSettings, create_source
from kb.store.versions import list_versions
from kb.store.webhooks import create_webhook
from tests.footnote.own_database import STALLED, OwnDatabase, own_database
from tests.ingest.sources.library import tools_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOTES = [f"# Note {n}\n\nThe bonus of desk {n} is {n * 100} euros.\n" for n in range(3)]


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
        return Reindexing(ingestion=tools, upkeep=upkeep, sources=tools_of(self.own))

    async def begin(self, asked: Asked | None = None) -> JobId:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return await begin_run(scope, asked or Asked(), trigger="api", owner="test")

    async def work(self, *, concurrency: int = 1) -> None:
        """Runs all jobs that are due, as a worker of one place would."""
        app = build_queue_app(self.own.url, self.own.tools, self.reindexing)
        async with app.open_async():
            await take_over_stalled_jobs(app, STALLED.total_seconds())
        await run_worker(app, concurrency=concurrency, stalled_after=STALLED, wait=False)

    async def attempt(self, run_id: JobId) -> FinishedStatus | None:
        """Begins or goes on with the run, without the queue."""
        job = await self.own.job(run_id)
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            attempt = await start_job(scope, run_id, is_alone=False, now=NOW)
        run = TenantRun(
            database=self.own.tools.database,
            clock=self.own.tools.clock,
            tenant_id=self.own.tenant_id,
            job=job,
            attempt=attempt,
        )
        return await reindex(self.reindexing, run)

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
        """As if an older release had read it; versions are immutable, which a trigger sees to."""
        assignments = ", ".join(f"{column} = :{column}" for column in values)
        async with self.own.tools.database.owner() as connection:
            await connection.execute(text("ALTER TABLE document_versions DISABLE TRIGGER USER"))
            await connection.execute(
                text(f"UPDATE document_versions SET {assignments} WHERE document_id = :id"),  # noqa: S608
                {**values, "id": document_id},
            )
            await connection.execute(text("ALTER TABLE document_versions ENABLE TRIGGER USER"))

    async def waiting_locks(self, task: str) -> set[str]:
        """The locks in the queue of the jobs of a task that wait."""
        query = text(
            "SELECT lock FROM procrastinate.procrastinate_jobs"
            " WHERE task_name = :task AND status = 'todo'"
        )
        async with self.own.tools.database.owner() as connection:
            return set((await connection.execute(query, {"task": task})).scalars())

    async def lose_the_queue(self) -> None:
        async with self.own.tools.database.owner() as connection:
            await connection.execute(text("SET LOCAL search_path = procrastinate"))
            await connection.execute(text("DELETE FROM procrastinate_jobs"))


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


async def test_what_an_older_parser_has_read_is_read_again_and_embeds_nothing(
    nightly: Nightly,
) -> None:
    first, second, third = await nightly.upload_notes()
    await nightly.make_outdated(first, parser_version="0.1+1")
    await nightly.make_outdated(second, chunker_version="0")
    before = [await nightly.document(each) for each in (first, second, third)]

    run = await nightly.run()

    after = [await nightly.document(each) for each in (first, second, third)]
    assert run.status == "succeeded", run.report
    assert (run.report["reparsed"], run.report["unchanged"], run.report["seen"]) == (2, 1, 3)
    assert run.report["embedded_chunks"] == 0
    assert [(each.version, each.upload) for each in after] == [(2, 2), (2, 2), (1, 1)]
    for old, new in zip(before, after, strict=True):
        # Owner, readers, fields, times: all but the number of the version is as it was.
        assert replace(new, version=1, upload=1, revision=old.revision) == old
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        versions = await list_versions(scope, first, after=0, limit=10)
    assert versions[1].parser_version != "0.1+1"
    assert versions[0].content_sha256 == versions[1].content_sha256

    again = await nightly.run()

    assert (again.report["reparsed"], again.report["unchanged"]) == (0, 3)


async def test_webhooks_are_told_of_the_end_of_a_run_once(nightly: Nightly) -> None:
    await nightly.upload_notes()
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        await create_webhook(
            scope, url="https://example.com", events=["reindex.finished"], secret="x", now=NOW
        )

    run = await nightly.run()

    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        rows = await scope.connection.execute(text("SELECT data FROM webhook_deliveries"))
    (told,) = rows.scalars()
    assert (told["id"], told["status"], told["seen"]) == (str(run.id), "succeeded", 3)


async def test_everything_of_a_collection_is_read_again_when_asked(nightly: Nightly) -> None:
    document_ids = await nightly.upload_notes()

    run = await nightly.run(Asked(collection="default", only_changed=False))

    assert run.report["reparsed"] == 3
    assert [(await nightly.document(each)).version for each in document_ids] == [2, 2, 2]


async def test_a_document_that_cannot_be_read_any_more_stays_served_and_is_reported_once(
    nightly: Nightly, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = await nightly.upload_notes()
    before = await nightly.document(first)
    await nightly.make_outdated(first, parser_version="0.1+1")

    async def refuse(*_: object) -> ReadDocument:
        raise DocumentCorrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "read_file", refuse)
        run = await nightly.run()
        again = await nightly.run()

    assert run.status == "completed_with_errors"
    (failure,) = run.report["failures"]
    assert (failure["document_id"], failure["code"]) == (str(first), "document_corrupt")
    assert (run.report["failed"], run.report["unchanged"]) == (1, 2)
    assert await nightly.document(first) == before
    # The same parser would fail again, every night.
    assert (again.status, again.report["failed"]) == ("succeeded", 0)


async def test_the_pending_upload_of_somebody_is_not_disturbed(nightly: Nightly) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode(), "note")
    await nightly.own.work_until_empty()
    await nightly.make_outdated(accepted.document.id, parser_version="0.1+1")
    broken = await nightly.own.upload(b"%PDF-1.7\nbroken", "note", filename="note.pdf")
    await nightly.own.work_until_empty()
    before = await nightly.document(accepted.document.id)
    assert (before.version, before.upload, before.error is None) == (1, 2, False)

    run = await nightly.run()

    assert run.report["reparsed"] == 0
    assert await nightly.document(broken.document.id) == before


async def test_rereadings_wait_for_their_own_document_and_leave_the_queue_when_canceled(
    nightly: Nightly,
) -> None:
    document_ids = await nightly.upload_notes()
    for document_id in document_ids:
        await nightly.make_outdated(document_id, parser_version="0.1+1")
    database, tenant_id = nightly.own.tools.database, nightly.own.tenant_id
    run_id = await nightly.begin()
    await enqueue_rereads(database, tenant_id, Among(run_id=run_id))

    locks = await nightly.waiting_locks("reread_document")
    actor = Actor(name="admin", principals=(), request_id=None, is_admin=True)
    async with database.tenant(tenant_id, viewer=None) as scope:
        rereading = await latest_job(scope, document_ids[0])
        assert rereading is not None
        await cancel_job(scope, rereading.id, actor=actor, now=NOW)
    left = await nightly.waiting_locks("reread_document")

    assert locks == {str(each) for each in document_ids}
    assert left == locks - {str(document_ids[0])}


async def test_an_upload_beside_a_rereading_wins(nightly: Nightly) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode(), "note")
    await nightly.own.work_until_empty()
    await nightly.make_outdated(accepted.document.id, parser_version="0.1+1")
    run_id = await nightly.begin()
    among = Among(run_id=run_id)
    assert await enqueue_rereads(nightly.own.tools.database, nightly.own.tenant_id, among) == 1
    await nightly.own.upload(b"# Note\n\nThe bonus is 7 euros.\n", "note")

    await nightly.work()

    document = await nightly.document(accepted.document.id)
    assert (document.version, document.upload, document.status) == (2, 2, "ready")
    assert (await nightly.stored(run_id)).status == "succeeded"


async def test_nobody_is_told_to_wait_for_a_rereading_and_to_cancel_it_changes_nothing(
    nightly: Nightly,
) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode(), "note")
    await nightly.own.work_until_empty()
    before = await nightly.document(accepted.document.id)
    await nightly.make_outdated(before.id, parser_version="0.1+1")
    run_id = await nightly.begin()
    await enqueue_rereads(nightly.own.tools.database, nightly.own.tenant_id, Among(run_id=run_id))
    actor = Actor(name="admin", principals=(), request_id=None, is_admin=True)

    same = await nightly.own.upload(NOTES[0].encode(), "note")
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        rereading = await latest_job(scope, before.id)
        assert rereading is not None
        canceled = await cancel_job(scope, rereading.id, actor=actor, now=NOW)
    between = await nightly.document(before.id)
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        await retry_job(scope, rereading.id, actor=actor, now=NOW)
    queued_again = await nightly.document(before.id)
    await nightly.work()

    assert same.job is None
    assert (rereading.kind, canceled.status) == ("reread", "canceled")
    assert between == queued_again == before
    assert (await nightly.document(before.id)).version == 2


async def test_the_readers_of_a_reread_document_are_those_of_today(nightly: Nightly) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode(), "note")
    await nightly.own.work_until_empty()
    document_id = accepted.document.id
    await nightly.make_outdated(document_id, parser_version="0.1+1")
    run_id = await nightly.begin()
    await enqueue_rereads(nightly.own.tools.database, nightly.own.tenant_id, Among(run_id=run_id))
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        document = await get_document(scope, document_id)
        fields = replace(document.fields, principals=("user:hr",))
        await change_fields(scope, document, fields, now=NOW)

    await nightly.work()

    assert (await nightly.document(document_id)).version == 2
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        rows = await scope.connection.execute(
            text("SELECT principals FROM chunks WHERE document_id = :id"), {"id": document_id}
        )
        assert [row.principals for row in rows] == [["user:hr"]]


async def test_chunks_without_vectors_are_embedded_and_nothing_else(nightly: Nightly) -> None:
    first, *_ = await nightly.upload_notes()
    table = f"vectors_{nightly.own.tools.space.name}"
    await nightly.execute(f"DELETE FROM {table} WHERE document_id = :id", id=first)  # noqa: S608

    run = await nightly.run()

    assert run.report["repaired"] == {"chunks_without_vectors": 1}
    assert run.report["embedded_chunks"] == 1
    assert run.report["embedded_tokens"] > 0
    assert (await nightly.document(first)).version == 1
    assert (await nightly.run()).report["repaired"] == {}


async def test_the_space_of_the_model_that_is_named_is_filled_and_counted(
    nightly: Nightly,
) -> None:
    first, *_ = await nightly.upload_notes()
    space = nightly.own.tools.space
    await nightly.execute(f"DELETE FROM vectors_{space.name} WHERE document_id = :id", id=first)  # noqa: S608

    run = await nightly.run(Asked(collection="default", embedding_model=space.model))

    assert (run.status, run.report["embedded_chunks"]) == ("succeeded", 1)
    assert run.report["embedded_tokens"] > 0
    assert (await nightly.run()).report["repaired"] == {}


async def test_an_upload_that_no_job_would_read_is_read(nightly: Nightly) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode())
    await nightly.execute("DELETE FROM jobs WHERE document_id = :id", id=accepted.document.id)

    run = await nightly.run()

    assert run.report["repaired"] == {"unread_documents": 1}
    assert (await nightly.document(accepted.document.id)).status == "ready"


async def test_a_job_that_is_not_in_the_queue_is_queued_again(nightly: Nightly) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode())
    await nightly.lose_the_queue()

    run = await nightly.run()

    assert run.report["repaired"] == {"lost_jobs": 1}
    await nightly.work()
    assert (await nightly.document(accepted.document.id)).status == "ready"


async def test_a_lost_job_whose_document_is_deleted_meanwhile_is_no_trouble(
    nightly: Nightly, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await nightly.own.upload(NOTES[0].encode())
    await nightly.lose_the_queue()
    actor = Actor(name="admin", principals=(), request_id=None, is_admin=True)

    async def and_delete_it(scope: TenantSession, *, limit: int, kind: str | None) -> list[JobId]:
        found = await lost_jobs(scope, limit=limit, kind=kind)
        async with nightly.own.tools.database.tenant(scope.tenant_id, viewer=None) as other:
            await delete_document(other, accepted.document.id, actor=actor, now=NOW)
        return found

    monkeypatch.setattr(repair_module, "lost_jobs", and_delete_it)

    assert await repair_module.requeue_lost_jobs(nightly.own.tools, nightly.own.tenant_id) == 0


async def test_a_document_without_its_chunks_is_read_again(nightly: Nightly) -> None:
    first, *_ = await nightly.upload_notes()
    await nightly.execute("DELETE FROM chunks WHERE document_id = :id", id=first)

    run = await nightly.run()

    assert run.report["repaired"] == {"miscounted_documents": 1}
    assert (await nightly.document(first)).chunk_count == 1
    assert (await nightly.run()).report["repaired"] == {}


async def test_bytes_that_are_gone_are_reported_under_their_document(nightly: Nightly) -> None:
    first, *_ = await nightly.upload_notes()
    sha256 = (await nightly.document(first)).content.sha256
    await nightly.own.tools.files.delete(nightly.own.tenant_id, sha256)

    run = await nightly.run()

    assert run.status == "completed_with_errors"
    (failure,) = run.report["failures"]
    assert (failure["document_id"], failure["code"]) == (str(first), "content_missing")


async def test_what_is_out_of_force_is_counted_and_listed(nightly: Nightly) -> None:
    first, second, third = await nightly.upload_notes()
    await nightly.execute("UPDATE documents SET expires_at = :at WHERE id = :id", id=first, at=NOW)
    await nightly.execute(
        "UPDATE documents SET supersedes = :old WHERE id = :id", id=third, old=second
    )

    report = (await nightly.run()).report

    assert report["expired"] == 1
    assert [(each["document_id"], each["reason"]) for each in report["stale"]] == [
        (str(first), "expired"),
        (str(second), "superseded"),
    ]


async def test_a_run_whose_worker_was_killed_goes_on_behind_the_steps_that_are_done(
    nightly: Nightly, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_ = await nightly.upload_notes()
    await nightly.make_outdated(first, parser_version="0.1+1")
    run_id = await nightly.begin()
    app = build_queue_app(nightly.own.url, nightly.own.tools, nightly.reindexing)
    async with app.open_async():
        worker_id = await app.jobs.register_worker()
        assert await app.jobs.fetch_job(queues=["background"], worker_id=worker_id) is not None
        await app.jobs.unregister_worker(worker_id)

    class Killed(BaseException):
        """As `kill -9`: nothing of the run's own code sees it."""

    async def kill(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(reindex_module, "repair", kill)
    with pytest.raises(Killed):
        await nightly.attempt(run_id)
    monkeypatch.undo()
    between = await nightly.stored(run_id)

    await nightly.work()

    run = await nightly.stored(run_id)
    assert (between.status, between.steps) == ("running", ("reread",))
    assert (run.status, run.report["reparsed"]) == ("succeeded", 1)
    assert (await nightly.document(first)).version == 2


async def test_a_run_waits_for_an_earlier_one_even_when_that_was_lost(nightly: Nightly) -> None:
    earlier = await nightly.begin()
    await nightly.lose_the_queue()
    later = await nightly.begin()

    await nightly.work()

    runs = [await nightly.stored(earlier), await nightly.stored(later)]
    assert [run.status for run in runs] == ["succeeded", "succeeded"]
    assert runs[0].finished_at is not None
    assert runs[1].started_at is not None
    assert runs[0].finished_at <= runs[1].started_at


async def test_a_canceled_run_is_shown_as_canceled(nightly: Nightly) -> None:
    run_id = await nightly.begin()
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        await finish_job(scope, run_id, "canceled", error=None, now=NOW)

    await nightly.work()

    run = await nightly.stored(run_id)
    assert (run.status, run.finished_at) == ("canceled", NOW)


async def test_what_is_not_there_cannot_be_reindexed(nightly: Nightly) -> None:
    run = await nightly.run(Asked(collection="nowhere"))

    assert run.status == "failed"
    assert run.error is not None
    assert run.error["message"] == "There is no collection 'nowhere'."
    with pytest.raises(SourceNotFound):
        await nightly.begin(Asked(source="nowhere"))
    with pytest.raises(InvalidInput, match="footnote space create --model another-model"):
        await nightly.begin(Asked(embedding_model="another-model"))


async def add_source(nightly: Nightly, name: str, folder: Path) -> None:
    settings = SourceSettings(uri=folder.as_uri(), principals=("tenant:*",))
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        await create_source(scope, name, settings, is_operators=True, now=NOW)


async def test_sources_are_synchronised_and_one_that_is_away_does_not_keep_the_others(
    nightly: Nightly, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, note in enumerate(NOTES):
        (docs / f"{number}.md").write_text(note)
    await add_source(nightly, "away", tmp_path / "away")
    await add_source(nightly, "docs", docs)

    first = await nightly.run()
    (docs / "0.md").write_text("# Note 0\n\nThe bonus of desk 0 is 5 euros.\n")
    second = await nightly.run()
    third = await nightly.run()

    assert first.status == "completed_with_errors"
    (failure,) = first.report["failures"]
    assert (failure["item"], failure["document_id"]) == ("away", None)
    shown = ("seen", "new", "changed", "unchanged", "failed", "embedded_chunks")
    assert [[run.report[name] for name in shown] for run in (first, second, third)] == [  # type: ignore[literal-required]
        [3, 3, 0, 0, 1, 3],
        [3, 0, 1, 2, 1, 1],
        [3, 0, 0, 3, 1, 0],
    ]


async def test_all_jobs_are_looked_through_once_however_many_sources_there_are(
    nightly: Nightly, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(NOTES[0])
        await add_source(nightly, name, tmp_path / name)
    engine = nightly.own.tools.database.engine.sync_engine
    looks: list[str] = []

    def note(*arguments: object) -> None:
        statement = str(arguments[2])
        if "UPDATE jobs SET run_id" in statement and "owner" in statement:
            looks.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        run = await nightly.run()
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert (run.report["new"], run.report["embedded_chunks"]) == (3, 1)
    assert len(looks) == 1


async def test_a_source_that_lists_nothing_any_more_is_held_and_nothing_is_deleted(
    nightly: Nightly, tmp_path: Path
) -> None:
    for number, note in enumerate(NOTES):
        (tmp_path / f"{number}.md").write_text(note)
    await add_source(nightly, "docs", tmp_path)
    await nightly.run()
    for number in range(3):
        (tmp_path / f"{number}.md").unlink()

    run = await nightly.run()

    report = run.report
    assert (report["deleted"], report["held"], report["seen"]) == (0, 3, 3)
    (held,) = report["held_sources"]
    assert (held["name"], held["listed"], held["known"]) == ("docs", 0, 3)


async def test_a_run_waits_for_whoever_has_the_source(
    nightly: Nightly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the death of a worker: its hold on the source outlasts it by a minute."""
    monkeypatch.setattr(reindex_module, "LOOK_EVERY_SECONDS", 0.0)
    (tmp_path / "a.md").write_text(NOTES[0])
    await add_source(nightly, "docs", tmp_path)
    database, tenant_id, token = nightly.own.tools.database, nightly.own.tenant_id, new_uuid()
    async with database.tenant(tenant_id, viewer=None) as scope:
        source = await begin_source_run(scope, "docs", token, now=NOW)
    run_id = await nightly.begin()

    waited = await nightly.attempt(run_id)
    async with database.tenant(tenant_id, viewer=None) as scope:
        await end_source_run(scope, source.id, token)
    await nightly.work()

    run = await nightly.stored(run_id)
    assert waited is None
    assert (run.status, run.report["new"], run.report["failures"]) == ("succeeded", 1, [])


async def test_a_source_that_is_never_free_does_not_keep_a_run_for_ever(
    nightly: Nightly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindex_module, "LONGEST_WAIT", timedelta(0))
    await add_source(nightly, "docs", tmp_path)
    async with nightly.own.tools.database.tenant(nightly.own.tenant_id, viewer=None) as scope:
        await begin_source_run(scope, "docs", new_uuid(), now=NOW)

    run = await nightly.run()

    assert run.status == "completed_with_errors"
    assert [failure["code"] for failure in run.report["failures"]] == ["source_busy"]


async def test_one_source_is_asked_for_alone(nightly: Nightly, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(f"# {name}\n\nSaid by {name}.\n")
        await add_source(nightly, name, tmp_path / name)

    run = await nightly.run(Asked(source="two"))

    assert (run.report["seen"], run.report["new"]) == (1, 1)
