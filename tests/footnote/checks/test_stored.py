"""What doctor says of a database: what runs on it, what waits in it, and what failed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from footnote.checks.check import Check
from footnote.checks.stored import check_database
from ingest.worker import build_queue_app
from kb.ids import new_uuid
from kb.postgres.row_security import is_login_powerful
from kb.settings import Settings
from kb.store.api_processes import ApiProcess, say_alive, say_goodbye
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.processes import run_here
from tests.ingest.files.builders import encrypted_pdf_file


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/checks") as own:
        yield own


async def checked(own: OwnDatabase, settings: Settings) -> dict[str, Check]:
    """The checks by name."""
    there = settings.model_copy(update={"database_url": SecretStr(own.url)})
    checks = await asyncio.to_thread(check_database, there, has_home=True)
    return {check.name: check for check in checks}


async def change(own: OwnDatabase, statement: str) -> None:
    async with own.tools.database.owner() as connection:
        await connection.execute(text("SET LOCAL search_path = procrastinate"))
        await connection.execute(text(statement))


async def test_what_runs_what_waits_and_what_failed_is_told(
    own: OwnDatabase, settings: Settings
) -> None:
    idle = await checked(own, settings)
    assert {name: check.status for name, check in idle.items()} == {
        "database": "ok",
        "pgvector": "ok",
        "schema": "ok",
        "row security": "warning" if await is_login_powerful(own.tools.database) else "ok",
        "embedding space": "ok",
        "evidence floor": "warning",
        "api": "warning",
        "worker": "warning",
        "connections": "ok",
        "queue": "ok",
        "failed documents": "ok",
    }
    is_superuser = "superuser" in idle["row security"].detail
    assert is_superuser == (idle["row security"].status == "warning")
    assert (idle["api"].detail, idle["queue"].detail) == ("none runs", "0 jobs wait, 0 run")
    for name in ("api", "worker"):
        assert "'footnote up'" in str(idle[name].mend)

    await own.upload(encrypted_pdf_file("secret"), filename="locked.pdf")
    await own.work_until_empty()
    failed = (await checked(own, settings))["failed documents"]
    assert (failed.status, failed.detail) == ("warning", "1 could not be read")
    assert "'footnote job list --status failed'" in str(failed.mend)
    assert "'footnote job retry JOB'" in str(failed.mend)

    # Waiting is no fault for some minutes, and then one of the worker: there is none, or too few.
    await change(own, "DELETE FROM procrastinate_workers")
    await own.upload(b"One.")
    await own.upload(b"Two.")
    fresh = (await checked(own, settings))["queue"]
    await change(own, "UPDATE procrastinate_jobs SET queued_at = now() - interval '20 min'")
    unattended = (await checked(own, settings))["queue"]
    app = build_queue_app(own.url, own.tools)
    async with app.open_async():
        await app.jobs.register_worker()
    process = ApiProcess(id=new_uuid(), node=new_uuid())
    async with own.tools.database.system() as system:
        await say_alive(system, process)
    busy = await checked(own, settings)

    assert (fresh.status, fresh.detail.split(";")[0]) == ("ok", "2 jobs wait, 0 run")
    assert (unattended.status, busy["queue"].status) == ("failed", "warning")
    assert "the oldest has waited 0:20" in busy["queue"].detail
    assert "Start it with" in str(unattended.mend)
    assert "further 'footnote worker'" in str(busy["queue"].mend)
    assert (busy["api"].status, busy["api"].detail) == ("ok", "1 running")
    assert (busy["worker"].status, busy["worker"].detail) == ("ok", "running")

    async with own.tools.database.system() as system:
        await say_goodbye(system, process)
    await change(own, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 h'")
    left = await checked(own, settings)
    assert (left["api"].status, left["worker"].status) == ("warning", "warning")


async def test_the_advised_commands_list_and_retry_what_failed(
    own: OwnDatabase, settings: Settings
) -> None:
    accepted = await own.upload(encrypted_pdf_file("secret"), filename="locked.pdf")
    await own.work_until_empty()
    assert accepted.job is not None
    environment = {"FOOTNOTE_HOME": str(settings.home_path), "FOOTNOTE_DATABASE_URL": own.url}

    listed = await run_here("job", "list", "--status", "failed", environment=environment)
    retried = await run_here("job", "retry", str(accepted.job.id), environment=environment)

    assert str(accepted.job.id) in listed.stdout
    assert retried.exit_code == 0, retried.stderr
    assert (await own.job(accepted.job.id)).status == "queued"
