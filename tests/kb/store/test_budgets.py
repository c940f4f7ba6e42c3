"""Budgets: never overspent and never leaking, however many calls reserve and settle at once."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import text

from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.budgets import Reservation, nothing_reserved, reserve, settle
from kb.store.tenants import create_tenant
from kb.store.webhooks import create_webhook, new_secret

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMIT = 10_000
CALLS = 300
STATE = text(
    """
    SELECT spent_microdollars AS spent, reserved_microdollars AS reserved,
           (SELECT coalesce(sum(microdollars), 0) FROM budget_reservations
            WHERE budget_reservations.day = budget_days.day) AS held
    FROM budget_days WHERE day = :day
    """
)

WAITING = text(
    """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
    """
)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One tenant's budget."""

    database: Database
    tenant_id: TenantId

    async def reserve(
        self,
        microdollars: int,
        *,
        limit: int = LIMIT,
        lasting: timedelta = MINUTE,
        now: datetime = NOON,
    ) -> Reservation | None:
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            return await reserve(
                scope, microdollars=microdollars, limit=limit, lasting=lasting, now=now
            )

    async def settle(self, reservation: Reservation, microdollars: int) -> None:
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            await settle(scope, reservation, microdollars=microdollars)

    async def state(self, day: datetime = NOON) -> tuple[int, int]:
        """Spent and reserved; the reservations add up to the latter at every moment."""
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            row = (await scope.connection.execute(STATE, {"day": day.date()})).one_or_none()
        if row is None:
            return 0, 0
        assert row.reserved == row.held
        return row.spent, row.reserved

    async def want_events(self) -> None:
        """Creates the webhook that is told of thresholds."""
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            await create_webhook(
                scope,
                url="https://x",
                events=["budget.threshold"],
                secret=new_secret(),
                now=NOON,
            )

    async def told(self) -> list[dict[str, object]]:
        """The data of all events, in the order in which they happened."""
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            rows = await scope.connection.execute(
                text("SELECT data FROM webhook_deliveries ORDER BY id")
            )
        return list(rows.scalars())


@pytest.fixture
async def budget(database: Database) -> Budget:
    async with database.system() as system:
        tenant = await create_tenant(system, f"budget {uuid4()}")
    return Budget(database=database, tenant_id=tenant.id)


async def test_what_is_reserved_is_given_back_and_the_cost_is_kept(budget: Budget) -> None:
    reservation = await budget.reserve(400)
    assert reservation is not None
    assert await budget.state() == (0, 400)

    await budget.settle(reservation, 150)

    assert await budget.state() == (150, 0)


async def test_the_limit_itself_can_be_spent_and_no_more(budget: Budget) -> None:
    assert await budget.reserve(LIMIT + 1) is None
    assert await budget.reserve(LIMIT - 1) is not None
    assert await budget.reserve(2) is None
    assert await budget.reserve(1) is not None
    assert await budget.state() == (0, LIMIT)


async def test_a_refusal_changes_nothing(budget: Budget) -> None:
    await budget.reserve(LIMIT)

    await budget.reserve(1)

    assert await budget.state() == (0, LIMIT)


async def test_the_next_day_has_a_budget_of_its_own(budget: Budget) -> None:
    tomorrow = NOON + timedelta(days=1)
    await budget.reserve(LIMIT)

    assert await budget.reserve(LIMIT, now=tomorrow) is not None
    assert await budget.state(tomorrow) == (0, LIMIT)


async def test_a_call_counts_for_the_day_on_which_it_was_reserved(budget: Budget) -> None:
    reservation = await budget.reserve(10, now=NOON.replace(hour=23, minute=59))
    assert reservation is not None

    await budget.settle(reservation, 7)

    assert await budget.state() == (7, 0)


async def test_the_day_is_that_of_utc(budget: Budget) -> None:
    in_tokyo = datetime(2026, 3, 2, 3, tzinfo=timezone(timedelta(hours=9)))

    assert nothing_reserved(in_tokyo).day == NOON.date()


