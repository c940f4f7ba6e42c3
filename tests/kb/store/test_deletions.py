"""A deletion takes with it what others say, keep and are about to store of the document."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from kb.errors import DocumentDeleted, EvidenceDeleted, KnowledgeBaseError, TenantNotFound
from kb.ids import AnswerId, DocumentId, Subject, new_uuid
from kb.postgres.database import Viewer
from kb.settings import Settings
from kb.store.answers import AnswerRecord, insert_answer
from kb.store.api_processes import (
    ABSENT_AFTER,
    SILENT_AFTER,
    ApiProcess,
    count_living,
    note_purged,
    purged_everywhere,
    say_alive,
    say_goodbye,
)
from kb.store.audit import Actor
from kb.store.changes import Receipt, change_fields, delete_document, lock_to_change
from kb.store.deletions import get_deletion
from kb.store.document_copies import named_documents
from kb.store.idempotency import StoredResponse, claim_key, store_response
from kb.store.tables import answers, idempotency_keys
from kb.store.tenant_deletion import (
    delete_tenant,
    get_tenant_deletion,
    open_tenant_deletions,
)
from tests.architecture.databases import execute, values
from tests.footnote.own_database import OWNER, OwnDatabase, own_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLAIM = "The bonus of the travel desk is 731 euros."
ADMIN = Actor(name="admin", principals=(), request_id=None, is_admin=True)


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/deletions") as own:
        yield own


async def uploaded(own: OwnDatabase, content: str = CLAIM) -> DocumentId:
    accepted = await own.upload(content.encode())
    return accepted.document.id


def answer_to(document_ids: set[UUID]) -> AnswerRecord:
    """An answer that says CLAIM."""
    return AnswerRecord(
        id=AnswerId(new_uuid()),
        subject=Subject("test:asker"),
        principals=("tenant:*",),
        request={"question": "?"},
        response={"claims": [{"text": CLAIM}], "citations": [{"quote": CLAIM}]},
        status="answered",
        generation=1,
        created_at=NOW,
        cited_document_ids=frozenset(document_ids),
    )


async def store_answer(own: OwnDatabase, record: AnswerRecord) -> None:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await insert_answer(scope, record, ADMIN)


async def delete(own: OwnDatabase, document_id: DocumentId) -> Receipt:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return await delete_document(scope, document_id, actor=ADMIN, now=NOW)


async def stored_answers(own: OwnDatabase) -> set[UUID]:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        found = await scope.connection.execute(select(answers.c.id))
        return set(found.scalars())


async def test_the_answers_that_show_it_go(own: OwnDatabase) -> None:
    document_id, other = await uploaded(own), await uploaded(own, "Leave is 31 days.")
    showing, both = answer_to({document_id}), answer_to({document_id, other})
    without = answer_to({other})
    for record in (showing, both, without):
        await store_answer(own, record)

    await delete(own, document_id)

    assert await stored_answers(own) == {without.id}


async def test_an_answer_is_not_stored_once_its_document_is_deleted(own: OwnDatabase) -> None:
    document_id = await uploaded(own)
    await delete(own, document_id)

    with pytest.raises(EvidenceDeleted):
        await store_answer(own, answer_to({document_id}))

    assert await stored_answers(own) == set()


async def test_who_stores_an_answer_learns_that_it_shows_what_they_may_not_read(
    own: OwnDatabase,
) -> None:
    document_id = await uploaded(own)
    database = own.tools.database

    async def stored_by(principal: str) -> bool:
        viewer = Viewer(principals=("tenant:*", principal))
        async with database.tenant(own.tenant_id, viewer=viewer) as scope:
            return await insert_answer(scope, answer_to({document_id}), ADMIN)

    before = await stored_by("user:ana")
    async with database.tenant(own.tenant_id, viewer=None) as scope:
        document = await lock_to_change(scope, document_id, ADMIN)
        fields = replace(document.fields, principals=("group:hr",))
        await change_fields(scope, document, fields, now=NOW)

    assert (before, await stored_by("user:ana"), await stored_by("group:hr")) == (
        True,
        False,
        True,
    )


async def test_an_answer_that_is_being_stored_goes_too(own: OwnDatabase) -> None:
    document_id = await uploaded(own)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await insert_answer(scope, answer_to({document_id}), ADMIN)
        deleting = asyncio.create_task(delete(own, document_id))
        await until_somebody_waits(own)

    await deleting
    assert await stored_answers(own) == set()


async def until_somebody_waits(own: OwnDatabase) -> None:
    """Returns when a transaction waits for another one's lock."""
    waiting = "SELECT pid FROM pg_locks, pg_sleep(0.1) WHERE NOT granted"
    for _ in range(300):
        if await asyncio.to_thread(values, own.url, waiting):
            return
    raise AssertionError("nobody waits")


