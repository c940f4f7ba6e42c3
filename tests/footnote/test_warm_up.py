"""The search that a process makes before it is ready."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.resources import Resources
from footnote.compose import open_resources
from footnote.on_database import utc_now
from footnote.warm_up import NO_CHUNK, QUESTION, warm_up
from kb.postgres.database import EVERYONE, Database, Viewer
from kb.settings import Settings
from kb.store.chunks import read_passages
from tests.footnote.processes import free_port
from tests.service import Service


@pytest.fixture
async def fresh(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Resources]:
    """A process that has searched nothing yet, beside the one that tests share."""
    own = settings.model_copy(update={"home": tmp_path})
    async with open_resources(own, database_url) as resources:
        yield resources


def statements_compiled(database: Database) -> int:
    """The number of statements whose SQL this process has made."""
    return len(database.engine.sync_engine._compiled_cache or ())


async def test_the_first_search_of_a_reader_finds_its_statements_compiled(
    fresh: Resources, service: Service
) -> None:
    tenant_id = await service.new_tenant()
    writer = await service.person(tenant_id, EVERYONE)
    await writer.upload("Everybody may read this since May.", principals=[EVERYONE])
    everybody = Viewer(principals=(EVERYONE,))

    await warm_up(fresh)

    compiled = statements_compiled(fresh.database)
    async with fresh.database.tenant(tenant_id, viewer=everybody) as scope:
        await read_passages(scope, [NO_CHUNK])
    assert statements_compiled(fresh.database) == compiled
    found = await fresh.retriever.search(tenant_id, everybody, QUESTION, now=utc_now())
    assert len(found.passages) == 1
    # The tenant of another test, whose documents are gone, has no vectors to search. Without the
    # warm-up it is ten.
    assert statements_compiled(fresh.database) <= compiled + 1


async def test_a_database_that_is_away_does_not_keep_a_process_from_starting(
    fresh: Resources, every_level_is_logged: None
) -> None:
    nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", pool_size=1)

    with capture_logs() as logs:
        await warm_up(replace(fresh, database=nowhere))

    assert [(each["event"], each["code"]) for each in logs] == [
        ("warm_up.failed", "database_unavailable")
    ]
