"""The queue in numbers, over all tenants."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from kb.settings import Settings
from kb.store.job_kinds import INGEST, JOB_KINDS
from kb.store.jobs import TenantWork, enqueue_job, finish_job, release_job
from kb.store.queue_state import documents_by_status, failed_jobs, queue_states
from kb.store.tenants import create_tenant
from tests.footnote.own_database import OwnDatabase, own_database
from tests.ingest.files.builders import encrypted_pdf_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/states") as own:
        yield own


async def test_the_queue_is_counted_by_kind_and_class(own: OwnDatabase) -> None:
    database = own.tools.database
    await own.upload(b"One.")
    await own.upload(b"Two.")
    async with database.tenant(own.tenant_id, viewer=None) as scope:
        work = TenantWork(lock="source")
        await enqueue_job(scope, INGEST, owner="test", work=work, priority="bulk")
    chore = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, priority) VALUES ('q', 'c', -10)"
    )
    async with database.owner() as connection:
        for statement in (
            "SET LOCAL search_path = procrastinate",
            "UPDATE procrastinate_jobs SET queued_at = now() - interval '90 s' WHERE id = 1",
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE weight < 0",
            chore,
        ):
            await connection.execute(text(statement))

    async with database.system() as system:
        states = {(state.kind, state.priority): state for state in await queue_states(system)}

    single, bulk = states["ingest", "single"], states["ingest", "bulk"]
    assert (single.waiting, single.running) == (2, 0)
    assert 90 <= single.oldest_seconds < 900
    assert (bulk.waiting, bulk.running, bulk.oldest_seconds) == (0, 1, 0)
    assert states["ingest", "background"].waiting == 0
    assert states["other", "background"].waiting == 1


async def test_failed_jobs_are_counted_by_kind(own: OwnDatabase) -> None:
    database = own.tools.database
    accepted = await own.upload(b"One.")
    await own.upload(b"Two.")
    assert accepted.job is not None

    async with database.tenant(own.tenant_id, viewer=None) as scope:
        await finish_job(scope, accepted.job.id, "failed", error=None, now=NOW)
    async with database.system() as system:
        after_failure = await failed_jobs(system)
    async with database.tenant(own.tenant_id, viewer=None) as scope:
        await release_job(scope, accepted.job.id, now=NOW)
    async with database.system() as system:
        after_release = await failed_jobs(system)

    none = dict.fromkeys(JOB_KINDS, 0)
    assert (after_failure, after_release) == (none | {"ingest": 1}, none)


async def test_the_system_sees_nothing_else_of_a_job(own: OwnDatabase) -> None:
    async with own.tools.database.system() as system:
        granted = await system.connection.execute(
            text(
                "SELECT column_name FROM information_schema.column_privileges"
                " WHERE table_name = 'jobs' AND grantee = 'footnote_system' ORDER BY 1"
            )
        )

        assert list(granted.scalars()) == ["kind", "status"]


async def test_documents_of_all_tenants_are_counted_by_status(own: OwnDatabase) -> None:
    await own.upload(encrypted_pdf_file("secret"), filename="locked.pdf")
    await own.upload(b"One.")
    await own.work_until_empty()
    await own.upload(b"Two.")
    async with own.tools.database.system() as system:
        other = await create_tenant(system, "other")
    await replace(own, tenant_id=other.id).upload(b"Three.")

    async with own.tools.database.system() as system:
        count_by_status = await documents_by_status(system)

    assert count_by_status == {
        "pending": 2,
        "processing": 0,
        "ready": 1,
        "ready_with_warnings": 0,
        "failed": 1,
        "deleting": 0,
        "deleted": 0,
    }


async def test_the_system_sees_nothing_of_a_document_but_its_status(own: OwnDatabase) -> None:
    await own.upload(b"One.")

    async with own.tools.database.system() as system:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await system.connection.execute(text("SELECT tenant_id, status FROM documents"))
