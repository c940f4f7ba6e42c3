"""A tenant is deleted while work of it goes on."""

import asyncio

import pytest
from sqlalchemy import text

from footnote import deleted_tenant
from kb.ids import new_uuid
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.tenants import create_tenant

HOLD_A_ROW = text(
    "INSERT INTO credentials (tenant_id, id, prefix, secret_sha256, scopes, principals) "
    "VALUES (:tenant_id, :id, :id, '', '{}', '{}')"
)
LOCK_THE_ROW = text("SELECT id FROM credentials WHERE id = :id FOR UPDATE")
IS_TENANT_FREE = text("SELECT id FROM tenants WHERE id = :id FOR KEY SHARE SKIP LOCKED")
LOCK_TENANT = text("SELECT id FROM tenants WHERE id = :id FOR KEY SHARE")


async def test_a_deletion_that_others_get_in_the_way_of_goes_again(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Processes of other tests do not purge.
    monkeypatch.setattr(deleted_tenant, "PURGE_PATIENCE_SECONDS", 0)
    row_id = new_uuid()
    async with database.system() as system:
        tenant = await create_tenant(system, f"test {new_uuid()}")
    async with database.owner() as connection:
        await connection.execute(HOLD_A_ROW, {"tenant_id": tenant.id, "id": row_id})

    async with database.owner() as work:
        # So that the deletion is the one to notice that each waits for the other.
        await work.execute(text("SET LOCAL deadlock_timeout = '1h'"))
        await work.execute(LOCK_THE_ROW, {"id": row_id})
        deletion = asyncio.create_task(deleted_tenant.delete_with_all(settings, database, tenant))
        while await _is_free(database, tenant.id) and not deletion.done():  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
        await work.execute(LOCK_TENANT, {"id": tenant.id})

    receipt = await deletion
    assert receipt["rows"] == {"credentials": 1}


async def _is_free(database: Database, tenant_id: object) -> bool:
    async with database.owner() as connection:
        return bool((await connection.execute(IS_TENANT_FREE, {"id": tenant_id})).all())
