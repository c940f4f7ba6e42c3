"""`footnote reindex`: runs without a worker, reports, and shows what was reported."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from kb.ids import new_uuid
from kb.postgres.database import Database
from kb.store.reindex_runs import list_runs
from kb.store.source_runs import begin_source_run
from kb.store.sources import SourceSettings, create_source
from kb.store.tenant_deletion import delete_tenant
from kb.store.tenants import Tenant, create_tenant
from tests.footnote.processes import run_here
from tests.ingest.sources.library import NOW


async def tenant_with_source(database: Database, name: str, folder: Path) -> Tenant:
    async with database.system() as system:
        tenant = await create_tenant(system, name)
    settings = SourceSettings(uri=folder.as_uri(), principals=("tenant:*",))
    async with database.tenant(tenant.id, viewer=None) as scope:
        await create_source(scope, "docs", settings, is_operators=True, now=NOW)
    return tenant


async def test_it_runs_without_a_worker_and_shows_the_last_report(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    (tmp_path / "leave.md").write_text("# Leave\n\nThere are 31 days of leave a year.\n")
    await tenant_with_source(database, "reindexed", tmp_path)

    run = await run_here(*("reindex", "--tenant", "reindexed", "--json"), environment=environment)
    shown = await run_here(
        *("reindex", "--tenant", "reindexed", "--last", "--json"), environment=environment
    )
    told = await run_here("reindex", "--tenant", "reindexed", "--last", environment=environment)

    assert run.exit_code == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["tenant"], report["trigger"], report["status"]) == (
        "reindexed",
        "cli",
        "succeeded",
    )
    assert (report["seen"], report["new"], report["embedded_chunks"]) == (1, 1, 1)
    assert json.loads(shown.stdout) == report
    assert "reindexed: succeeded (cli, " in told.stdout
    assert "new 1" in told.stdout


async def test_a_run_that_fails_says_so_and_ends_with_1(
    environment: dict[str, str], database: Database
) -> None:
    async with database.system() as system:
        await create_tenant(system, "failing")

    nowhere = await run_here(
        *("reindex", "--tenant", "failing", "--collection", "nowhere"), environment=environment
    )
    unknown = await run_here(
        *("reindex", "--tenant", "failing", "--source", "nowhere"), environment=environment
    )

    assert nowhere.exit_code == 1
    assert "There is no collection 'nowhere'. [invalid_request]" in nowhere.stdout
    assert unknown.exit_code == 1
    assert "[source_not_found]" in unknown.stderr


async def test_a_tenant_that_is_deleted_meanwhile_ends_it_with_words(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    tenant = await tenant_with_source(database, "leaving", tmp_path)
    async with database.tenant(tenant.id, viewer=None) as scope:
        # The run waits for whoever has the source.
        await begin_source_run(scope, "docs", new_uuid(), now=datetime.now(UTC))
    command = asyncio.create_task(
        run_here("reindex", "--tenant", "leaving", environment=environment)
    )
    async with asyncio.timeout(60):
        while not await has_begun(database, tenant):  # noqa: ASYNC110  # a table has no event
            await asyncio.sleep(0.05)

    async with database.tenant(tenant.id, viewer=None) as scope:
        await delete_tenant(scope, files=0, now=datetime.now(UTC))
    finished = await command

    assert finished.exit_code == 1
    assert "[tenant_not_found]" in finished.stderr


async def has_begun(database: Database, tenant: Tenant) -> bool:
    async with database.tenant(tenant.id, viewer=None) as scope:
        runs = await list_runs(scope, limit=1)
    return bool(runs) and runs[0].started_at is not None


async def test_there_is_no_last_report_before_the_first_run(
    environment: dict[str, str], database: Database
) -> None:
    async with database.system() as system:
        await create_tenant(system, "never reindexed")

    shown = await run_here(
        *("reindex", "--last", "--tenant", "never reindexed"), environment=environment
    )

    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "footnote reindex" in shown.stderr