async def test_another_tenant_has_a_budget_of_its_own(budget: Budget, database: Database) -> None:
    await budget.reserve(LIMIT)
    async with database.system() as system:
        other = await create_tenant(system, f"budget {uuid4()}")

    theirs = Budget(database=database, tenant_id=other.id)

    assert await theirs.reserve(LIMIT) is not None


async def test_what_a_dead_process_left_is_given_back_when_its_time_is_over(
    budget: Budget,
) -> None:
    await budget.reserve(LIMIT, lasting=MINUTE)

    just_before = await budget.reserve(1, now=NOON + MINUTE - timedelta(seconds=1))
    after = await budget.reserve(LIMIT, now=NOON + MINUTE)

    assert just_before is None
    assert after is not None
    assert await budget.state() == (0, LIMIT)


async def test_expired_money_is_free_even_when_too_much_is_asked(budget: Budget) -> None:
    await budget.reserve(LIMIT, lasting=MINUTE)

    assert await budget.reserve(LIMIT + 1, now=NOON + MINUTE) is None
    assert await budget.state() == (0, 0)


async def test_a_call_that_outlived_its_reservation_still_counts(budget: Budget) -> None:
    late = await budget.reserve(50, lasting=MINUTE)
    assert late is not None
    await budget.reserve(60, now=NOON + MINUTE)

    await budget.settle(late, 40)

    assert await budget.state() == (40, 60)


async def test_settling_twice_gives_nothing_back_twice(budget: Budget) -> None:
    first, _ = await budget.reserve(50), await budget.reserve(60)
    assert first is not None

    await budget.settle(first, 40)
    await budget.settle(first, 0)

    assert await budget.state() == (40, 60)


async def test_without_a_reservation_spending_is_counted_all_the_same(budget: Budget) -> None:
    await budget.settle(nothing_reserved(NOON), 30)

    assert await budget.state() == (30, 0)


async def test_a_threshold_is_told_once_with_the_money_of_that_moment(budget: Budget) -> None:
    await budget.want_events()
    first = await budget.reserve(7_999)
    assert first is not None
    await budget.settle(first, 7_000)
    assert await budget.told() == []

    await budget.reserve(1_000)
    await budget.reserve(1_500)

    assert await budget.told() == [event(80, spent=7_000, reserved=1_000)]


async def test_a_refused_call_tells_that_the_day_is_used_up(budget: Budget) -> None:
    await budget.want_events()
    await budget.reserve(9_500)

    assert await budget.reserve(501) is None
    assert await budget.reserve(501) is None

    assert await budget.told() == [event(80, reserved=9_500), event(100, reserved=9_500)]


async def test_a_call_beyond_the_whole_limit_reaches_both_thresholds(budget: Budget) -> None:
    await budget.want_events()

    assert await budget.reserve(LIMIT + 1) is None

    assert await budget.told() == [event(80), event(100)]


async def test_each_day_and_tenant_is_told_of_its_own(budget: Budget) -> None:
    await budget.want_events()
    async with budget.database.system() as system:
        other = await create_tenant(system, f"budget {uuid4()}")
    theirs = Budget(database=budget.database, tenant_id=other.id)
    await theirs.want_events()

    await budget.reserve(8_000)
    await budget.reserve(8_000, now=NOON + timedelta(days=1))

    tomorrow = event(80, reserved=8_000) | {"day": "2026-03-02"}
    assert await budget.told() == [event(80, reserved=8_000), tomorrow]
    assert await theirs.told() == []


async def test_what_is_rolled_back_is_told_when_it_happens_again(budget: Budget) -> None:
    await budget.want_events()
    async with budget.database.tenant(budget.tenant_id, viewer=None) as scope:
        await reserve(scope, microdollars=8_000, limit=LIMIT, lasting=MINUTE, now=NOON)
        await scope.connection.rollback()
    assert await budget.told() == []

    await budget.reserve(8_000)

    assert await budget.told() == [event(80, reserved=8_000)]


