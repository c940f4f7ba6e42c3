"""A source over a real database and a real place, and what is seen of its documents."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from ingest.sources.opening import SourceOpener
from ingest.sources.report import SyncReport
from ingest.sources.run import SourceTools
from ingest.sources.sync import synchronise
from ingest.sources.web_list import WebClient
from kb.errors import OutboundRefused
from kb.outbound import OutboundRequest, OutboundResponse
from kb.store.audit import Actor
from kb.store.changes import delete_document
from kb.store.documents import Document, get_document
from kb.store.source_items import KnownItem, known_items
from kb.store.sources import Source, SourceSettings, change_source, create_source, get_source
from kb.store.tables import documents
from kb.store.uploads import Uploads
from tests.footnote.own_database import OwnDatabase, own_database

MAX_BYTES = 10_000
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class NoWeb:
    """Reaches nothing; implements `WebClient`."""

    def send(self, request: OutboundRequest) -> OutboundResponse:
        raise OutboundRefused


@dataclass
class Library:
    """A source called `docs`, whose readers are everybody unless a test says otherwise."""

    own: OwnDatabase
    folder: Path
    tools: SourceTools
    is_operators: bool = True
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    async def add(self, uri: str | None = None, **choices: object) -> Source:
        """The new source; unless an address is given it is the folder."""
        settings = SourceSettings(
            uri=uri or self.folder.as_uri(),
            **{"principals": ("tenant:*",), **choices},  # type: ignore[arg-type]  # their own names
        )
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return await create_source(
                scope, "docs", settings, is_operators=self.is_operators, now=NOW
            )

    async def change(self, **choices: object) -> Source:
        """The source with other settings."""
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            source = await get_source(scope, "docs")
            settings = replace(source.settings, **choices)  # type: ignore[arg-type]  # as above
            return await change_source(
                scope, "docs", settings, is_operators=self.is_operators, now=NOW
            )

    async def source(self) -> Source:
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return await get_source(scope, "docs")

    async def sync(self) -> SyncReport:
        """The report of a run."""
        return await synchronise(self.tools, self.own.tenant_id, "docs")

    async def sync_and_ingest(self) -> SyncReport:
        """The report of a run, whose uploads have been ingested then."""
        report = await self.sync()
        await self.own.work_until_empty()
        return report

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Puts files into the folder."""
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    async def documents(self) -> dict[str, Document]:
        """The tenant's documents as they are stored, by the name of their file."""
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            ids = await scope.connection.execute(
                select(documents.c.id).where(documents.c.tenant_id == scope.tenant_id)
            )
            stored = [await get_document(scope, document_id) for document_id in ids.scalars()]
        return {str(document.content.filename): document for document in stored}

    async def readers(self) -> dict[str, tuple[str, ...]]:
        """Who may read the documents now, by the name of their file."""
        return {name: each.fields.principals for name, each in (await self.documents()).items()}

    async def delete(self, document: Document) -> None:
        """Deletes a document as a person does."""
        actor = Actor(name="ana", principals=(), request_id=None, is_admin=True)
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            await delete_document(scope, document.id, actor=actor, now=NOW)

    async def items(self) -> dict[str, KnownItem]:
        """What is known of the files, by path."""
        source = await self.source()
        async with self.own.tools.database.tenant(self.own.tenant_id, viewer=None) as scope:
            return {each.item.path: each for each in await known_items(scope, source.id)}


def tools_of(
    own: OwnDatabase,
    *,
    prefixes: tuple[str, ...] = (),
    web: WebClient | None = None,
    clock: list[datetime] | None = None,
) -> SourceTools:
    """Tools that read at most 10,000 bytes of a file."""
    times = clock or [NOW]
    return SourceTools(
        database=own.tools.database,
        files=own.tools.files,
        uploads=Uploads(database=own.tools.database, files=own.tools.files, max_bytes=MAX_BYTES),
        opener=SourceOpener(prefixes=prefixes, web=web or NoWeb(), max_bytes=MAX_BYTES),
        clock=lambda: times[0],
    )


@asynccontextmanager
async def open_library(server_url: str, home: Path, folder: Path) -> AsyncIterator[Library]:
    """A library in a database of its own."""
    folder.mkdir(exist_ok=True)
    clock = [NOW]
    async with own_database(server_url, f"file://{home}/sources") as own:
        yield Library(own=own, folder=folder, tools=tools_of(own, clock=clock), clock=clock)
