"""Documents in the database, as different viewers see them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kb.errors import DocumentNotFound
from kb.ids import DocumentId, TenantId, new_uuid
from kb.postgres.database import Database, TenantSession, Viewer
from kb.principals import Uploader
from kb.store.collections import collection_ids, ensure_collection
from kb.store.document_writes import (
    Published,
    insert_document,
    new_upload,
    set_published,
    set_status,
    update_fields,
)
from kb.store.documents import (
    Content,
    Document,
    DocumentFields,
    Listing,
    find_by_external_id,
    get_document,
    list_documents,
)
from kb.store.filters import parse_filter
from kb.store.tenants import create_tenant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANA = Viewer(principals=("tenant:*", "user:ana"), owner="ana")
BOB = Viewer(principals=("tenant:*", "user:bob"), owner="bob")
CONTENT = Content(filename="note.md", media_type="text/markdown", sha256="ab" * 32, size_bytes=7)
FIELDS = DocumentFields(
    external_id=None,
    title="Note",
    source_uri=None,
    language=None,
    metadata={},
    principals=("tenant:*",),
    effective_at=None,
    expires_at=None,
    supersedes=None,
)
HIDDEN = replace(FIELDS, principals=("user:ana",))


@pytest.fixture
async def tenant_id(database: Database) -> TenantId:
    return await new_tenant(database)


async def new_tenant(database: Database) -> TenantId:
    async with database.system() as system:
        return (await create_tenant(system, f"test {new_uuid()}")).id


def uploader_of(viewer: Viewer) -> Uploader:
    assert viewer.uploader is not None
    return viewer.uploader


async def store(
    database: Database, tenant_id: TenantId, fields: DocumentFields = FIELDS, viewer: Viewer = ANA
) -> DocumentId:
    async with database.tenant(tenant_id, viewer=viewer) as scope:
        collection_id = await ensure_collection(scope, "default")
        made = await insert_document(scope, collection_id, fields, CONTENT, uploader_of(viewer))
    return made.id


async def read(database: Database, tenant_id: TenantId, document_id: DocumentId) -> Document:
    async with database.tenant(tenant_id, viewer=None) as scope:
        return await get_document(scope, document_id)


async def ids(scope: TenantSession, listing: Listing) -> list[DocumentId]:
    return [document.id for document in await list_documents(scope, listing, after=None, limit=50)]


async def test_what_is_stored_comes_back(database: Database, tenant_id: TenantId) -> None:
    fields = replace(
        FIELDS,
        external_id="a",
        metadata={"issue": 4, "tags": ["a"], "nested": {"deep": None}},
        effective_at=NOW,
        supersedes=DocumentId(new_uuid()),
    )

    document = await read(database, tenant_id, await store(database, tenant_id, fields))

    assert document.fields == fields
    assert document.content == CONTENT
    assert (document.collection, document.owned_by.name) == ("default", "ana")
    assert (document.status, document.version, document.upload) == ("pending", 0, 1)
    assert (document.revision, document.chunk_count, document.error) == (1, 0, None)


@pytest.mark.parametrize(
    ("fields", "viewer", "is_seen"),
    [
        (FIELDS, BOB, True),
        (HIDDEN, ANA, True),
        (HIDDEN, BOB, False),
        (HIDDEN, replace(BOB, owner="ana"), True),
        (HIDDEN, None, True),
        (HIDDEN, Viewer(principals=()), False),
        (FIELDS, Viewer(principals=()), False),
    ],
)
async def test_readers_and_uploaders_see_a_document(
    database: Database,
    tenant_id: TenantId,
    fields: DocumentFields,
    viewer: Viewer | None,
    *,
    is_seen: bool,
) -> None:
    document_id = await store(database, tenant_id, replace(fields, external_id="a"))

    async with database.tenant(tenant_id, viewer=viewer) as scope:
        [collection_id] = await collection_ids(scope, ["default"])
        found = await find_by_external_id(scope, collection_id, "a", uploader=uploader_of(ANA))
        listed = await ids(scope, Listing())
        assert (found is not None) == is_seen
        assert listed == ([document_id] if is_seen else [])
        if is_seen:
            assert (await get_document(scope, document_id)).id == document_id
        else:
            with pytest.raises(DocumentNotFound):
                await get_document(scope, document_id)


async def test_another_tenant_sees_nothing(database: Database, tenant_id: TenantId) -> None:
    document_id = await store(database, tenant_id, replace(FIELDS, external_id="a"))
    other_id = await new_tenant(database)

    for viewer in (ANA, None):
        async with database.tenant(other_id, viewer=viewer) as scope:
            own_collection = await ensure_collection(scope, "default")
            assert (
                await find_by_external_id(scope, own_collection, "a", uploader=uploader_of(ANA))
                is None
            )
            assert await ids(scope, Listing()) == []
            assert await collection_ids(scope, ["default"]) == [own_collection]
            with pytest.raises(DocumentNotFound):
                await get_document(scope, document_id)


def published_as(
    document: Document, *, parsed_title: str | None, warnings: Sequence[str] = ()
) -> Published:
    return Published(document=document, chunk_count=3, parsed_title=parsed_title, warnings=warnings)


async def test_a_change_by_another_tenant_changes_nothing(
    database: Database, tenant_id: TenantId
) -> None:
    document_id = await store(database, tenant_id)
    before = await read(database, tenant_id, document_id)

    async with database.tenant(await new_tenant(database), viewer=None) as scope:
        await update_fields(scope, document_id, replace(FIELDS, title="Stolen"), now=NOW)
        await set_status(scope, document_id, "failed", error=None, now=NOW)
        await set_published(scope, [published_as(before, parsed_title="Stolen")])

    assert await read(database, tenant_id, document_id) == before


async def test_a_collection_is_made_once(database: Database, tenant_id: TenantId) -> None:
    async def ensure() -> object:
        async with database.tenant(tenant_id, viewer=ANA) as scope:
            return await ensure_collection(scope, "policies")

    made = await asyncio.gather(*(ensure() for _ in range(4)))

    assert len(set(made)) == 1


async def test_a_list_is_narrowed_in_the_database(database: Database, tenant_id: TenantId) -> None:
    first = await store(database, tenant_id, replace(FIELDS, metadata={"issue": 4}))
    second = await store(database, tenant_id, replace(FIELDS, external_id="b"))

    async with database.tenant(tenant_id, viewer=ANA) as scope:
        lists = [
            await ids(scope, Listing()),
            await ids(scope, Listing(external_id="b")),
            await ids(scope, Listing(status="pending")),
            await ids(scope, Listing(status="ready")),
            await ids(scope, Listing(collection="nowhere")),
            await ids(scope, Listing(filter=parse_filter({"metadata.issue": {"$gt": 3}}))),
        ]
        rest = await list_documents(scope, Listing(), after=first, limit=50)

    assert lists == [[first, second], [second], [first, second], [], [], [first]]
    assert [document.id for document in rest] == [second]


async def test_every_change_is_a_revision(database: Database, tenant_id: TenantId) -> None:
    document_id = await store(database, tenant_id)
    revisions = []

    async with database.tenant(tenant_id, viewer=None) as scope:
        await update_fields(scope, document_id, replace(FIELDS, title="Other"), now=NOW)
        revisions.append((await get_document(scope, document_id)).revision)
        assert (
            await new_upload(scope, document_id, CONTENT, uploader=uploader_of(ANA), now=NOW) == 2
        )
        revisions.append((await get_document(scope, document_id)).revision)
        await set_status(scope, document_id, "failed", error={"code": "a", "message": "b"}, now=NOW)
        revisions.append((await get_document(scope, document_id)).revision)
        before = await get_document(scope, document_id)
        await set_published(scope, [published_as(before, parsed_title="Found")])
        after = await get_document(scope, document_id)
        revisions.append(after.revision)

    assert revisions == [2, 3, 4, 5]
    assert before.error == {"code": "a", "message": "b"}
    assert (after.version, after.chunk_count, after.status) == (2, 3, "ready")
    assert (after.error, after.updated_at) == (None, NOW)


@pytest.mark.parametrize(
    ("given", "parsed", "shown"),
    [("Given", "Parsed", "Given"), (None, "Parsed", "Parsed"), (None, None, None)],
)
async def test_the_title_is_the_given_one_else_the_documents_own(
    database: Database,
    tenant_id: TenantId,
    given: str | None,
    parsed: str | None,
    shown: str | None,
) -> None:
    document_id = await store(database, tenant_id, replace(FIELDS, title=given))

    async with database.tenant(tenant_id, viewer=None) as scope:
        document = await get_document(scope, document_id)
        await set_published(scope, [published_as(document, parsed_title=parsed, warnings=["w"])])
        published = await get_document(scope, document_id)

    assert published.title == shown
    assert (published.status, published.warnings) == ("ready_with_warnings", ("w",))
