"""What is stored of a stream by one call, which may be made a second time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from kb.ids import AnswerId, Subject, new_uuid
from kb.settings import Settings
from kb.store.answer_events import StreamEvent, Told, append_events, begin_stream, fail_stream
from kb.store.answers import AnswerRecord
from kb.store.tables import answer_events
from tests.footnote.own_database import OwnDatabase, own_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/answer_events") as own:
        yield own


def running() -> AnswerRecord:
    return AnswerRecord(
        id=AnswerId(new_uuid()),
        subject=Subject("test:asker"),
        principals=("tenant:*",),
        request={"question": "?"},
        response={},
        status="running",
        generation=0,
        created_at=NOW,
        cited_document_ids=frozenset(),
    )


async def test_a_call_that_is_made_twice_stores_once(own: OwnDatabase) -> None:
    scope, record = own.tools.database.at_once(own.tenant_id, viewer=None), running()
    first = StreamEvent(number=1, name="answer.created", data={"id": str(record.id)})
    told = Told(events=[StreamEvent(number=2, name="retrieval.completed", data={"passages": 3})])

    for _ in range(2):
        await begin_stream(scope, record, first, owner="x", request_sha256="0" * 64)
    for _ in range(2):
        await append_events(scope, record.id, told, readers=None, now=NOW)
    await fail_stream(scope, record.id, {"code": "llm_unavailable"}, now=NOW)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as whole:
        columns = (answer_events.c.number, answer_events.c.name, answer_events.c.data)
        stored = await whole.connection.execute(select(*columns).order_by(answer_events.c.number))
    assert [tuple(row) for row in stored] == [
        (1, first.name, first.data),
        (2, "retrieval.completed", {"passages": 3}),
        (3, "error", {"code": "llm_unavailable"}),
    ]


async def test_who_stores_events_learns_whether_the_readers_may_see_them(own: OwnDatabase) -> None:
    scope, record = own.tools.database.at_once(own.tenant_id, viewer=None), running()
    accepted = await own.upload(b"Leave is 31 days.")
    first = StreamEvent(number=1, name="answer.created", data={})
    await begin_stream(scope, record, first, owner="x", request_sha256="0" * 64)
    claim = StreamEvent(number=2, name="claim.verified", data={"text": "Leave is 31 days."})
    told = Told(events=[claim], document_ids=[accepted.document.id])

    readable = [
        await append_events(scope, record.id, told, readers=readers, now=NOW)
        for readers in (None, ("tenant:*",), ("user:eve",))
    ]

    assert readable == [False, True, False]
