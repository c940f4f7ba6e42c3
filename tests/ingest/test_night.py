"""The night begins when it is due: once, for every tenant, also when it was missed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from ingest.night import Night, tick
from ingest.worker import build_queue_app, run_worker
from kb.errors import TenantNotFound
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.reindex_runs import Asked, ReindexRun, begin_run, list_runs
from kb.store.tenants import create_tenant
from tests.footnote.own_database import STALLED, OwnDatabase, own_database

CRON = "CRON_TZ=Europe/Berlin 17 3 * * *"


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/night") as own:
        yield own


def night(own: OwnDatabase, now: str, database: Database | None = None) -> Night:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return Night(database=database or own.tools.database, cron=CRON, clock=lambda: moment)


async def runs(own: OwnDatabase, tenant_id: TenantId | None = None) -> list[ReindexRun]:
    async with own.tools.database.tenant(tenant_id or own.tenant_id, viewer=None) as scope:
        return await list_runs(scope, limit=10)


async def test_nothing_was_missed_before_the_first_start(own: OwnDatabase) -> None:
    assert await tick(night(own, "2026-03-01T12:00")) == 0
    assert await tick(night(own, "2026-03-02T02:16")) == 0

    assert await runs(own) == []


async def test_it_begins_once_when_it_is_due(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))

    begun = [await tick(night(own, f"2026-03-02T02:{minute}")) for minute in (16, 17, 18, 59)]

    assert begun == [0, 1, 0, 0]
    (run,) = await runs(own)
    assert (run.trigger, run.status) == ("cron", "queued")


async def test_nights_that_were_missed_are_caught_up_once(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))

    begun = [await tick(night(own, now)) for now in ("2026-03-09T15:00", "2026-03-09T15:01")]

    assert begun == [1, 0]
    assert await tick(night(own, "2026-03-10T02:17")) == 1


async def test_a_clock_that_was_far_ahead_for_a_while_costs_no_night(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))
    await tick(night(own, "2036-03-01T12:00"))

    begun = [await tick(night(own, now)) for now in ("2026-03-01T12:02", "2026-03-01T12:03")]

    assert begun == [1, 0]
    assert await tick(night(own, "2026-03-02T02:17")) == 1


async def test_a_clock_that_is_seconds_behind_begins_no_night_again(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))

    begun = [await tick(night(own, f"2026-03-02T02:{minute}")) for minute in (17, 16, 17, 18)]

    assert begun == [1, 0, 0, 0]


async def test_two_workers_that_see_it_at_once_begin_it_once(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))
    other = Database(own.url, pool_size=2)
    async with own.tools.database.system() as system:
        second = (await create_tenant(system, "second")).id

    due = "2026-03-02T02:17"
    begun = await asyncio.gather(
        *(tick(night(own, due, database)) for database in (own.tools.database, other) * 3)
    )

    await other.close()
    assert sum(begun) == 2
    assert [len(await runs(own, tenant)) for tenant in (own.tenant_id, second)] == [1, 1]


async def test_a_worker_that_died_between_two_tenants_leaves_the_rest_to_the_next(
    own: OwnDatabase,
) -> None:
    await tick(night(own, "2026-03-01T12:00"))
    async with own.tools.database.system() as system:
        second = (await create_tenant(system, "second")).id
    due = datetime(2026, 3, 2, 2, 17, tzinfo=UTC)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await begin_run(scope, Asked(), trigger="cron", owner="reindex", due_at=due)

    assert await tick(night(own, "2026-03-02T02:18")) == 1

    assert [len(await runs(own, tenant)) for tenant in (own.tenant_id, second)] == [1, 1]


async def test_a_worker_that_only_empties_the_queue_catches_up_first(own: OwnDatabase) -> None:
    await tick(night(own, "2026-03-01T12:00"))
    app = build_queue_app(own.url, own.tools, night=night(own, "2026-03-05T12:00"))

    await run_worker(app, concurrency=1, stalled_after=STALLED, wait=False)

    (run,) = await runs(own)
    assert run.trigger == "cron"


async def test_a_tenant_that_has_gone_meanwhile_begins_nothing(own: OwnDatabase) -> None:
    with pytest.raises(TenantNotFound):
        async with own.tools.database.tenant(TenantId(uuid4()), viewer=None) as scope:
            await begin_run(scope, Asked(), trigger="cron", owner="reindex")


async def test_sources_with_a_schedule_of_their_own_are_asked_for(own: OwnDatabase) -> None:
    asked: list[datetime] = []

    async def enqueue_due(now: datetime) -> None:
        asked.append(now)

    usual = night(own, "2026-03-01T12:00")
    await tick(
        Night(
            database=usual.database,
            cron=CRON,
            clock=usual.clock,
            enqueue_due_sources=enqueue_due,
        )
    )

    assert asked == [datetime(2026, 3, 1, 12, tzinfo=UTC)]