async def test_of_reservations_that_cross_together_one_tells(budget: Budget) -> None:
    await budget.want_events()
    await budget.reserve(6_000)

    # The second waits for the day's row that the first has, and goes on when that commits.
    async with budget.database.tenant(budget.tenant_id, viewer=None) as scope:
        await reserve(scope, microdollars=2_500, limit=LIMIT, lasting=MINUTE, now=NOON)
        second = asyncio.create_task(budget.reserve(1_000))
        async with asyncio.timeout(30):
            while not (await scope.connection.execute(WAITING)).scalar_one():  # noqa: ASYNC110  # a lock tells nobody
                await asyncio.sleep(0.01)
    assert await second is not None

    assert await budget.told() == [event(80, reserved=8_500)]


async def test_a_crowd_tells_each_threshold_once(budget: Budget) -> None:
    await budget.want_events()

    await asyncio.gather(*(budget.reserve(300) for _ in range(60)))

    assert [each["threshold"] for each in await budget.told()] == [80, 100]


def event(threshold: int, *, spent: int = 0, reserved: int = 0) -> dict[str, object]:
    """The data of an event of that day; the money in micro-dollars."""
    return {
        "day": "2026-03-01",
        "threshold": threshold,
        "spent_usd": spent / 1_000_000,
        "reserved_usd": reserved / 1_000_000,
        "limit_usd": LIMIT / 1_000_000,
    }


@dataclass(kw_only=True)
class Outcome:
    """What the calls of a crowd came to."""

    granted: int = 0
    refused: int = 0
    spent: int = 0
    highest: int = 0
    orphans: list[int] = field(default_factory=list)


@pytest.mark.parametrize("seed", [1, 2])
async def test_hundreds_of_calls_at_once_never_overspend_and_leak_nothing(
    budget: Budget, seed: int
) -> None:
    outcome = await crowd(budget, random.Random(seed))  # noqa: S311  # a repeatable draw

    assert outcome.granted > 50
    assert outcome.refused > 10
    assert outcome.highest <= LIMIT
    assert outcome.spent <= LIMIT
    assert await budget.state() == (outcome.spent, sum(outcome.orphans))
    # Once their time is over, all that dead calls held can be reserved again, to the last.
    rest = LIMIT - outcome.spent
    assert await budget.reserve(rest + 1, now=NOON + MINUTE) is None
    assert await budget.reserve(rest, now=NOON + MINUTE) is not None
    assert await budget.state() == (outcome.spent, rest)


async def crowd(budget: Budget, draw: random.Random) -> Outcome:
    """Many calls that reserve together; each settles, is cancelled, or dies."""
    outcome = Outcome()
    calls = [one_call(budget, outcome, call) for call in drawn_calls(draw)]
    watching = asyncio.create_task(watch(budget, outcome))
    await asyncio.gather(*calls)
    watching.cancel()
    return outcome


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a call reserves and costs; None: its process dies."""

    most: int
    cost: int | None


def drawn_calls(draw: random.Random) -> list[Call]:
    sizes = [draw.randint(1, 400) for _ in range(CALLS)]
    return [
        Call(most=most, cost=None if draw.random() < 0.1 else draw.randint(0, most))
        for most in sizes
    ]


async def one_call(budget: Budget, outcome: Outcome, call: Call) -> None:
    reservation = await budget.reserve(call.most)
    if reservation is None:
        outcome.refused += 1
        return
    outcome.granted += 1
    if call.cost is None:
        outcome.orphans.append(call.most)
        return
    await budget.settle(reservation, call.cost)
    outcome.spent += call.cost


async def watch(budget: Budget, outcome: Outcome) -> None:
    """Looks again and again until it is cancelled."""
    while True:
        outcome.highest = max(outcome.highest, sum(await budget.state()))