async def claim(own: OwnDatabase) -> StoredResponse | datetime:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return await claim_key(scope, owner=OWNER, key="once", request_sha256="x")


async def respond(own: OwnDatabase, document_id: DocumentId, claimed_at: datetime) -> None:
    shown = {"data": [{"document": {"id": str(document_id), "title": CLAIM}}]}
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        response = StoredResponse(status_code=202, body={**shown})
        await store_response(
            scope, owner=OWNER, key="once", claimed_at=claimed_at, response=response
        )


@pytest.mark.parametrize("is_stored_first", [True, False])
async def test_a_first_response_that_shows_it_is_gone(
    own: OwnDatabase,
    is_stored_first: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    document_id = await uploaded(own)
    claimed_at = await claim(own)
    assert isinstance(claimed_at, datetime)
    if is_stored_first:
        await respond(own, document_id, claimed_at)
        assert isinstance(await claim(own), StoredResponse)
        await delete(own, document_id)
    else:
        await delete(own, document_id)
        await respond(own, document_id, claimed_at)

    with pytest.raises(DocumentDeleted):
        await claim(own)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        query = select(idempotency_keys.c.response)
        assert (await scope.connection.execute(query)).scalar_one() is None


async def test_the_response_of_another_document_stays(own: OwnDatabase) -> None:
    document_id, other = await uploaded(own), await uploaded(own, "Leave is 31 days.")
    claimed_at = await claim(own)
    assert isinstance(claimed_at, datetime)
    await respond(own, other, claimed_at)

    await delete(own, document_id)

    assert isinstance(await claim(own), StoredResponse)


def test_documents_are_found_in_a_response_wherever_they_are_named() -> None:
    one, two, three = new_uuid(), new_uuid(), new_uuid()

    body = {
        "document": {"id": str(one), "version": 1},
        "data": [{"citations": [{"document_id": str(two), "id": "c1"}]}],
        "job": {"id": str(three), "document": None, "document_id": None},
    }

    assert named_documents(body) == {one, two}


async def test_the_queue_forgets_its_jobs(own: OwnDatabase) -> None:
    document_id, other = await uploaded(own), await uploaded(own, "Leave is 31 days.")

    await delete(own, document_id)

    locks = values(own.url, "SELECT lock FROM procrastinate.procrastinate_jobs")
    assert locks == {str(other)}


async def test_what_superseded_it_supersedes_nothing(own: OwnDatabase) -> None:
    document_id = await uploaded(own)
    accepted = await own.upload(b"Newer.", supersedes=document_id)

    await delete(own, document_id)

    found = values(
        own.url,
        "SELECT concat_ws(' ', id, coalesce(supersedes::text, '-'), revision) FROM documents",
    )
    assert found == {f"{accepted.document.id} - {accepted.document.revision + 1}"}


# --- Who has purged it ---------------------------------------------------------------------------


async def process_at(
    own: OwnDatabase, node: UUID, *, silent: timedelta = timedelta()
) -> ApiProcess:
    """A process of the node, last seen so long ago."""
    process = ApiProcess(id=new_uuid(), node=node)
    async with own.tools.database.system() as system:
        await say_alive(system, process)
    execute(
        own.url,
        f"UPDATE api_processes SET seen_at = now() - interval '{silent.total_seconds()} s'"  # noqa: S608
        f" WHERE id = '{process.id}'",
    )
    return process


async def purged_up_to(own: OwnDatabase, process: ApiProcess, generation: int) -> None:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await note_purged(scope, process, generation=generation)


async def everywhere(own: OwnDatabase) -> tuple[int, int, int]:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        purged = await purged_everywhere(scope)
    return purged.generation, purged.nodes, purged.absent_nodes


async def test_all_processes_that_live_are_waited_for(own: OwnDatabase) -> None:
    node = new_uuid()
    first, second = await process_at(own, node), await process_at(own, node)
    await purged_up_to(own, first, 7)
    before = await everywhere(own)
    await purged_up_to(own, second, 5)

    assert before == (0, 1, 0)
    assert await everywhere(own) == (5, 1, 0)


async def test_the_disk_of_a_node_that_is_down_is_waited_for(own: OwnDatabase) -> None:
    living = await process_at(own, new_uuid())
    await purged_up_to(own, living, 7)
    down = await process_at(own, new_uuid(), silent=2 * SILENT_AFTER)
    before = await everywhere(own)
    await purged_up_to(own, down, 6)

    assert before == (0, 2, 0)
    assert await everywhere(own) == (6, 2, 0)


async def test_a_node_that_stays_away_is_counted_and_not_waited_for(own: OwnDatabase) -> None:
    await purged_up_to(own, await process_at(own, new_uuid()), 7)
    await process_at(own, new_uuid(), silent=2 * ABSENT_AFTER)

    assert await everywhere(own) == (7, 1, 1)


async def test_the_memory_of_a_process_that_ended_is_not_waited_for(own: OwnDatabase) -> None:
    node = new_uuid()
    ended, living = await process_at(own, node), await process_at(own, node)
    await purged_up_to(own, living, 7)
    async with own.tools.database.system() as system:
        await say_goodbye(system, ended)

    assert await everywhere(own) == (7, 1, 0)


async def test_the_processes_that_live_are_counted(own: OwnDatabase) -> None:
    node = new_uuid()
    async with own.tools.database.system() as system:
        assert await count_living(system) == 0
    # Two of one node, which count as two.
    await process_at(own, node)
    await process_at(own, node)
    await process_at(own, node, silent=SILENT_AFTER)
    ended = await process_at(own, node)
    async with own.tools.database.system() as system:
        await say_goodbye(system, ended)

        assert await count_living(system) == 2


# --- Tenants -------------------------------------------------------------------------------------


async def delete_all(own: OwnDatabase) -> None:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await delete_tenant(scope, files=0, now=NOW)


async def test_a_deleted_tenant_leaves_no_row(own: OwnDatabase) -> None:
    document_id = await uploaded(own)
    await own.work_until_empty()
    await store_answer(own, answer_to({document_id}))
    await uploaded(own, "Leave is 31 days.")

    await delete_all(own)

    async with own.tools.database.system() as system:
        receipt = (await get_tenant_deletion(system, own.tenant_id)).receipt
    assert receipt["rows"]["documents"] == 2
    assert receipt["rows"]["answers"] == 1
    assert receipt["rows"]["vectors_small_1"] >= 1
    assert receipt["queued"] == 1
    dump = values(own.url, "SELECT query_to_xml('SELECT * FROM documents', true, true, '')::text")
    assert str(own.tenant_id) not in "".join(dump)


async def test_a_table_that_would_keep_a_row_stops_the_deletion(own: OwnDatabase) -> None:
    execute(
        own.url,
        "CREATE TABLE forgotten (tenant_id uuid)",
        "GRANT SELECT ON forgotten TO footnote_writer",
        f"INSERT INTO forgotten VALUES ('{own.tenant_id}')",  # noqa: S608
    )

    with pytest.raises(KnowledgeBaseError, match="forgotten"):
        await delete_all(own)

    assert values(own.url, "SELECT id FROM tenants") == {str(own.tenant_id)}


async def test_a_table_that_nobody_may_count_stops_the_deletion(own: OwnDatabase) -> None:
    execute(own.url, "CREATE TABLE forgotten (tenant_id uuid)")

    with pytest.raises(KnowledgeBaseError, match="forgotten"):
        await delete_all(own)


async def test_a_silent_node_keeps_no_deletion_from_being_looked_after(own: OwnDatabase) -> None:
    """Those that wait for it stay open for days: later ones have their turn beside them."""
    waiting, count = new_uuid(), 1_200
    execute(
        own.url,
        f"""
        INSERT INTO tenant_deletions (id, receipt, deleted_at)
        SELECT gen_random_uuid(), '{{}}', now() - interval '1 day' FROM generate_series(1, {count});
        INSERT INTO tenant_deletions (id, receipt, deleted_at) VALUES ('{waiting}', '{{}}', now());
        """,  # noqa: S608  # our own values
    )

    async with own.tools.database.system() as system:
        found = await open_tenant_deletions(system)

    assert len(found) == count + 1
    assert found[-1] == waiting


async def test_an_upload_of_a_deleted_tenant_leaves_nothing(own: OwnDatabase) -> None:
    await delete_all(own)

    with pytest.raises(TenantNotFound):
        await uploaded(own)

    assert await own.tools.files.stored(own.tenant_id) == []


async def test_a_job_in_the_queue_is_not_run_for_a_deleted_tenant(own: OwnDatabase) -> None:
    await uploaded(own)
    await delete_all(own)

    await own.work_until_empty()

    assert values(own.url, "SELECT id FROM procrastinate.procrastinate_jobs") == set()
    assert values(own.url, "SELECT tenant_id FROM documents") == set()


async def test_a_deletion_is_known_to_who_could_read_the_document(own: OwnDatabase) -> None:
    document_id = await uploaded(own)
    await delete(own, document_id)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        deletion = await get_deletion(scope, document_id)

    assert deletion.owner == "admin"
    assert deletion.state.purged_at is None
