"""The answers that a process makes before it is ready."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.resources import Resources
from footnote.compose import open_resources
from footnote.warm_up import rehearse, warm_up
from kb.ids import TenantId
from kb.postgres.database import EVERYONE, Database
from kb.settings import Settings
from tests.fakes.gateways import one_model, running_gateway
from tests.footnote.processes import free_port
from tests.service import Service

QUESTION = "When does the ferry to the island leave?"
TEXT = "The ferry to the island leaves at nine. It costs 12 euros."


@pytest.fixture
async def fresh(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Resources]:
    """A process that has answered nothing yet, beside the one that tests share."""
    own = settings.model_copy(update={"home": tmp_path})
    async with open_resources(own, database_url) as resources:
        yield resources


@pytest.fixture
async def tenant_id(service: Service) -> TenantId:
    """A tenant with a document that every member may read."""
    tenant_id = await service.new_tenant()
    writer = await service.person(tenant_id, EVERYONE)
    await writer.upload(TEXT, principals=[EVERYONE])
    return tenant_id


def statements_compiled(database: Database) -> int:
    """The number of statements whose SQL this process has made."""
    return len(database.engine.sync_engine._compiled_cache or ())


def counted(resources: Resources) -> dict[tuple[str, ...], float]:
    """The answers and searches that the metrics tell of, by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in resources.metrics.registry.collect()
        if metric.name in {"footnote_answers", "footnote_searches", "footnote_stage_seconds"}
        for sample in metric.samples
    }


async def rows(resources: Resources, tenant_id: TenantId) -> list[int]:
    """The number of answers, of their documents and of events that are stored for the tenant."""
    async with resources.database.tenant(tenant_id, viewer=None) as scope:
        return [
            (await scope.connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608  # of the names below
            for table in ("answers", "answer_documents", "audit_events")
        ]


async def test_the_first_answer_finds_statements_compiled_and_passages_in_memory(
    fresh: Resources, service: Service, tenant_id: TenantId
) -> None:
    await rehearse(fresh, tenant_id)

    assert fresh.database._settling.is_used, "The second one was not searched for in memory."
    async with service.with_resources(fresh) as served:
        member = await served.person(tenant_id)
        compiled = statements_compiled(fresh.database)
        answered = await member.ask(QUESTION)
    assert answered.json()["status"] == "answered", answered.text
    assert statements_compiled(fresh.database) == compiled
    assert counted(fresh)["footnote_searches_total", "memory", ""] == 1


async def test_what_is_rehearsed_is_neither_stored_nor_counted_nor_logged(
    fresh: Resources, tenant_id: TenantId, every_level_is_logged: None
) -> None:
    stored, before = await rows(fresh, tenant_id), counted(fresh)

    with capture_logs() as logs:
        await rehearse(fresh, tenant_id)

    assert await rows(fresh, tenant_id) == stored
    assert counted(fresh) == before
    assert {each["event"] for each in logs} <= {"index.catch_up"}


async def test_no_language_model_is_paid_for_what_nobody_asked(
    fresh: Resources, database: Database, tenant_id: TenantId
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with running_gateway(one_model(nowhere), database) as gateway:
        await rehearse(replace(fresh, answerer=replace(fresh.answerer, gateway=gateway)), tenant_id)

    async with fresh.database.tenant(tenant_id, viewer=None) as scope:
        calls = await scope.connection.execute(text("SELECT count(*) FROM model_calls"))
        assert calls.scalar_one() == 0


async def test_what_not_every_member_may_read_is_not_looked_at(
    fresh: Resources, service: Service
) -> None:
    tenant_id = await service.new_tenant()
    writer = await service.person(tenant_id, "group:few")
    await writer.upload(TEXT, principals=["group:few"])

    await rehearse(fresh, tenant_id)

    assert not fresh.retriever._passages._held


async def test_a_deletion_waits_for_a_process_that_has_not_begun_to_purge(
    fresh: Resources, service: Service
) -> None:
    tenant_id = await service.new_tenant()
    writer = await service.person(tenant_id, EVERYONE)
    document_id = await writer.upload(TEXT, principals=[EVERYONE])
    await warm_up(fresh)
    await rehearse(fresh, tenant_id)
    assert tenant_id in {tenant for tenant, _ in fresh.retriever._passages._held}

    await writer.request("DELETE", f"/v1/documents/{document_id}")
    other = service.resources.purger
    for _ in range(2):
        await other.purge_once()
        other._rests_until.clear()
    await fresh.purger.purge_once()

    assert tenant_id not in {tenant for tenant, _ in fresh.retriever._passages._held}


async def test_a_database_that_is_away_does_not_keep_a_process_from_starting(
    fresh: Resources, every_level_is_logged: None
) -> None:
    nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", pool_size=1)

    with capture_logs() as logs:
        await warm_up(replace(fresh, database=nowhere))

    assert [(each["event"], each["code"]) for each in logs] == [
        ("warm_up.failed", "database_unavailable")
    ]


async def test_a_fault_in_an_answer_does_not_keep_a_process_from_starting(
    fresh: Resources, tenant_id: TenantId, every_level_is_logged: None
) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    with capture_logs() as logs:
        await warm_up(replace(fresh, clock=broken))

    assert logs[-1]["event"] == "warm_up.crashed"
