"""Jobs: what is told of them, to whom, and what the queue knows."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from kb.errors import JobNotFound
from kb.ids import JobId, new_uuid
from kb.postgres.database import Viewer
from kb.settings import Settings
from kb.store.documents import Document
from kb.store.job_kinds import INGEST
from kb.store.jobs import Job, enqueue_job, finish_job, get_job, latest_job, set_progress, start_job
from kb.store.tenants import create_tenant
from tests.footnote.own_database import OwnDatabase, own_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/jobs") as own:
        yield own


async def stored_job(own: OwnDatabase, name: str) -> tuple[Document, Job]:
    accepted = await own.upload(f"Note {name}.".encode())
    assert accepted.job is not None
    return accepted.document, accepted.job


async def test_a_job_goes_from_queued_to_its_end(own: OwnDatabase) -> None:
    _, job = await stored_job(own, "life")
    seen = []

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await start_job(scope, job.id, is_alone=False, now=NOW)
        seen.append(await get_job(scope, job.id))
        await set_progress(scope, job.id, 1, done=3, total=9, now=NOW)
        seen.append(await get_job(scope, job.id))
        await finish_job(
            scope,
            job.id,
            "failed",
            error={"code": "a", "message": "b", "retryable": True},
            now=NOW,
        )
        seen.append(await get_job(scope, job.id))
        await start_job(scope, job.id, is_alone=False, now=NOW)
        seen.append(await get_job(scope, job.id))

    assert (job.status, job.attempts, job.progress_done, job.progress_total) == (
        "queued",
        0,
        0,
        None,
    )
    assert [each.status for each in seen] == ["running", "running", "failed", "running"]
    assert [each.attempts for each in seen] == [1, 1, 1, 2]
    assert [(each.progress_done, each.progress_total) for each in seen] == [
        (0, None),
        (3, 9),
        (3, 9),
        (0, None),
    ]
    assert [each.error and each.error["code"] for each in seen] == [None, None, "a", None]


async def test_the_queue_holds_ids_and_no_text_and_locks_the_document(own: OwnDatabase) -> None:
    document, job = await stored_job(own, "queue")

    async with own.tools.database.owner() as connection:
        query = text(
            "SELECT queue_name, task_name, lock, args FROM procrastinate.procrastinate_jobs"
            " ORDER BY id DESC LIMIT 1"
        )
        row = (await connection.execute(query)).one()

    assert (row.queue_name, row.task_name) == ("ingest", "ingest_document")
    assert row.lock == str(document.id)
    assert row.args == {"tenant_id": str(own.tenant_id), "job_id": str(job.id)}
    assert "Note" not in json.dumps(row.args)


async def test_the_newest_job_of_a_document_is_the_latest(own: OwnDatabase) -> None:
    document, first = await stored_job(own, "latest")

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        second = await enqueue_job(scope, INGEST, owner="test", document=document)
        latest = await latest_job(scope, document.id)

    assert latest is not None
    assert latest == second
    assert second.id != first.id


@pytest.mark.parametrize(
    ("viewer", "is_seen"),
    [
        (None, True),
        (Viewer(principals=("tenant:*",)), True),
        (Viewer(principals=("user:ana",), owner="test"), True),
        (Viewer(principals=("user:ana",)), False),
        (Viewer(principals=("user:ana",), owner="other"), False),
    ],
)
async def test_a_job_is_seen_by_who_sees_its_document_or_sent_it(
    own: OwnDatabase, viewer: Viewer | None, *, is_seen: bool
) -> None:
    document, job = await stored_job(own, "viewer")

    async with own.tools.database.tenant(own.tenant_id, viewer=viewer) as scope:
        latest = await latest_job(scope, document.id)
        if is_seen:
            assert await get_job(scope, job.id) == latest == job
        else:
            assert latest is None
            with pytest.raises(JobNotFound):
                await get_job(scope, job.id)


async def test_a_job_that_has_ended_makes_no_progress(own: OwnDatabase) -> None:
    _, job = await stored_job(own, "ended")

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        attempt = await start_job(scope, job.id, is_alone=False, now=NOW)
        await finish_job(scope, job.id, "canceled", error=None, now=NOW)
        ended = await get_job(scope, job.id)
        await set_progress(scope, job.id, attempt, done=3, total=9, now=NOW)

        assert await get_job(scope, job.id) == ended


async def test_another_tenant_neither_sees_nor_changes_a_job(own: OwnDatabase) -> None:
    document, job = await stored_job(own, "tenants")
    async with own.tools.database.system() as system:
        other = await create_tenant(system, f"test {new_uuid()}")

    async with own.tools.database.tenant(other.id, viewer=None) as scope:
        with pytest.raises(JobNotFound):
            await start_job(scope, job.id, is_alone=False, now=NOW)
        await set_progress(scope, job.id, 1, done=1, total=1, now=NOW)
        await finish_job(scope, job.id, "succeeded", error=None, now=NOW)
        assert await latest_job(scope, document.id) is None
        with pytest.raises(JobNotFound):
            await get_job(scope, job.id)

    assert await own.job(job.id) == job


async def test_an_unknown_job_is_not_found(own: OwnDatabase) -> None:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        with pytest.raises(JobNotFound):
            await get_job(scope, JobId(new_uuid()))
