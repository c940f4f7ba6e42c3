"""Transactions that get in each other's way: named for what it is, and tried again."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from kb.errors import DatabaseUnavailable, TransactionConflict
from kb.ids import DocumentId, TenantId, new_uuid
from kb.postgres import database as database_module
from kb.postgres.database import Database, retried
from kb.store.tenants import advance_generation, create_tenant, current_generation


@pytest.fixture
async def two_tenants(database: Database) -> tuple[TenantId, TenantId]:
    async with database.system() as system:
        first = await create_tenant(system, f"test {new_uuid()}")
        second = await create_tenant(system, f"test {new_uuid()}")
    return first.id, second.id


class Meeting:
    """Two transactions that lock two rows in opposite order, until one has been through."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.both_have_one = asyncio.Barrier(2)
        self.attempts = 0

    async def lock(self, rows: tuple[UUID, ...]) -> str:
        self.attempts += 1
        async with self.database.system() as system:
            for place, row in enumerate(rows):
                await system.connection.execute(
                    text("UPDATE tenants SET name = name WHERE id = :id"), {"id": row}
                )
                if place == 0 and self.attempts <= 2:
                    await self.both_have_one.wait()
        return "done"


async def test_a_deadlock_is_named(database: Database, two_tenants: tuple[UUID, UUID]) -> None:
    meeting = Meeting(database)

    outcomes = await asyncio.gather(
        meeting.lock(two_tenants), meeting.lock(two_tenants[::-1]), return_exceptions=True
    )

    assert "done" in outcomes
    [conflict] = [outcome for outcome in outcomes if outcome != "done"]
    assert isinstance(conflict, TransactionConflict)


async def test_who_loses_a_deadlock_goes_again(
    database: Database, two_tenants: tuple[UUID, UUID]
) -> None:
    meeting = Meeting(database)

    await asyncio.gather(
        retried(lambda: meeting.lock(two_tenants)),
        retried(lambda: meeting.lock(two_tenants[::-1])),
    )

    assert meeting.attempts == 3


async def test_a_serialization_failure_is_named(
    database: Database, two_tenants: tuple[TenantId, TenantId]
) -> None:
    tenant_id = two_tenants[0]

    async def overtaken() -> None:
        async with database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
            await current_generation(scope)
            async with database.tenant(tenant_id, viewer=None) as other:
                await advance_generation(other, DocumentId(new_uuid()), readers=())
            await advance_generation(scope, DocumentId(new_uuid()), readers=())

    with pytest.raises(TransactionConflict):
        await overtaken()


async def test_a_lock_that_cannot_be_had_is_named_and_not_waited_for_again(
    database: Database,
    two_tenants: tuple[TenantId, TenantId],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT", "10ms")
    attempts = 0
    lock = text("SELECT pg_advisory_xact_lock(8)")

    async def transaction() -> None:
        nonlocal attempts
        attempts += 1
        async with database.tenant(two_tenants[0], viewer=None) as scope:
            await scope.connection.execute(lock)

    async with database.tenant(two_tenants[1], viewer=None) as holder:
        await holder.connection.execute(lock)
        with pytest.raises(TransactionConflict) as caught:
            await retried(transaction)

    assert caught.value.has_waited
    assert attempts == 1


async def test_other_failures_are_not_tried_again() -> None:
    attempts = 0

    async def transaction() -> None:
        nonlocal attempts
        attempts += 1
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        await retried(transaction)

    assert attempts == 1


async def test_after_the_last_try_the_conflict_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "MAX_PAUSE_SECONDS", 0)
    attempts = 0

    async def transaction() -> None:
        nonlocal attempts
        attempts += 1
        raise TransactionConflict

    with pytest.raises(TransactionConflict):
        await retried(transaction)

    assert attempts == database_module.TRIES
