"""Processes of one node share files of sketches, which follow Postgres like those in memory."""

import json
import multiprocessing
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import pytest

from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.sketches import gathering, sketch_cache, tenant_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.index.sketches.tenant_sketches import TenantSketches
from kb.postgres.database import Viewer
from tests.kb.index.sketches.shelf import ALL, ANA, BOB, Shelf

TEXTS = ["The lantern is green.", "The teapot is red.", "The kite is yellow."]


@pytest.fixture(autouse=True)
def everything_is_worth_storing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_sketches, "STORED_ROWS", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sketches"


@pytest.fixture
async def first(shelf: Shelf, folder: Path) -> AsyncIterator[Shelf]:
    """A process with the texts in files, of which ana sees all and bob none."""
    for text in TEXTS:
        await shelf.ana.upload(text, principals=[ANA], external_id=text)
    one = shelf.beside(SketchFiles(folder))
    await one.catch_up()
    yield one
    await one.sketches.aclose()


@pytest.fixture
async def second(first: Shelf, folder: Path) -> AsyncIterator[Shelf]:
    """Another process on the same files, which has looked at nothing yet."""
    other = first.beside(SketchFiles(folder))
    yield other
    await other.sketches.aclose()


def held(shelf: Shelf) -> TenantSketches:
    return shelf.sketches._held[shelf.ana.tenant_id].sketches


def reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no vector comes from Postgres."""
    monkeypatch.delattr(sketch_cache, "read_sketches")


async def document_of(shelf: Shelf, text: str) -> UUID:
    response = await shelf.ana.request("GET", "/v1/documents", params={"external_id": text})
    return UUID(response.json()["data"][0]["id"])


def manifest_of(folder: Path) -> Path:
    (path,) = folder.rglob("manifest.json")
    return path


def change_manifest(folder: Path, **changes: object) -> None:
    path = manifest_of(folder)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def cut_short(folder: Path) -> None:
    (table,) = folder.rglob("*.table")
    with table.open("r+b") as file:
        file.truncate(1000)


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def table_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*.table"))


async def test_a_process_that_starts_is_ready_without_reading_vectors(
    first: Shelf, second: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (len(held(first).stored), held(first).fresh) == (1, ())
    reads_nothing(monkeypatch)

    assert await second.counted(ANA) == 3
    assert await second.counted(BOB) == 0

    assert held(second).stamp == held(first).stamp
    assert second.sketches._held[second.ana.tenant_id].size_bytes < 5_000


async def test_what_one_process_has_stored_another_takes(
    first: Shelf, second: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await second.counted() == 3
    await first.ana.upload("The boat is blue.", principals=[ALL])
    await first.catch_up()
    reads_nothing(monkeypatch)

    await second.catch_up()

    assert held(second).stamp == held(first).stamp
    assert await second.counted(BOB, ALL) == 1
    assert await second.counted(ANA, ALL) == 4


async def test_a_search_notices_that_another_process_has_stored(
    first: Shelf, second: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await second.counted() == 3
    tenant_id, viewer = second.ana.tenant_id, Viewer(principals=(ANA, ALL))
    assert second.sketches.held_view(tenant_id, viewer, second.space) is not None
    # Written again, without a change of the tenant.
    with SketchFiles(folder).writing(tenant_id) as writer:
        stored = tenant_sketches.stored_by(writer, held(first))
    reads_nothing(monkeypatch)

    # Memory does not serve what others have replaced; the next view takes theirs up.
    assert second.sketches.held_view(tenant_id, viewer, second.space) is None
    assert await second.counted() == 3
    await second.catch_up()

    assert held(second).stamp == stored.stamp != held(first).stamp
    assert await second.counted() == 3
    assert second.sketches.held_view(tenant_id, viewer, second.space) is not None


async def test_small_changes_wait_in_memory_until_they_are_worth_a_file(
    first: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_sketches, "STORED_ROWS", 3)
    stamp = held(first).stamp
    for count in (1, 2):
        await first.ana.upload(f"The boat {count} is blue.", principals=[ANA])
        await first.catch_up()
        assert held(first).fresh_rows == count
        assert held(first).stamp == stamp

    await first.ana.upload("The boat 3 is blue.", principals=[ANA])
    await first.catch_up()

    assert held(first).fresh_rows == 0
    assert held(first).stamp == SketchFiles(folder).stamp(first.ana.tenant_id) != stamp
    assert await first.counted() == 6


async def test_a_deleted_document_leaves_the_files_of_the_node(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    assert await second.counted() == 3
    gone = await document_of(first, TEXTS[0])
    table = held(first).tables[0]
    row = table.rows_of(table.are_visible(table.audiences, document_ids=[gone]))
    assert row is not None
    code = table.codes[row[0]].tobytes()
    assert gone.bytes in table_bytes(folder)
    assert code in table_bytes(folder)

    await first.ana.request("DELETE", f"/v1/documents/{gone}")
    generation = held(first).reached.generation + 1
    await first.sketches.purge(first.ana.tenant_id, generation=generation)

    assert gone.bytes not in table_bytes(folder)
    assert code not in table_bytes(folder)
    assert held(first).reached.generation == generation
    await second.sketches.purge(second.ana.tenant_id, generation=generation)
    assert held(second).stamp == held(first).stamp
    assert await first.counted() == await second.counted() == 2


async def test_a_process_that_has_searched_nothing_purges_what_lies_there(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    gone = await document_of(first, TEXTS[0])
    await first.ana.request("DELETE", f"/v1/documents/{gone}")

    await second.sketches.purge(second.ana.tenant_id, generation=held(first).reached.generation + 1)

    assert gone.bytes not in table_bytes(folder)
    assert await second.counted() == 2


async def test_rows_in_memory_are_purged_too(
    first: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_sketches, "STORED_ROWS", 10)
    one = await first.ana.upload("The boat is blue.", principals=[ANA])
    for number in range(2):
        await first.ana.upload(f"The boat {number} is blue.", principals=[ANA])
    await first.catch_up()
    await first.ana.request("DELETE", f"/v1/documents/{one}")

    await first.sketches.purge(first.ana.tenant_id, generation=held(first).reached.generation + 1)

    (fresh,) = held(first).fresh
    assert UUID(one).bytes not in fresh.documents.tobytes()
    assert await first.counted() == 5


async def test_without_what_they_are_of_no_files_outlive_a_purge(
    first: Shelf, folder: Path
) -> None:
    none_held = SketchCache(first.database, max_bytes=0, files=SketchFiles(folder))
    gone = await document_of(first, TEXTS[0])
    await first.ana.request("DELETE", f"/v1/documents/{gone}")

    await none_held.purge(first.ana.tenant_id, generation=held(first).reached.generation + 1)

    assert not SketchFiles(folder).has_any(first.ana.tenant_id)
    await none_held.aclose()


@pytest.mark.parametrize("damage", [shutil.rmtree, cut_short])
async def test_files_that_are_gone_or_damaged_are_made_anew(
    first: Shelf, second: Shelf, folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)

    assert await second.counted() == 3

    await second.catch_up()
    assert len(held(second).stored) == 1
    # The first process takes them up as well.
    assert await first.counted() == 3
    await first.catch_up()
    assert held(first).stamp == held(second).stamp


async def test_files_of_another_history_are_made_anew(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    change_manifest(folder, history=12345, generation=1)

    await second.catch_up()

    assert held(second).reached == held(first).reached
    assert held(second).stamp != held(first).stamp
    assert await second.counted() == 3


async def test_files_of_another_space_are_replaced(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    change_manifest(folder, space={**asdict(first.space), "revision": "before"})

    await second.catch_up()

    found = SketchFiles(folder).open(first.ana.tenant_id)
    assert found is not None
    assert found.space == second.space
    assert await second.counted() == 3


async def test_many_pages_go_through_the_disk(
    first: Shelf, second: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SketchFiles(folder).remove(first.ana.tenant_id)
    monkeypatch.setattr("kb.index.sketches.reading.PAGE_ROWS", 1)
    monkeypatch.setattr(gathering, "PART_ROWS", 2)

    await second.catch_up()

    assert [len(table.chunk_ids) for table in held(second).tables] == [3]
    assert len(file_names(folder / str(first.ana.tenant_id))) == 2
    assert await second.counted() == 3


async def test_who_finds_another_process_writing_waits_for_it(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    files = SketchFiles(folder)
    files.remove(first.ana.tenant_id)

    with files.writing(first.ana.tenant_id):
        # Postgres' own plans meanwhile.
        assert await second.view() is None
        with pytest.raises(IndexNotReady):
            await second.sketches._follower.catch_up(second.ana.tenant_id)

    await second.catch_up()
    assert await second.counted() == 3


async def test_changes_stay_in_memory_while_another_process_writes(
    first: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_sketches, "STORED_ROWS", 2)
    await first.ana.upload("The boat is blue.", principals=[ANA])
    await first.catch_up()
    await first.ana.upload("The boat is green.", principals=[ANA])

    with SketchFiles(folder).writing(first.ana.tenant_id):
        await first.catch_up()

    assert held(first).fresh_rows == 2
    assert await first.counted() == 5


async def test_what_the_disk_refuses_is_held_in_memory(
    first: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = first.beside(SketchFiles(manifest_of(folder)))

    await refused.catch_up()

    assert (held(refused).stored, held(refused).fresh_rows) == ((), 3)
    assert await refused.counted() == 3
    # What is there already is read from a disk that takes nothing.
    monkeypatch.setattr("kb.index.sketches.sketch_files.has_room", lambda *_, **__: False)
    await first.ana.upload("The boat is blue.", principals=[ANA])
    await first.catch_up()
    assert (len(held(first).stored), held(first).fresh_rows) == (1, 1)
    assert await first.counted() == 4
    await refused.sketches.aclose()


async def test_without_files_a_tenant_has_to_fit_into_memory(
    first: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = first.beside(None)
    await in_memory.catch_up()
    size = in_memory.sketches._held[first.ana.tenant_id].size_bytes
    small = SketchCache(first.database, max_bytes=size - 1)

    await small.catch_up(first.ana.tenant_id, first.space)

    assert first.ana.tenant_id not in small._held
    for each in (small, in_memory.sketches):
        await each.aclose()


async def test_a_tenant_that_shrinks_gives_its_files_back(
    first: Shelf, second: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_sketches, "STORED_ROWS", 10)
    change_manifest(folder, format=0)

    await second.catch_up()

    assert (held(second).stored, held(second).fresh_rows) == ((), 3)
    assert not SketchFiles(folder).has_any(first.ana.tenant_id)


async def test_a_removed_tenant_has_no_files(first: Shelf, folder: Path) -> None:
    assert await first.sketches.stored() == {first.ana.tenant_id}

    await first.sketches.remove(first.ana.tenant_id)

    assert await first.sketches.stored() == set()
    assert file_names(folder) == []
    assert first.ana.tenant_id not in first.sketches._held


async def test_a_writer_that_is_killed_is_no_obstacle(
    first: Shelf, second: Shelf, folder: Path
) -> None:
    receiving, sending = multiprocessing.Pipe(duplex=False)
    tenant_id = str(first.ana.tenant_id)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=write_for_ever, args=(folder, tenant_id, sending))
    process.start()
    assert receiving.recv() == "writing"
    await first.ana.upload("The boat is blue.", principals=[ANA])
    with pytest.raises(IndexNotReady):
        await first.sketches._follower.catch_up(first.ana.tenant_id)

    process.kill()
    process.join()
    await first.catch_up()

    assert held(first).fresh_rows == 0
    assert await second.counted() == 4
    assert "half.table" not in file_names(folder / tenant_id)


def write_for_ever(folder: Path, tenant_id: str, sending: Connection) -> None:
    """In a process of its own: holds the lock, and has a table half written."""
    with SketchFiles(folder).writing(TenantId(UUID(tenant_id))):
        (folder / tenant_id / "half.table").write_bytes(b"half")
        sending.send("writing")
        multiprocessing.Event().wait()
