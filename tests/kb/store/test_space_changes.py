"""Spaces are added, activated and dropped while others write and read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select, text, update

from ingest.space_writers import SpaceWriters
from ingest.worker import run_job
from kb.errors import Conflict, SpaceChanged, SpaceIncomplete, SpaceInUse, SpaceNotFound
from kb.ids import DocumentId, JobId
from kb.index.vector_search import VectorFilter, search_exactly
from kb.postgres.database import Viewer
from kb.store.audit import Actor
from kb.store.changes import change_fields, delete_document
from kb.store.documents import get_document
from kb.store.space_backfill import count_missing, count_rows, insert_missing, missing_chunks
from kb.store.space_changes import (
    activate_space,
    create_space,
    describe_spaces,
    drop_space,
    enqueue_backfills,
)
from kb.store.spaces import (
    Space,
    SpaceTuning,
    all_spaces,
    current_space,
    find_space,
    hold_spaces,
    vectors_table,
)
from kb.store.tables import chunks, embedding_spaces, jobs
from kb.store.tenants import read_generations
from kb.store.uploads import Accepted
from tests.footnote.own_database import OWNER, OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder

OLD, NEW = SmallEmbedder(), SmallEmbedder(model="new", dimension=24)
EVERYBODY = Viewer(principals=("tenant:*",))
ACTOR = Actor(name=OWNER, principals=("tenant:*",), request_id=None, is_admin=True)
WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
)


@pytest.fixture
async def own(database_url: str, tmp_path: Path) -> AsyncIterator[OwnDatabase]:
    files = (tmp_path / "files").as_uri()
    async with own_database(database_url, files, embedders=(OLD, NEW)) as own:
        yield own


async def upload(own: OwnDatabase, content: str, *, is_old_alone: bool = False) -> Accepted:
    """An ingested document; `is_old_alone`: by a worker that knows no other model."""
    accepted = await own.upload(content.encode())
    assert accepted.job is not None
    job_id = JobId(accepted.job.id)
    if is_old_alone:
        async with SpaceWriters(OLD.space, OLD) as writers:
            tools = replace(own.tools, writers=writers)
            await run_job(tools, own.tenant_id, job_id, is_last_attempt=False)
    else:
        await run_job(own.tools, own.tenant_id, job_id, is_last_attempt=True)
    return accepted


async def missing(own: OwnDatabase) -> int:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return await count_missing(scope, NEW.space)


async def searched(own: OwnDatabase) -> Space | None:
    async with own.tools.database.system() as system:
        return await current_space(system)


async def until_somebody_waits(own: OwnDatabase) -> None:
    async with asyncio.timeout(30):
        while True:
            async with own.tools.database.owner() as connection:
                if (await connection.execute(WAITING)).scalar_one():
                    return
            await asyncio.sleep(0.01)


async def test_a_new_space_lacks_everything_until_it_is_filled(own: OwnDatabase) -> None:
    await upload(own, "Before.")
    assert await create_space(own.tools.database, NEW.space, SpaceTuning(evidence_floor=0.4))
    assert await missing(own) == 1
    assert await searched(own) == OLD.space

    await upload(own, "After.")
    assert await missing(own) == 1
    await own.fill(NEW.space)

    assert await missing(own) == 0
    old, new = sorted(
        await describe_spaces(own.tools.database),
        key=lambda each: each.stored.space.name != "small_1",
    )
    assert (old.rows, new.rows) == (2, 2)
    assert old.complete_share == new.complete_share == 1
    assert new.stored.tuning == SpaceTuning(evidence_floor=0.4)
    assert new.size_bytes > 0


async def test_a_worker_does_the_jobs_that_fill_a_space(own: OwnDatabase) -> None:
    await upload(own, "Before.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    assert await enqueue_backfills(own.tools.database, NEW.space) == 1
    # Twice is no more work.
    await enqueue_backfills(own.tools.database, NEW.space)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        count = select(func.count()).select_from(jobs).where(jobs.c.kind == "backfill")
        assert (await scope.connection.execute(count)).scalar_one() == 1

    await own.work_until_empty()

    assert await missing(own) == 0
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        query = select(jobs.c.status, jobs.c.progress_done, jobs.c.progress_total, jobs.c.priority)
        done = (await scope.connection.execute(query.where(jobs.c.kind == "backfill"))).one()
    assert tuple(done) == ("succeeded", 1, 1, "background")


async def test_a_job_goes_on_in_its_next_turn(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await upload(own, f"Before {number}.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    await enqueue_backfills(own.tools.database, NEW.space)
    # Every turn ends after one batch, of one text.
    monkeypatch.setattr("ingest.backfill.TURN_SECONDS", -1.0)
    monkeypatch.setattr("ingest.backfill.BATCH_TEXTS", 1)

    await own.work_until_empty()

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        query = select(jobs.c.status, jobs.c.attempts).where(jobs.c.kind == "backfill")
        status, attempts = (await scope.connection.execute(query)).one()
    # Three batches, and a look at whether anything is left.
    assert (status, attempts) == ("succeeded", 4)
    assert await missing(own) == 0


async def test_what_a_worker_without_the_model_published_is_filled_in(own: OwnDatabase) -> None:
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    await upload(own, "By an old worker.", is_old_alone=True)
    assert await missing(own) == 1

    await own.work_until_empty()

    assert await missing(own) == 0


async def test_a_worker_without_the_active_model_publishes_nothing(own: OwnDatabase) -> None:
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    await activate_space(own.tools.database, NEW.space.name)

    with pytest.raises(SpaceChanged):
        await upload(own, "By an old worker.", is_old_alone=True)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert (await scope.connection.execute(select(func.count(chunks.c.id)))).scalar_one() == 0
        statuses = select(jobs.c.status)
        assert (await scope.connection.execute(statuses)).scalars().all() == ["queued"]


async def test_a_space_that_lacks_vectors_is_activated_by_force_alone(own: OwnDatabase) -> None:
    await upload(own, "One.")
    await upload(own, "Two.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())

    with pytest.raises(SpaceIncomplete, match=r"2 chunks.*'new_1'"):
        await activate_space(own.tools.database, NEW.space.name)
    assert await searched(own) == OLD.space

    assert await activate_space(own.tools.database, "new", is_forced=True) == OLD.space
    assert await searched(own) == NEW.space
    # What is filled in now is news to whoever follows the space.
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        before = (await read_generations(scope)).tenant
    await own.fill(NEW.space)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert (await read_generations(scope)).tenant == before + 2
    assert await activate_space(own.tools.database, OLD.space.name) == NEW.space


async def test_activation_waits_for_what_is_being_published(own: OwnDatabase) -> None:
    await upload(own, "Old.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    await own.fill(NEW.space)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        # As a worker that lacks the new model publishes: its check of the spaces comes first.
        await hold_spaces(scope)
        activating = asyncio.create_task(activate_space(own.tools.database, NEW.space.name))
        await until_somebody_waits(own)
        table = vectors_table(NEW.space)
        await scope.connection.execute(table.delete())
        await scope.connection.execute(
            text("UPDATE tenants SET generation = generation + 1 WHERE id = :id"),
            {"id": own.tenant_id},
        )

    with pytest.raises(SpaceIncomplete):
        await activating
    assert await searched(own) == OLD.space


async def test_a_search_that_began_in_a_space_ends_in_it_before_the_space_goes(
    own: OwnDatabase,
) -> None:
    await upload(own, "A lantern.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    await own.fill(NEW.space)
    database = own.tools.database
    async with database.tenant(own.tenant_id, viewer=EVERYBODY) as scope:
        assert (await read_generations(scope)).space == OLD.space.name
        await activate_space(database, NEW.space.name)
        dropping = asyncio.create_task(drop_space(database, OLD.space.name))
        async with asyncio.timeout(30):
            while OLD.space in await all_spaces(scope):  # noqa: ASYNC110  # a transaction's work
                await asyncio.sleep(0.01)
        question = OLD.embed_queries(["lantern"])[0]
        hits = await search_exactly(scope, OLD.space, question, VectorFilter(), limit=5)
        assert len(hits) == 1
        assert not dropping.done()
    await dropping

    states = await describe_spaces(database)
    assert [each.stored.space for each in states] == [NEW.space]


async def test_a_space_is_dropped_once_searches_use_another_one(own: OwnDatabase) -> None:
    database = own.tools.database
    await create_space(database, NEW.space, SpaceTuning())

    with pytest.raises(SpaceInUse):
        await drop_space(database, OLD.space.name)
    with pytest.raises(SpaceNotFound, match="'nothing'"):
        await drop_space(database, "nothing")
    await drop_space(database, NEW.space.name)

    with pytest.raises(SpaceNotFound):
        await drop_space(database, NEW.space.name)
    async with database.owner() as connection:
        found = await connection.execute(text("SELECT to_regclass('vectors_new_1')"))
        assert found.scalar_one() is None
    assert await create_space(database, NEW.space, SpaceTuning())


async def test_a_drop_that_was_cut_off_goes_on(own: OwnDatabase) -> None:
    database = own.tools.database
    await create_space(database, NEW.space, SpaceTuning())
    async with database.owner() as connection:
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == NEW.space.name)
            .values(dropped_at=func.now())
        )

    with pytest.raises(Conflict, match="footnote space drop new_1"):
        await create_space(database, NEW.space, SpaceTuning())
    with pytest.raises(SpaceNotFound):
        await activate_space(database, NEW.space.name)
    # Nobody keeps it current any more.
    await upload(own, "A note.")
    await drop_space(database, NEW.space.name)

    async with database.system() as system:
        assert await all_spaces(system) == [OLD.space]


async def test_readers_that_change_while_a_vector_is_made_are_those_that_it_gets(
    own: OwnDatabase,
) -> None:
    accepted = await upload(own, "For everybody at first.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        found = await missing_chunks(scope, NEW.space, after=0, limit=10)
    vectors = NEW.embed_passages([each.embedded_text for each in found])

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        document = await get_document(scope, DocumentId(accepted.document.id))
        fields = replace(document.fields, principals=("group:hr",))
        await change_fields(scope, document, fields, now=own.tools.clock())
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert await insert_missing(scope, NEW.space, found, vectors)

    async with own.tools.database.tenant(own.tenant_id, viewer=EVERYBODY) as scope:
        assert await count_rows(scope, NEW.space) == 0
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert await count_rows(scope, NEW.space) == 1


async def test_a_document_deleted_while_its_vector_is_made_gets_none(own: OwnDatabase) -> None:
    accepted = await upload(own, "Soon gone.")
    kept = await upload(own, "Kept.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        found = await missing_chunks(scope, NEW.space, after=0, limit=10)
    vectors = NEW.embed_passages([each.embedded_text for each in found])

    viewer = Viewer(principals=("tenant:*",), owner=OWNER)
    async with own.tools.database.tenant(own.tenant_id, viewer=viewer) as scope:
        document_id = DocumentId(accepted.document.id)
        await delete_document(scope, document_id, actor=ACTOR, now=own.tools.clock())
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert await insert_missing(scope, NEW.space, found, vectors)
        rows = await scope.connection.execute(select(vectors_table(NEW.space).c.document_id))
        assert rows.scalars().all() == [kept.document.id]


async def test_a_space_that_is_being_dropped_gets_no_vectors(own: OwnDatabase) -> None:
    await upload(own, "A note.")
    await create_space(own.tools.database, NEW.space, SpaceTuning())
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        found = await missing_chunks(scope, NEW.space, after=0, limit=10)
    await drop_space(own.tools.database, NEW.space.name)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        vectors = np.ones((1, 24), dtype=np.float32)
        assert not await insert_missing(scope, NEW.space, found, vectors)


async def test_a_space_is_found_by_its_name_and_by_its_model(own: OwnDatabase) -> None:
    await create_space(own.tools.database, NEW.space, SpaceTuning())

    async with own.tools.database.system() as system:
        assert (await find_space(system, "new_1")).space == NEW.space
        assert (await find_space(system, "new")).space == NEW.space
        with pytest.raises(SpaceNotFound, match="footnote space list"):
            await find_space(system, "newer")
