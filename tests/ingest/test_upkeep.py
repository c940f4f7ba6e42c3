"""The nightly upkeep: every tenant, in small portions, and told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest import upkeep as upkeep_module
from ingest.upkeep import Upkeep, prune
from kb.errors import FileStoreUnavailable
from kb.files import FileStore
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.retention import Retention
from kb.store.tenants import create_tenant
from tests.footnote.own_database import OwnDatabase, own_database
from tests.kb.store.test_retention import NOW, add_answer, counted

YEAR = timedelta(days=365)
FOR_EVER = Retention(answers=None, model_calls=None)


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/upkeep") as own:
        yield own


def upkeep_of(own: OwnDatabase, retention: Retention) -> Upkeep:
    return Upkeep(
        database=own.tools.database,
        files=own.tools.files,
        metrics=own.tools.metrics,
        retention=retention,
        clock=lambda: NOW,
    )


async def age_answers(own: OwnDatabase, *ages: timedelta) -> None:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        for age in ages:
            await add_answer(scope, age=age)


async def left(own: OwnDatabase, table: str) -> int:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return await counted(scope, table)


async def test_all_batches_go_and_are_counted(own: OwnDatabase) -> None:
    upkeep = replace(upkeep_of(own, Retention(answers=YEAR, model_calls=None)), batch_rows=2)
    await age_answers(own, *[YEAR + timedelta(days=days) for days in range(1, 6)], timedelta())

    pruned = await prune(upkeep)

    assert pruned["answers"] == 5
    assert "model_calls" not in pruned
    assert await left(own, "answers") == 1
    registry = own.tools.metrics.registry
    assert registry.get_sample_value("footnote_pruned_total", {"kind": "answers"}) == 5


async def test_what_is_kept_for_ever_stays(own: OwnDatabase) -> None:
    await age_answers(own, 50 * YEAR)

    pruned = await prune(upkeep_of(own, FOR_EVER))

    assert "answers" not in pruned
    assert await left(own, "answers") == 1
    # Events are there to resume a stream, which nobody does after so long.
    assert await left(own, "answer_events") == 0


async def test_bytes_that_nothing_needs_go_after_a_day(own: OwnDatabase) -> None:
    accepted = await own.upload(b"# Leave\n\nLeave is 31 days.\n")
    orphan = "0" * 64
    await own.tools.files.write(own.tenant_id, orphan, b"never committed")
    tomorrow = datetime.now(UTC) + timedelta(days=1, hours=1)

    early = await prune(replace(upkeep_of(own, FOR_EVER), clock=lambda: datetime.now(UTC)))
    late = await prune(replace(upkeep_of(own, FOR_EVER), clock=lambda: tomorrow))

    assert (early["files"], late["files"]) == (0, 1)
    assert await own.tools.files.stored(own.tenant_id) == [accepted.document.content.sha256]


async def test_one_tenants_trouble_does_not_keep_the_others_from_their_turn(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with own.tools.database.system() as system:
        await create_tenant(system, "another")
    turns: list[TenantId] = []

    async def fail_first(
        _database: Database, _files: FileStore, tenant_id: TenantId, **_: object
    ) -> int:
        turns.append(tenant_id)
        if len(turns) == 1:
            raise FileStoreUnavailable
        return 0

    monkeypatch.setattr(upkeep_module, "discard_unneeded", fail_first)

    with pytest.raises(FileStoreUnavailable):
        await prune(upkeep_of(own, FOR_EVER))

    assert len(turns) == 2
