"""Answers about a document that somebody changes wait, and nobody else's request does."""

import asyncio
from uuid import UUID

from sqlalchemy import text

from kb.ids import DocumentId
from kb.postgres.database import Database
from kb.store.changes import lock_document
from tests.app.http.answers.test_answer_streams import DOCUMENT, QUESTION
from tests.app.http.test_search_from_memory import how, warm
from tests.service import Service

ANSWERS = 6
"""More than a process has connections to store them by at once."""

SEARCHES = 5

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND query LIKE '%footnote_store_answer%'"
)


async def wait_for_waiting(database: Database, count: int) -> None:
    """Returns when so many connections wait for a lock to store an answer."""
    while True:
        async with database.owner() as connection:
            if (await connection.execute(_WAITING)).scalar_one() == count:
                return
        await asyncio.sleep(0.02)


async def test_a_search_does_not_wait_for_the_documents_of_others(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    document_id = DocumentId(UUID(await ana.upload(DOCUMENT)))
    bob = await service.person(await service.new_tenant(), "user:bob")
    await bob.upload("The lantern is green.")
    await warm(bob)

    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as whole:
        await lock_document(whole, document_id)
        asked = [asyncio.create_task(ana.ask(QUESTION)) for _ in range(ANSWERS)]
        await wait_for_waiting(service.resources.database, ANSWERS)
        reasons = [(await how(service, bob.search("lantern")))[0] for _ in range(SEARCHES)]
        assert not any(each.done() for each in asked)

    assert reasons == [""] * SEARCHES
    answers = await asyncio.gather(*asked)
    assert [(each.status_code, each.json()["status"]) for each in answers] == [
        (200, "answered")
    ] * ANSWERS
