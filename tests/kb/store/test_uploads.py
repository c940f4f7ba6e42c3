"""Taking an upload in: bytes, document and job are there together or not at all."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kb.errors import (
    AlreadyExists,
    DocumentEmpty,
    FileStoreUnavailable,
    InvalidInput,
    UnsupportedMediaType,
    UploadTooLarge,
)
from kb.files import FileStore
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import delete_document
from kb.store.documents import Listing, list_documents
from kb.store.stored_files import discard_file
from tests.footnote.own_database import OWNER, OwnDatabase, own_database
from tests.footnote.stored import queue_rows

NOTE = b"A note."


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/uploads") as own:
        yield own


async def document_count(own: OwnDatabase) -> int:
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        return len(await list_documents(scope, Listing(), after=None, limit=1000))


async def test_an_upload_is_stored_and_queued(own: OwnDatabase) -> None:
    queued_before = len(await queue_rows(own.tools.database))

    accepted = await own.upload(NOTE)

    assert accepted.document.content.sha256 == hashlib.sha256(NOTE).hexdigest()
    assert await own.tools.files.read(own.tenant_id, accepted.document.content.sha256) == NOTE
    assert accepted.job is not None
    assert (accepted.job.status, accepted.job.upload) == ("queued", 1)
    assert len(await queue_rows(own.tools.database)) == queued_before + 1


async def test_without_a_place_in_the_queue_there_is_no_document(own: OwnDatabase) -> None:
    before = await document_count(own)

    async with own.tools.database.owner() as connection:
        taken = "footnote_enqueue(text, text, text, integer, jsonb, integer)"
        await connection.execute(text(f"ALTER FUNCTION {taken} RENAME TO away"))
    with pytest.raises(DBAPIError):
        await own.upload(NOTE)
    async with own.tools.database.owner() as connection:
        await connection.execute(text("ALTER FUNCTION away RENAME TO footnote_enqueue"))

    assert await document_count(own) == before


async def test_without_the_bytes_there_is_no_document(own: OwnDatabase, tmp_path: Path) -> None:
    before, queued_before = await document_count(own), await queue_rows(own.tools.database)
    in_the_way = tmp_path / "files"
    in_the_way.write_bytes(b"")
    tools = replace(own.tools, files=FileStore(f"file://{in_the_way}"))

    with pytest.raises(FileStoreUnavailable):
        await replace(own, tools=tools).upload(NOTE)

    assert await document_count(own) == before
    assert await queue_rows(own.tools.database) == queued_before


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", DocumentEmpty),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), UnsupportedMediaType),
        (bytes(10**7 + 1), UploadTooLarge),
    ],
)
async def test_a_refused_upload_leaves_nothing(
    own: OwnDatabase, content: bytes, error: type[Exception]
) -> None:
    before, queued_before = await document_count(own), await queue_rows(own.tools.database)

    with pytest.raises(error):
        await own.upload(content)

    assert await document_count(own) == before
    assert await queue_rows(own.tools.database) == queued_before
    with pytest.raises(FileStoreUnavailable):
        await own.tools.files.read(own.tenant_id, hashlib.sha256(content).hexdigest())


async def test_the_same_content_waits_for_the_same_job(own: OwnDatabase) -> None:
    first = await own.upload(NOTE, external_id="same")
    queued = await queue_rows(own.tools.database)

    second = await own.upload(NOTE, external_id="same")

    assert second.job == first.job
    assert await queue_rows(own.tools.database) == queued


async def test_a_changed_content_is_the_documents_next_upload(own: OwnDatabase) -> None:
    first = await own.upload(NOTE, external_id="changed")

    second = await own.upload(b"Another note.", external_id="changed")

    assert second.document.id == first.document.id
    assert (first.document.upload, second.document.upload) == (1, 2)
    assert second.job is not None
    assert second.job != first.job


async def test_a_document_is_not_created_twice_nor_superseded_by_itself(own: OwnDatabase) -> None:
    first = await own.upload(NOTE, external_id="once")

    with pytest.raises(AlreadyExists):
        await own.upload(NOTE, external_id="once", mode="create")
    with pytest.raises(InvalidInput):
        await own.upload(NOTE, external_id="once", supersedes=first.document.id)


async def test_a_refused_upload_leaves_no_bytes(own: OwnDatabase) -> None:
    await own.upload(b"The first text.", "one name")
    other = b"Another text, refused."

    with pytest.raises(AlreadyExists):
        await own.upload(other, "one name", mode="create")

    with pytest.raises(FileStoreUnavailable):
        await own.tools.files.read(own.tenant_id, hashlib.sha256(other).hexdigest())


async def test_a_refused_upload_takes_no_bytes_from_another_document(own: OwnDatabase) -> None:
    shared = b"A text that two uploads share."
    await own.upload(b"Some text.", "taken")
    await own.upload(shared, "its owner")

    with pytest.raises(AlreadyExists):
        await own.upload(shared, "taken", mode="create")

    sha256 = hashlib.sha256(shared).hexdigest()
    assert await own.tools.files.read(own.tenant_id, sha256) == shared


async def test_bytes_that_were_uploaded_again_are_not_discarded(own: OwnDatabase) -> None:
    content = b"Deleted, and uploaded again before its bytes were gone."
    accepted = await own.upload(content)
    database, files, sha256 = own.tools.database, own.tools.files, hashlib.sha256(content)
    actor = Actor(name=OWNER, principals=(), request_id=None)
    async with database.tenant(own.tenant_id, viewer=None) as scope:
        await delete_document(scope, accepted.document.id, actor=actor, now=datetime.now(UTC))

    await own.upload(content)
    is_discarded = await discard_file(database, files, own.tenant_id, sha256.hexdigest())

    assert not is_discarded
    assert await files.read(own.tenant_id, sha256.hexdigest()) == content
