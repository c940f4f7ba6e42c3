"""Sketches in files: the same rows, whole or not at all, and nothing of what is gone."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.reached import Reached
from kb.index.sketches import sketch_files
from kb.index.sketches.sketch_files import FilesRefused, FilesWriter, SketchFiles, StoredSketches
from kb.index.sketches.table import SketchTable
from kb.index.sketches.tenant_sketches import TenantSketches, purged_files, stored_by
from kb.store.spaces import Space
from tests.kb.index.sketches.made_tables import ALL, DIMENSION, FEW, table_of

SPACE = Space(name="made", model="made", revision="1", dimension=DIMENSION)
TENANT = TenantId(UUID(int=7))
FIRST, SECOND = Reached(generation=1, history=11), Reached(generation=2, history=2**64 - 1)


@pytest.fixture
def files(tmp_path: Path) -> SketchFiles:
    return SketchFiles(tmp_path)


@pytest.fixture
def small(vectors: NDArray[np.float32], documents: list[UUID]) -> SketchTable:
    """Thirty rows of three documents."""
    return table_of(vectors[:30], documents[:3], [ALL, FEW, ALL])


def store(files: SketchFiles, *tables: SketchTable, reached: Reached = FIRST) -> TenantSketches:
    with files.writing(TENANT) as writer:
        return stored_by(writer, TenantSketches(space=SPACE, reached=reached, fresh=tables))


def opened(files: SketchFiles) -> StoredSketches:
    found = files.open(TENANT)
    assert found is not None
    return found


def assert_equal(left: SketchTable, right: SketchTable) -> None:
    for name, column in vars(right).items():
        found = getattr(left, name)
        assert (found.dtype, found.shape) == (column.dtype, column.shape), name
        assert (found == column).all(), name


def test_another_process_reads_the_columns_that_were_written(
    files: SketchFiles, tmp_path: Path, table: SketchTable
) -> None:
    stored = store(files, table, reached=SECOND)

    found = opened(SketchFiles(tmp_path))

    assert (found.space, found.reached) == (SPACE, SECOND)
    assert_equal(found.tables[0].table, table)
    assert_equal(stored.tables[0], table)
    assert found.stamp == stored.stamp == files.stamp(TENANT)
    assert stored.memory_bytes < table.size_bytes / 100
    with pytest.raises(ValueError, match="read-only"):
        found.tables[0].table.codes[0] = 0


def test_tables_are_joined_in_the_order_of_ids(
    files: SketchFiles, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    # Chunks 11 to 20 again, after those with higher ids, and one document that is gone.
    earlier = table_of(vectors[:40], documents[:4], [ALL] * 4).without([documents[1], documents[3]])
    moved = table_of(vectors[10:20], [documents[1]], [FEW], first_chunk=11)

    stored = store(files, earlier, moved)

    assert_equal(stored.tables[0], table_of(vectors[:30], documents[:3], [ALL, FEW, ALL]))


def test_files_lack_what_is_for_nobody(
    files: SketchFiles, tmp_path: Path, small: SketchTable, documents: list[UUID]
) -> None:
    stored = store(files, small)
    before = opened(files).tables[0].table
    later = stored.following(SECOND, [documents[1]], [])

    with files.writing(TENANT) as writer:
        erased = stored_by(writer, later)

    (file,) = tmp_path.rglob("*.table")
    content = file.read_bytes()
    assert documents[1].bytes not in content
    assert not any(small.codes[row].tobytes() in content for row in range(10, 20))
    assert all(small.codes[row].tobytes() in content for row in (9, 20))
    found = opened(files)
    assert found.reached == erased.reached == SECOND
    assert found.tables[0].table.are_visible(np.array([ALL, FEW])).tolist() == [True, False, True]
    # Whoever had it mapped sees that too.
    assert not before.codes[10:20].any()
    assert not before.words[:, 10:20].any()
    assert before.chunk_ids.tolist() == [*range(1, 31)]


def test_a_table_with_little_left_is_written_anew(
    files: SketchFiles, tmp_path: Path, small: SketchTable, documents: list[UUID]
) -> None:
    later = store(files, small).following(SECOND, documents[:2], [])

    with files.writing(TENANT) as writer:
        stored = stored_by(writer, later)

    assert [table.chunk_ids.tolist() for table in stored.tables] == [[*range(21, 31)]]
    assert len(list(tmp_path.rglob("*.table"))) == 1


def test_nothing_left_is_no_table(
    files: SketchFiles, tmp_path: Path, small: SketchTable, documents: list[UUID]
) -> None:
    later = store(files, small).following(SECOND, documents[:3], [])

    with files.writing(TENANT) as writer:
        stored = stored_by(writer, later)

    assert (stored.tables, opened(files).tables, opened(files).reached) == ((), (), SECOND)
    assert list(tmp_path.rglob("*.table")) == []


def test_small_tables_stay_apart_from_large_ones_until_they_have_grown(
    files: SketchFiles, vectors: NDArray[np.float32]
) -> None:
    def rows(first: int, count: int) -> SketchTable:
        return table_of(vectors[:count], [uuid4()], [ALL], first_chunk=first)

    sketches = store(files, rows(1, 100))
    lengths = []
    for first, count in ((101, 20), (121, 20), (141, 10), (151, 5)):
        sketches = sketches.following(SECOND, [], [rows(first, count)])
        with files.writing(TENANT) as writer:
            sketches = stored_by(writer, sketches)
        lengths.append([len(table.chunk_ids) for table in sketches.tables])

    # 20 and 20 are joined to 40, which 100 is more than twice of; 10 joins nothing; 5 joins 10.
    assert lengths == [[100, 20], [100, 40], [100, 40, 10], [100, 40, 15]]
    assert [len(each.table.chunk_ids) for each in opened(files).tables] == lengths[-1]


def test_what_was_not_committed_is_nobodys(
    files: SketchFiles, tmp_path: Path, small: SketchTable, table: SketchTable
) -> None:
    store(files, small)
    # As a process does that dies.
    with files.writing(TENANT) as writer:
        writer.add([table])
    (tmp_path / str(TENANT) / "manifest.next").write_text("{")
    assert_equal(opened(files).tables[0].table, small)
    assert len(list(tmp_path.rglob("*.table"))) == 2

    with files.writing(TENANT):
        pass

    assert_equal(opened(files).tables[0].table, small)
    assert len(list((tmp_path / str(TENANT)).iterdir())) == 2


@pytest.mark.parametrize("step", ["erase", "Path.replace"])
def test_what_died_while_it_erased_rows_leaves_nothing_to_trust(
    files: SketchFiles,
    small: SketchTable,
    documents: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    later = store(files, small).following(SECOND, [documents[1]], [])

    def dies(*_: object, **__: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(f"kb.index.sketches.sketch_files.{step}", dies)
        with files.writing(TENANT) as writer, pytest.raises(FilesRefused):
            stored_by(writer, later)

    assert files.open(TENANT) is None
    assert files.has_any(TENANT)
    store(files, small)
    assert_equal(opened(files).tables[0].table, small)


def cut_short(folder: Path) -> None:
    (file,) = folder.glob("*.table")
    file.write_bytes(file.read_bytes()[:-1])


def other_readers(folder: Path) -> None:
    (file,) = folder.glob("*.table")
    content = bytearray(file.read_bytes())
    # The last column says who may read.
    content[-1] ^= 1
    file.write_bytes(content)


def missing(folder: Path) -> None:
    (file,) = folder.glob("*.table")
    file.unlink()


def torn(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:40])


def of_a_later_release(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "format": 10**6}))


def of_something_else(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def lacking_a_field(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["space"]["revision"]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        other_readers,
        missing,
        torn,
        of_a_later_release,
        of_something_else,
        lacking_a_field,
    ],
)
def test_damaged_and_foreign_files_are_no_files_and_are_replaced(
    files: SketchFiles, tmp_path: Path, small: SketchTable, damage: Callable[[Path], None]
) -> None:
    store(files, small)
    damage(tmp_path / str(TENANT))
    assert files.open(TENANT) is None

    store(files, small, reached=SECOND)

    assert opened(files).reached == SECOND
    assert_equal(opened(files).tables[0].table, small)
    assert len(list((tmp_path / str(TENANT)).iterdir())) == 2


def test_one_process_writes_at_a_time(files: SketchFiles, tmp_path: Path) -> None:
    with files.writing(TENANT), pytest.raises(IndexNotReady), SketchFiles(tmp_path).writing(TENANT):
        pass

    with SketchFiles(tmp_path).writing(TENANT):
        pass


def test_a_writer_that_is_to_stop_leaves_what_was_there(
    files: SketchFiles, small: SketchTable, table: SketchTable
) -> None:
    store(files, small)

    with files.writing(TENANT) as writer:
        writer.stop()
        with pytest.raises(IndexNotReady):
            writer.add([table])

    assert_equal(opened(files).tables[0].table, small)


def test_a_full_disk_is_told_before_it_is_full(
    files: SketchFiles, small: SketchTable, table: SketchTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(files, small)

    def has_room(_folder: Path, *, besides: int) -> bool:
        return besides < table.codes.nbytes

    monkeypatch.setattr(sketch_files, "has_room", has_room)

    with files.writing(TENANT) as writer, pytest.raises(FilesRefused, match="No space left"):
        writer.add([table])
    assert_equal(opened(files).tables[0].table, small)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "sketches").write_text("a file")

    with pytest.raises(FilesRefused), SketchFiles(tmp_path / "sketches").writing(TENANT):
        pass
    assert SketchFiles(tmp_path / "sketches").stamp(TENANT) is None
    assert SketchFiles(tmp_path / "sketches").stored() == set()


def test_a_tenant_is_removed_with_all_it_has(
    files: SketchFiles, tmp_path: Path, small: SketchTable
) -> None:
    stored = store(files, small)
    (tmp_path / "lost+found").mkdir()
    assert files.stored() == {TENANT}

    files.remove(TENANT)
    files.remove(TENANT)

    assert [path.name for path in tmp_path.iterdir()] == ["lost+found"]
    # Who has it mapped reads on.
    assert_equal(stored.tables[0], small)


def test_a_purge_writes_only_where_something_is_left(
    files: SketchFiles, small: SketchTable, documents: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = store(files, small)
    with monkeypatch.context() as patched:
        patched.delattr(FilesWriter, "commit")
        assert purged_files(files, TENANT, stored) is stored

    purged = purged_files(files, TENANT, stored.following(SECOND, [documents[0]], []))

    assert purged is not None
    assert purged.stamp == files.stamp(TENANT)
    # Of the state before, which another process has left behind.
    with pytest.raises(IndexNotReady):
        purged_files(files, TENANT, stored)
    # Without sketches to compare them with, no file stays.
    assert purged_files(files, TENANT, None) is None
    assert not files.has_any(TENANT)
