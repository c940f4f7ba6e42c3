"""Ingesting from any source of documents."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.identity import Caller
from footnote.caller import command_line_caller
from footnote.commands.ingest import Destination, Outcome, ingest_file
from kb.ids import DocumentId
from kb.postgres.database import EVERYONE
from kb.settings import Settings
from kb.store.documents import Document, get_document
from kb.store.tenants import create_tenant
from kb.store.uploads import Uploads
from tests.fakes.memory_source import MemorySource
from tests.footnote.own_database import OwnDatabase, own_database

PAPERS = Destination(collection="papers", principals=(EVERYONE,))


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/sources") as own:
        yield own


@pytest.fixture
async def caller(own: OwnDatabase) -> Caller:
    async with own.tools.database.system() as system:
        tenant = await create_tenant(system, "acme")
    return await command_line_caller(own.tools.database, tenant.name, [])


async def test_a_file_of_any_source_becomes_a_document_under_its_id(
    own: OwnDatabase, caller: Caller
) -> None:
    contents = {"leave.md": b"# Leave\n\n31 days.\n", "empty.txt": b""}
    source = MemorySource(contents)
    uploads = Uploads(database=own.tools.database, files=own.tools.files, max_bytes=1000)

    async def ingest_all() -> dict[str, Outcome]:
        return {
            file.path.name: await ingest_file(own.tools, uploads, caller, source, file, PAPERS)
            for file in source.files()
        }

    async def stored(outcome: Outcome) -> Document:
        assert outcome.document_id is not None
        async with own.tools.database.tenant(caller.tenant_id, viewer=None) as scope:
            return await get_document(scope, DocumentId(UUID(outcome.document_id)))

    first, second = await ingest_all(), await ingest_all()
    unchanged = await stored(second["leave.md"])
    contents["leave.md"] = b"# Leave\n\n32 days.\n"
    third = await ingest_all()
    changed = await stored(third["leave.md"])

    assert first == second == third
    assert (first["leave.md"].status, first["leave.md"].error) == ("ready", None)
    assert (first["empty.txt"].status, first["empty.txt"].document_id) == ("refused", None)
    assert (unchanged.version, changed.version) == (1, 2)
    assert changed.fields.external_id == "memory:leave.md"
    assert changed.fields.source_uri == "memory:///leave.md"
