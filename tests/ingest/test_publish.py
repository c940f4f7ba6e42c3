"""Publishing: all of a version or nothing of it, and once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ingest.chunk import CHUNKER_VERSION, split
from ingest.parse import parse
from ingest.publish import Publication, publish
from kb.ids import JobId
from kb.postgres.database import EVERYONE
from kb.settings import Settings
from kb.store.jobs import Job, start_job
from kb.store.space_changes import create_space
from kb.store.spaces import SpaceTuning
from kb.store.tenants import changed_documents, current_generation
from kb.store.uploads import Accepted
from kb.store.vectors import Embedded, text_sha256
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder
from tests.footnote.stored import StoredDocument, stored_document
from tests.ingest.locks import is_waiting_for_a_lock, store_readers

NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/publish") as own:
        yield own


async def being_read(
    own: OwnDatabase,
    content: bytes,
    external_id: str | None = None,
    principals: tuple[str, ...] = (EVERYONE,),
) -> Accepted:
    """An upload whose job runs for the first time."""
    accepted = await own.upload(content, external_id=external_id, principals=principals)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert await start_job(scope, id_of(accepted.job), is_alone=False, now=NOW) == 1
    return accepted


def publication_of(own: OwnDatabase, accepted: Accepted, content: bytes) -> Publication:
    """What a worker has made of the content."""
    media_type = accepted.document.content.media_type
    parsed = parse(content, media_type)
    embedder = own.tools.embedder
    chunks = split(parsed, title=None, media_type=media_type, embedder=embedder)
    texts = [chunk.embedded_text for chunk in chunks]
    return Publication(
        document_id=accepted.document.id,
        upload=accepted.document.upload,
        attempt=1,
        parsed=parsed,
        chunks=chunks,
        sha256s=[text_sha256(each) for each in texts],
        vectors_by_space={own.tools.space: embedder.embed_passages(texts)},
        embedded=Embedded(chunks=len(texts), tokens=sum(embedder.count_tokens(texts))),
        chunker_version=CHUNKER_VERSION,
    )


def without_chunks(own: OwnDatabase, publication: Publication) -> Publication:
    """The same of a document that says nothing."""
    nothing = np.empty((0, 8), dtype=np.float32)
    return replace(publication, chunks=(), sha256s=(), vectors_by_space={own.tools.space: nothing})


async def publish_in(own: OwnDatabase, job: Job | None, publication: Publication) -> bool:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        served = await publish(scope, {id_of(job): publication}, now=NOW)
    return id_of(job) in served


async def stored(own: OwnDatabase, accepted: Accepted) -> StoredDocument:
    return await stored_document(own.tools.database, own.tenant_id, str(accepted.document.id))


async def generation(own: OwnDatabase) -> int:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return await current_generation(scope)


def id_of(job: Job | None) -> JobId:
    assert job is not None
    return job.id


async def test_a_version_is_published_whole_and_moves_the_generation_by_one(
    own: OwnDatabase,
) -> None:
    accepted = await being_read(own, NOTE)
    before = await generation(own)

    is_served = await publish_in(own, accepted.job, publication_of(own, accepted, NOTE))

    assert is_served
    document = await stored(own, accepted)
    assert document.is_whole
    assert (document.status, document.version, document.chunk_count) == ("ready", 1, 2)
    assert (await own.job(id_of(accepted.job))).status == "succeeded"
    assert await generation(own) == before + 1
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        assert await changed_documents(scope, since=before) == [accepted.document.id]


async def test_an_attempt_that_publishes_again_is_served_and_changes_nothing(
    own: OwnDatabase,
) -> None:
    accepted = await being_read(own, NOTE)
    publication = publication_of(own, accepted, NOTE)
    await publish_in(own, accepted.job, publication)
    before, generation_before = await stored(own, accepted), await generation(own)

    is_served = await publish_in(own, accepted.job, publication)

    assert is_served
    assert await stored(own, accepted) == before
    assert await generation(own) == generation_before


async def test_publishing_several_times_at_once_stores_one_version(own: OwnDatabase) -> None:
    accepted = await being_read(own, NOTE)
    publication = publication_of(own, accepted, NOTE)

    served = await asyncio.gather(*(publish_in(own, accepted.job, publication) for _ in range(3)))

    assert served == [True, True, True]
    document = await stored(own, accepted)
    assert document.is_whole
    assert document.versions == [1]


async def test_a_run_that_was_taken_over_publishes_nothing(own: OwnDatabase) -> None:
    accepted = await being_read(own, NOTE)
    publication = publication_of(own, accepted, NOTE)
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await start_job(scope, id_of(accepted.job), is_alone=False, now=NOW)

    is_served = await publish_in(own, accepted.job, publication)

    assert not is_served
    assert (await stored(own, accepted)).versions == []
    assert (await own.job(id_of(accepted.job))).status == "running"
    assert await publish_in(own, accepted.job, replace(publication, attempt=2))


async def test_an_older_upload_never_replaces_a_newer_one(own: OwnDatabase) -> None:
    first = await being_read(own, NOTE, external_id="note")
    first_publication = publication_of(own, first, NOTE)
    second = await being_read(own, b"# Other\n\nAll new.\n", external_id="note")
    second_publication = publication_of(own, second, b"# Other\n\nAll new.\n")

    assert await publish_in(own, second.job, second_publication)
    assert not await publish_in(own, first.job, first_publication)

    document = await stored(own, second)
    assert document.is_whole
    assert (document.versions, document.chunk_count) == ([2], 1)
    assert (await own.job(id_of(first.job))).status == "canceled"


async def test_a_failure_in_the_middle_leaves_what_was_served(own: OwnDatabase) -> None:
    first = await being_read(own, NOTE, external_id="kept")
    await publish_in(own, first.job, publication_of(own, first, NOTE))
    content = NOTE + b"\n# Three\n\nMore.\n"
    second = await being_read(own, content, external_id="kept")
    before, generation_before = await stored(own, second), await generation(own)
    publication = publication_of(own, second, content)
    too_short = replace(
        publication, vectors_by_space={own.tools.space: np.ones((3, 7), dtype=np.float32)}
    )

    with pytest.raises(DBAPIError, match="expected 8 dimensions"):
        await publish_in(own, second.job, too_short)

    assert await stored(own, second) == before
    assert before.is_whole
    assert before.versions == [1]
    assert await generation(own) == generation_before
    assert (await own.job(id_of(second.job))).status == "running"
    assert await publish_in(own, second.job, publication)
    assert (await stored(own, second)).versions == [1, 2]


async def test_several_versions_are_published_at_once(own: OwnDatabase) -> None:
    other = b"# Other\n\nThe only part.\n"
    accepted = [await being_read(own, NOTE), await being_read(own, other)]
    old = await being_read(own, NOTE, external_id="several")
    publications = {
        id_of(each.job): publication_of(own, each, content)
        for each, content in zip([*accepted, old], [NOTE, other, NOTE], strict=True)
    }
    await own.upload(other, external_id="several")
    before = await generation(own)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        served = await publish(scope, publications, now=NOW)

    assert served == {id_of(each.job) for each in accepted}
    documents = [await stored(own, each) for each in accepted]
    assert all(each.is_whole for each in documents)
    assert [each.chunk_count for each in documents] == [2, 1]
    assert await generation(own) == before + 2
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        changed = await changed_documents(scope, since=before)
    assert sorted(changed) == sorted(each.document.id for each in accepted)
    statuses = [(await own.job(job_id)).status for job_id in publications]
    assert statuses == ["succeeded", "succeeded", "canceled"]


async def test_groups_with_the_same_new_readers_do_not_wait_in_a_circle(own: OwnDatabase) -> None:
    # Locked in the order of their upload.
    accepted = [await being_read(own, NOTE, principals=(each,)) for each in ("user:b", "user:a")]
    publications = {id_of(each.job): publication_of(own, each, NOTE) for each in accepted}

    async def publish_group() -> frozenset[JobId]:
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            return await publish(scope, publications, now=NOW)

    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        await store_readers(scope, "user:a")
        publishing = asyncio.create_task(publish_group())
        while not await is_waiting_for_a_lock(own):  # noqa: ASYNC110  # another connection
            await asyncio.sleep(0.01)
        await store_readers(scope, "user:b")

    assert await publishing == publications.keys()


async def test_a_document_without_chunks_can_be_published(own: OwnDatabase) -> None:
    accepted = await being_read(own, NOTE, external_id="empty")
    publication = without_chunks(own, publication_of(own, accepted, NOTE))

    is_served = await publish_in(own, accepted.job, publication)

    assert is_served
    document = await stored(own, accepted)
    assert document.is_whole
    assert document.chunk_count == 0


@pytest.mark.parametrize("has_chunks", [True, False])
async def test_only_chunks_without_vectors_are_embedded_later(
    settings: Settings, database_url: str, *, has_chunks: bool
) -> None:
    async with own_database(database_url, f"file://{settings.home_path}/later") as own:
        accepted = await being_read(own, NOTE)
        publication = publication_of(own, accepted, NOTE)
        if not has_chunks:
            publication = without_chunks(own, publication)
        await create_space(own.tools.database, SmallEmbedder(model="other").space, SpaceTuning())

        assert await publish_in(own, accepted.job, publication)

        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            query = text("SELECT count(*) FROM jobs WHERE kind = 'backfill'")
            backfills = (await scope.connection.execute(query)).scalar_one()
    assert backfills == int(has_chunks)
