"""The record of model calls: written by the service, seen by no reader, changed by nobody."""

from dataclasses import asdict
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from kb.ids import TenantId
from kb.postgres.database import Database, Viewer
from kb.store.model_calls import MeteredCall, insert_model_call
from kb.store.tenants import create_tenant

CALL = MeteredCall(
    session_id=uuid4(),
    feature="judge",
    alias="default",
    provider="here",
    model="small-1",
    prompt_name="judge",
    prompt_version=2,
    attempt=1,
    outcome="completed",
    is_streamed=True,
    input_tokens=100,
    output_tokens=20,
    cached_tokens=40,
    is_estimated=False,
    cost_microdollars=104,
    price_version="2026-11",
    latency_ms=250,
    first_token_ms=90,
)
READER = Viewer(principals=("tenant:*",), owner="ana")
EVERY_CALL = text("SELECT * FROM model_calls")


@pytest.fixture
async def tenant_id(database: Database) -> TenantId:
    async with database.system() as system:
        return (await create_tenant(system, f"calls {uuid4()}")).id


async def test_a_call_is_recorded_as_it_was(database: Database, tenant_id: TenantId) -> None:
    async with database.tenant(tenant_id, viewer=None) as scope:
        await insert_model_call(scope, CALL)

        row = (await scope.connection.execute(EVERY_CALL)).one()

    told = row._asdict()
    assert {name: told[name] for name in asdict(CALL)} == asdict(CALL)
    assert told["tenant_id"] == tenant_id


@pytest.mark.parametrize("table", ["model_calls", "budget_days", "budget_reservations"])
async def test_who_reads_documents_does_not_see_what_is_spent(
    database: Database, tenant_id: TenantId, table: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tenant(tenant_id, viewer=READER) as scope:
            await scope.connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # ours


async def test_what_was_metered_is_never_changed(database: Database, tenant_id: TenantId) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tenant(tenant_id, viewer=None) as scope:
            await scope.connection.execute(text("UPDATE model_calls SET attempt = 9"))


async def test_what_was_metered_stays_for_a_month(database: Database, tenant_id: TenantId) -> None:
    async with database.tenant(tenant_id, viewer=None) as scope:
        await insert_model_call(scope, CALL)

        await scope.connection.execute(text("DELETE FROM model_calls"))

        assert len((await scope.connection.execute(EVERY_CALL)).all()) == 1
