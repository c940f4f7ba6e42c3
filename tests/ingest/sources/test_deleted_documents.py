"""What a source keeps of a document that somebody has deleted."""

import os
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from kb.ids import DocumentId, SourceId
from kb.postgres.database import TenantSession
from kb.residue import Places, Residue, Trace, find_residue, traces_of
from kb.store.source_runs import hold_source_run
from kb.store.tables import source_items
from kb.store.webhooks import create_webhook, new_secret
from tests.ingest.sources.library import NOW, Library

SIDECAR = (
    'principals = ["group:hr"]\ntitle = "The dismissal of Ana"\n'
    'metadata = { about = "the dismissal of Ana" }'
)


async def traces(library: Library, document_id: DocumentId) -> list[Trace]:
    database = library.own.tools.database
    async with database.tenant(library.own.tenant_id, viewer=None) as scope:
        return await traces_of(scope, document_id)


async def left(library: Library, found: list[Trace], home: Path) -> list[Residue]:
    database = library.own.tools.database
    report = await find_residue(database, library.own.tenant_id, found, Places(home=home))
    return report.unexpected


@pytest.mark.parametrize("way", ["untouched", "touched", "moved"])
async def test_nothing_of_what_its_sidecar_said_is_left(
    library: Library, tmp_path: Path, way: str
) -> None:
    library.write({"a.md": "She leaves in May, say the papers.", "a.md.footnote.toml": SIDECAR})
    await library.add()
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        await create_webhook(
            scope,
            url="https://receiver.example/",
            events=["document.ready", "document.deleted"],
            secret=new_secret(),
            now=NOW,
        )
    await library.sync_and_ingest()
    document = (await library.documents())["a.md"]
    found = await traces(library, document.id)

    await library.delete(document)
    if way == "touched":
        os.utime(library.folder / "a.md", (1, 1))
    if way == "moved":
        for end in ("", ".footnote.toml"):
            (library.folder / f"a.md{end}").rename(library.folder / f"z.md{end}")
    await library.sync_and_ingest()

    assert await library.documents() == {}
    (tmp_path / "home").mkdir()
    assert await left(library, found, tmp_path / "home") == []
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        kept = await scope.connection.execute(
            select(source_items.c.sidecar).where(source_items.c.tenant_id == scope.tenant_id)
        )
        assert list(kept.scalars()) == [{"principals": ["group:hr"]}]


@pytest.mark.parametrize("way", ["uploaded", "touched", "described"])
async def test_nothing_of_it_comes_back_with_a_run_that_is_going_on(
    library: Library, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    library.write({"a.md": "She leaves in May, say the papers.", "a.md.footnote.toml": SIDECAR})
    await library.add()
    if way != "uploaded":
        await library.sync_and_ingest()
        library.write({"a.md.footnote.toml": SIDECAR.replace("Ana", "Ana Maria")})
    if way == "touched":
        os.utime(library.folder / "a.md", (1, 1))
    store = hold_source_run

    async def delete_first(scope: TenantSession, source_id: SourceId, token: UUID) -> None:
        for document in (await library.documents()).values():
            await library.delete(document)
        await store(scope, source_id, token)

    with monkeypatch.context() as patch:
        patch.setattr("ingest.sources.run.hold_source_run", delete_first)
        await library.sync()

    assert await library.documents() == {}
    assert [each.item.sidecar for each in (await library.items()).values()] == [
        {"principals": ["group:hr"]}
    ]


async def test_a_lost_sidecar_still_keeps_others_from_what_the_file_becomes(
    library: Library,
) -> None:
    library.write({"a.md": "She leaves in May, say the papers.", "a.md.footnote.toml": SIDECAR})
    await library.add()
    await library.sync_and_ingest()
    await library.delete((await library.documents())["a.md"])
    (library.folder / "a.md.footnote.toml").unlink()
    library.write({"a.md": "She leaves in June."})

    report = await library.sync()

    assert [each["code"] for each in report.failures] == ["sidecar_missing"]
    assert await library.documents() == {}
