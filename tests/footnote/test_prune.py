"""`footnote db prune`: what a worker forgets by night, at once."""

import json
from datetime import timedelta

from kb.postgres.database import Database
from kb.store.tenants import create_tenant
from tests.footnote.processes import run_here
from tests.kb.store.test_retention import add_answer, counted


async def test_what_is_too_old_is_forgotten_now(
    environment: dict[str, str], database: Database
) -> None:
    async with database.system() as system:
        tenant_id = (await create_tenant(system, "pruned by hand")).id
    async with database.tenant(tenant_id, viewer=None) as scope:
        await add_answer(scope, age=timedelta(days=10))
        await add_answer(scope, age=timedelta(days=1000))

    kept = await run_here(
        *("db", "prune", "--json"),
        environment={**environment, "FOOTNOTE_ANSWER_RETENTION_DAYS": "0"},
    )
    async with database.tenant(tenant_id, viewer=None) as scope:
        before = await counted(scope, "answers")
    done = await run_here("db", "prune", "--json", environment=environment)

    assert (kept.exit_code, done.exit_code) == (0, 0), done.stderr
    assert "answers" not in json.loads(kept.stdout)
    assert before == 2
    assert json.loads(done.stdout)["answers"] >= 1
    async with database.tenant(tenant_id, viewer=None) as scope:
        assert await counted(scope, "answers") == 1
