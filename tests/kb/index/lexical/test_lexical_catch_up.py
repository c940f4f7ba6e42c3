"""Indexes catch up in the background, whatever was lost, restored, damaged or is done by others."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from kb.ids import DocumentId
from kb.index.lexical.folder import read_state
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.settings import Settings
from tests.service import Service
from tests.tenancy.library import ANA, Library, publish_at_once

ANOTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from kb.postgres.database import Database
from kb.errors import IndexNotReady
from kb.index.lexical.lexical_indexes import LexicalIndexes

async def main(url, folder, tenant_id):
    database = Database(url, pool_size=2)
    indexes = LexicalIndexes(database, Path(folder))
    print("ready", flush=True)
    while True:
        try:
            await indexes.catch_up(UUID(tenant_id))
        except IndexNotReady:
            pass

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def library(service: Service, settings: Settings) -> Library:
    tenant_id = await service.new_tenant()
    return Library(
        service=service,
        ana=await service.person(tenant_id, ANA),
        folder=settings.home_path / "lexical" / str(tenant_id),
    )


def new_indexes(library: Library) -> LexicalIndexes:
    """As a process that starts now has them."""
    return LexicalIndexes(library.service.resources.database, library.folder.parent)


async def restore_to_before(library: Library, document_id: str) -> None:
    """The database is as it was before the document was published, by its backup."""
    async with library.service.resources.database.owner() as connection:
        parameters = {"tenant": library.ana.tenant_id, "document": DocumentId(document_id)}  # type: ignore[arg-type]  # the driver takes text as well
        for statement in (
            "DELETE FROM chunks WHERE tenant_id = :tenant AND document_id = :document",
            "UPDATE documents SET version = 0 WHERE tenant_id = :tenant AND id = :document",
            "UPDATE tenants SET generation = generation - 1 WHERE id = :tenant",
            "DELETE FROM index_changes WHERE tenant_id = :tenant AND document_id = :document",
        ):
            used = {key: parameters[key] for key in parameters if f":{key}" in statement}
            await connection.execute(text(statement), used)


@pytest.mark.parametrize("later_changes", [1, 2])
async def test_an_index_of_a_history_that_was_undone_is_built_again(
    library: Library, later_changes: int
) -> None:
    kept = await publish_at_once(library, ["lantern kept"])
    undone = await publish_at_once(library, ["lantern undone"])
    assert await library.found("lantern") == {kept, undone}

    await restore_to_before(library, undone)
    later = {await publish_at_once(library, ["lantern later"]) for _ in range(later_changes)}

    # The generation is the index's own again, or beyond it.
    assert len(await library.search_with(new_indexes(library), "lantern")) == 1 + len(later)
    assert await library.found("lantern") == {kept, *later}
    assert len(await library.search_with(library.lexical, "undone")) == 0


async def test_any_number_of_searches_wait_for_one_catch_up(library: Library) -> None:
    """More than there are connections: they must leave the index those that it needs."""
    document_id = await publish_at_once(library, [f"lantern {n}" for n in range(400)])

    found = await asyncio.gather(*(library.found("lantern") for _ in range(32)))

    assert found == [{document_id}] * 32


async def test_a_process_does_not_write_what_another_has_written(library: Library) -> None:
    await publish_at_once(library, ["lantern"])
    one, other = new_indexes(library), new_indexes(library)
    await library.search_with(one, "lantern")
    await library.search_with(other, "lantern")
    await publish_at_once(library, ["lantern"])
    await one.catch_up(library.ana.tenant_id)
    written = read_state(library.folder)

    await other.catch_up(library.ana.tenant_id)

    assert read_state(library.folder) == written


async def test_a_search_does_not_wait_for_a_long_catch_up_which_goes_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.follower.MAX_AWAITED_CHUNKS", 10)
    document_id = await publish_at_once(library, [f"lantern {n}" for n in range(20)])

    lexical = await library.ana.search("lantern", mode="lexical")

    assert (lexical.status_code, lexical.json()["code"]) == (503, "index_not_ready")
    assert "retry-after" in lexical.headers
    await library.lexical.catch_up(library.ana.tenant_id)
    assert await library.found("lantern") == {document_id}


async def test_a_hybrid_search_meanwhile_says_what_is_missing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.follower.MAX_AWAITED_CHUNKS", 0)
    document_id = await library.ana.upload("The lantern is green.")

    during = (await library.ana.search("lantern", explain=True)).json()
    await library.lexical.catch_up(library.ana.tenant_id)
    after = (await library.ana.search("lantern", explain=True)).json()

    assert [hit["document"]["id"] for hit in during["data"]] == [document_id]
    assert during["explanation"]["missing"] == ["lexical"]
    assert after["explanation"]["missing"] == []


async def test_many_changes_are_taken_up_in_several_commits(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.reached.MAX_GENERATIONS_AT_ONCE", 2)
    found = {await publish_at_once(library, ["lantern"])}
    assert await library.found("lantern") == found

    found |= {await publish_at_once(library, ["lantern"]) for _ in range(5)}

    assert await library.lexical.catch_up(library.ana.tenant_id) == await library.generation()
    assert library.index_generation() == await library.generation()
    assert await library.found("lantern") == found


async def test_a_catch_up_reads_page_after_page(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.lexical.chunk_stream.PAGE_SIZE", 7)
    await publish_at_once(library, [f"lantern number{n}" for n in range(50)])

    assert len(await library.search_with(library.lexical, "lantern")) == 50


@pytest.mark.parametrize("pattern", ["*.idx", "*.fast", "*.store", "*.term", "meta.json"])
@pytest.mark.parametrize("damage", ["cut off", "gone"])
async def test_an_index_found_damaged_at_the_start_is_built_again(
    library: Library, pattern: str, damage: str
) -> None:
    document_id = await publish_at_once(library, ["lantern"])
    await library.search_with(new_indexes(library), "lantern")
    file = next(library.folder.glob(pattern))

    if damage == "gone":
        file.unlink()
    else:
        # A new file: cutting one that is still mapped would end this process.
        torso = file.with_name("torso")
        torso.write_bytes(file.read_bytes()[:10])
        torso.replace(file)

    assert len(await library.search_with(new_indexes(library), "lantern")) == 1
    assert await library.found("lantern") == {document_id}


@pytest.mark.parametrize("pattern", ["*.idx", "*.fast", "*.store", "meta.json", "*"])
async def test_an_open_index_that_loses_files_is_built_again(
    library: Library, pattern: str
) -> None:
    first = await publish_at_once(library, ["lantern"])
    assert await library.found("lantern") == {first}
    for file in list(library.folder.glob(pattern)):
        file.unlink()

    second = await publish_at_once(library, ["lantern"])

    assert await library.found("lantern") == {first, second}
    for _ in range(2):
        await library.lexical.catch_up_open()
    assert await library.found("lantern") == {first, second}
    assert len(await library.search_with(new_indexes(library), "lantern")) == 2


@pytest.mark.parametrize("pattern", ["*.idx", "*.fast", "*.store", "*.term", "*.fieldnorm"])
async def test_an_open_index_that_is_damaged_is_built_again(library: Library, pattern: str) -> None:
    document_id = await publish_at_once(library, ["lantern"])
    assert await library.found("lantern") == {document_id}
    file = next(library.folder.glob(pattern))

    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))
    os.utime(file, (0, 0))

    assert await library.found("lantern") == {document_id}


async def test_only_the_indexes_used_last_stay_open(
    service: Service, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.lexical.open_indexes.MAX_OPEN_INDEXES", 3)
    indexes = LexicalIndexes(service.resources.database, tmp_path)
    libraries = []
    for _ in range(12):
        tenant_id = await service.new_tenant()
        folder = settings.home_path / "lexical" / str(tenant_id)
        person = await service.person(tenant_id, ANA)
        libraries.append(Library(service=service, ana=person, folder=folder))

    for library in libraries:
        await publish_at_once(library, ["lantern"])
        assert len(await library.search_with(indexes, "lantern")) == 1

    mapped = await asyncio.to_thread(Path("/proc/self/maps").read_text, encoding="utf-8")
    open_files = {line.split()[-1] for line in mapped.splitlines() if str(tmp_path) in line}
    assert {Path(file).parent.name for file in open_files} == {
        str(library.ana.tenant_id) for library in libraries[-3:]
    }
    # One that was closed is opened again, with all that it had.
    assert len(await libraries[0].search_with(indexes, "lantern")) == 1


async def test_two_processes_write_and_read_one_folder(library: Library, database_url: str) -> None:
    command = [sys.executable, "-c", ANOTHER_PROCESS, database_url]
    arguments = [str(library.folder.parent), str(library.ana.tenant_id)]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603, ASYNC220  # our own command
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
        for number in range(1, 31):
            await publish_at_once(library, ["lantern"])
            assert len(await library.search_with(library.lexical, "lantern")) == number
            await library.lexical.catch_up_open()
        # At once: the other process may be writing into it.
        lost = library.folder.rename(library.folder.with_name("lost"))
        shutil.rmtree(lost, ignore_errors=True)
        assert len(await library.search_with(library.lexical, "lantern")) == 30
        process.kill()

    await library.lexical.catch_up(library.ana.tenant_id)
    assert TenantIndex(library.folder).generation == await library.generation()
