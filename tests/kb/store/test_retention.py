"""Retention: what goes, what stays, and in which portions."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text

from kb.ids import AnswerId, Subject, TenantId
from kb.postgres.database import Database, TenantSession
from kb.store.answers import AnswerRecord, insert_answer
from kb.store.audit import Actor, record_event
from kb.store.budgets import nothing_reserved, settle
from kb.store.collections import ensure_collection
from kb.store.document_writes import insert_document
from kb.store.documents import Content, DocumentFields
from kb.store.model_calls import MeteredCall
from kb.store.retention import (
    prune_answer_events,
    prune_answers,
    prune_audiences,
    prune_model_calls,
    prune_requests,
)
from kb.store.tables import answer_events, answers, audiences, idempotency_keys, model_calls
from kb.store.tenants import create_tenant
from tests.kb.store.test_model_calls import CALL
from tests.service import Service

NOW = datetime.now(UTC)
ACTOR = Actor(name="test", principals=(), request_id=None)
YEAR = timedelta(days=365)


@pytest.fixture
async def scope(database: Database) -> AsyncIterator[TenantSession]:
    """The whole of a new tenant, undone after the test."""
    async with database.system() as system:
        tenant_id = (await create_tenant(system, f"retention {uuid4()}")).id
    async with database.tenant(tenant_id, viewer=None) as scope:
        yield scope


def id_at(moment: datetime) -> UUID:
    """As `new_uuid` would have made it then."""
    random = uuid4().int & ((1 << 62) - 1)
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | random)


async def add_document(scope: TenantSession) -> UUID:
    """One for an answer to quote."""
    fields = DocumentFields(
        external_id=None,
        title=None,
        source_uri=None,
        language=None,
        metadata={},
        principals=("tenant:*",),
        effective_at=None,
        expires_at=None,
        supersedes=None,
    )
    content = Content(filename=None, media_type="text/plain", sha256="0" * 64, size_bytes=1)
    collection_id = await ensure_collection(scope, "default")
    return (await insert_document(scope, collection_id, fields, content, ACTOR.uploader)).id


async def add_answer(scope: TenantSession, *, age: timedelta) -> UUID:
    record = AnswerRecord(
        id=AnswerId(id_at(NOW - age)),
        subject=Subject("test:asker"),
        principals=("tenant:*",),
        request={},
        response={},
        status="answered",
        generation=1,
        created_at=NOW - age,
        cited_document_ids=frozenset({await add_document(scope)}),
    )
    await insert_answer(scope, record, ACTOR)
    await scope.connection.execute(
        insert(answer_events).values(
            tenant_id=scope.tenant_id,
            answer_id=record.id,
            number=1,
            name="answer.created",
            data={},
            created_at=record.created_at,
        )
    )
    return record.id


async def add_call(scope: TenantSession, call: MeteredCall, *, at: datetime) -> None:
    await scope.connection.execute(
        insert(model_calls).values(
            tenant_id=scope.tenant_id, id=id_at(at), created_at=at, **asdict(call)
        )
    )


async def counted(scope: TenantSession, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table}")  # noqa: S608  # our own tables
    return int((await scope.connection.execute(query)).scalar_one())


async def test_old_answers_go_with_their_events_and_citations(scope: TenantSession) -> None:
    await add_answer(scope, age=2 * YEAR)
    young = await add_answer(scope, age=timedelta(days=364))

    pruned = await prune_answers(scope, before=NOW - YEAR, limit=10)

    assert pruned == 1
    assert list((await scope.connection.execute(select(answers.c.id))).scalars()) == [young]
    assert await counted(scope, "answer_events") == 1
    assert await counted(scope, "answer_documents") == 1


async def test_no_more_than_the_limit_goes_and_the_oldest_goes_first(scope: TenantSession) -> None:
    older = [await add_answer(scope, age=YEAR + timedelta(days=days)) for days in (3, 5, 4)]

    pruned = await prune_answers(scope, before=NOW - YEAR, limit=2)

    assert pruned == 2
    assert list((await scope.connection.execute(select(answers.c.id))).scalars()) == [older[0]]


async def test_events_go_and_their_answer_stays(scope: TenantSession) -> None:
    answer_id = await add_answer(scope, age=timedelta(hours=2))
    await add_answer(scope, age=timedelta(minutes=5))

    pruned = await prune_answer_events(scope, before=NOW - timedelta(hours=1), limit=10)

    assert pruned == 1
    assert await counted(scope, "answers") == 2
    left = list((await scope.connection.execute(select(answer_events.c.answer_id))).scalars())
    assert answer_id not in left


async def test_no_more_events_than_the_limit_go_at_once(scope: TenantSession) -> None:
    answer_id = await add_answer(scope, age=timedelta(hours=2))
    await scope.connection.execute(
        insert(answer_events),
        [
            {
                "tenant_id": scope.tenant_id,
                "answer_id": answer_id,
                "number": number,
                "name": "answer.heartbeat",
                "data": {},
                "created_at": NOW - timedelta(hours=3),
            }
            for number in range(2, 12)
        ],
    )

    pruned = await prune_answer_events(scope, before=NOW - timedelta(hours=1), limit=4)

    assert pruned == 4
    assert await counted(scope, "answer_events") == 7


async def test_what_was_spent_does_not_change_with_the_calls(scope: TenantSession) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=31)
    await add_call(scope, CALL, at=long_ago)
    await add_call(scope, replace(CALL, attempt=2), at=datetime.now(UTC) - timedelta(days=29))
    await settle(scope, nothing_reserved(long_ago), microdollars=104)

    pruned = await prune_model_calls(scope, before=datetime.now(UTC), limit=10)

    # Nobody may delete those of the last 30 days, not even by asking for it.
    assert pruned == 1
    assert list((await scope.connection.execute(select(model_calls.c.attempt))).scalars()) == [2]
    spent = text("SELECT sum(spent_microdollars) FROM budget_days")
    assert (await scope.connection.execute(spent)).scalar_one() == 104


async def test_old_requests_can_be_sent_anew(scope: TenantSession) -> None:
    for key, age in (("old", timedelta(days=8)), ("young", timedelta(days=6))):
        await scope.connection.execute(
            insert(idempotency_keys).values(
                tenant_id=scope.tenant_id,
                owner="ana",
                key=key,
                request_sha256="0",
                created_at=NOW - age,
            )
        )

    pruned = await prune_requests(scope, before=NOW - timedelta(days=7), limit=10)

    left = list((await scope.connection.execute(select(idempotency_keys.c.key))).scalars())
    assert (pruned, left) == (1, ["young"])


async def test_the_audit_trail_can_be_pruned_by_nobody(scope: TenantSession) -> None:
    await record_event(scope, Actor(name="ana", principals=(), request_id=None), "x.y", None)

    with pytest.raises(Exception, match="permission denied"):
        await scope.connection.execute(text("DELETE FROM audit_events"))
    await scope.connection.rollback()


async def readers(service: Service, tenant_id: TenantId) -> set[str]:
    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        rows = (await scope.connection.execute(select(audiences.c.principals))).scalars()
        return {name for principals in rows for name in principals}


async def test_audiences_that_read_nothing_go(service: Service) -> None:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    gone = await ana.upload("Leave is 31 days.", principals=["user:ana", "group:hr"])
    await ana.upload("Lunch is at noon.", principals=["user:ana"])
    await ana.request("DELETE", f"/v1/documents/{gone}")
    assert await readers(service, tenant_id) == {"user:ana", "group:hr"}

    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        pruned = await prune_audiences(scope, limit=10)

    assert pruned == 1
    assert await readers(service, tenant_id) == {"user:ana"}
    found = (await ana.search("When is lunch?", mode="vector")).json()
    assert [hit["text"] for hit in found["data"]] == ["Lunch is at noon."]


async def test_an_audience_that_somebody_is_about_to_use_stays(service: Service) -> None:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    gone = await ana.upload("Leave is 31 days.", principals=["user:ana", "group:hr"])
    kept = await ana.upload("Lunch is at noon.", principals=["user:ana"])
    await ana.request("DELETE", f"/v1/documents/{gone}")
    database = service.resources.database

    async with database.tenant(tenant_id, viewer=None) as publishing:
        # A change of readers that has not been committed yet.
        space = service.ingestion.space.name
        await publishing.connection.execute(
            text(f"UPDATE vectors_{space} SET principals = principals WHERE document_id = :id"),  # noqa: S608  # ours
            {"id": kept},
        )
        async with database.tenant(tenant_id, viewer=None) as scope:
            pruned = await prune_audiences(scope, limit=10)

    assert pruned == 0
    assert await readers(service, tenant_id) == {"user:ana", "group:hr"}
