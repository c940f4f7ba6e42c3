import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

import kb
from kb.errors import IndexNotReady
from kb.index.lexical.folder import FORMAT
from kb.index.lexical.index import TenantIndex
from kb.store.chunks import IndexedChunk
from tests.kb.index.lexical.committed import search

FOOTNOTE_ROOT = Path(kb.__file__).parents[1]
PROGRAM_START = """
import os, signal, sys
from pathlib import Path
from uuid import UUID
from kb.index.lexical.index import TenantIndex
from kb.store.chunks import IndexedChunk

def chunk(number, text):
    return IndexedChunk(
        chunk_id=number, document_id=UUID(int=number), principals=("a",), text=text, language=None
    )

index = TenantIndex(Path(sys.argv[1]))
"""
APPLY_GENERATION_2 = """
index.apply(since=0, generation=2, replaced_documents=[UUID(int=1)], chunks=[chunk(2, "fox")])
"""
DIE_BEFORE_THE_COMMIT = """
def chunks():
    for number in range(2, 3000):
        yield chunk(number, f"fox w{number} " * 50)
    os.kill(os.getpid(), signal.SIGKILL)

index.apply(since=0, generation=2, replaced_documents=[UUID(int=1)], chunks=chunks())
"""


def run_program(program: str, path: Path) -> int:
    completed = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", PROGRAM_START + program, str(path)],
        cwd=FOOTNOTE_ROOT,
        check=False,
        timeout=60,
    )
    return completed.returncode


def chunk(number: int, text: str) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=number,
        document_id=UUID(int=number),
        principals=("a",),
        text=text,
        language=None,
    )


def apply(index: TenantIndex, generation: int, number: int) -> None:
    index.apply(
        since=0, generation=generation, replaced_documents=[], chunks=[chunk(number, "fox")]
    )


def flip(file: Path, *, at: int) -> None:
    """Changes a byte in place: cutting a file that tantivy has mapped would end this process."""
    with file.open("r+b") as opened:
        start = opened.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
        (byte,) = opened.read(1)
        opened.seek(start)
        opened.write(bytes([byte ^ 0x55]))


def replace(file: Path, content: bytes) -> None:
    """Another file in its place: who has the old one mapped keeps that whole."""
    new = file.with_name("new")
    new.write_bytes(content)
    new.replace(file)


def found(index: TenantIndex) -> list[int]:
    return [hit.chunk_id for hit in search(index, ["fox"], principals=["a"], limit=10)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(path: Path) -> TenantIndex:
    index = TenantIndex(path)
    apply(index, 1, 1)
    return index


def test_commit_of_another_process_is_seen_after_reload(index: TenantIndex, path: Path) -> None:
    assert run_program(APPLY_GENERATION_2, path) == 0
    assert found(index) == [1]

    assert index.reload() == 2

    assert found(index) == [2]


def test_process_killed_before_its_commit_leaves_the_old_generation(
    index: TenantIndex, path: Path
) -> None:
    assert run_program(DIE_BEFORE_THE_COMMIT, path) == -9

    assert index.reload() == 1
    assert found(index) == [1]
    assert found(TenantIndex(path)) == [1]


def test_killed_writer_does_not_keep_the_lock(index: TenantIndex, path: Path) -> None:
    run_program(DIE_BEFORE_THE_COMMIT, path)

    apply(index, 2, 7)

    assert found(index) == [1, 7]


def test_deleted_folder_is_noticed_and_starts_anew(index: TenantIndex, path: Path) -> None:
    shutil.rmtree(path)

    assert index.reload() == 0
    assert found(index) == []
    apply(index, 3, 4)
    assert TenantIndex(path).generation == 3


def test_change_after_the_loss_of_the_folder_is_refused(index: TenantIndex, path: Path) -> None:
    shutil.rmtree(path)

    with pytest.raises(IndexNotReady):
        index.apply(since=1, generation=2, replaced_documents=[], chunks=[chunk(2, "fox")])

    assert index.generation == 0


def test_folder_lost_during_apply_is_reported_and_then_empty(
    index: TenantIndex, path: Path
) -> None:
    def chunks_while_the_folder_goes() -> Iterator[IndexedChunk]:
        shutil.rmtree(path)
        yield from ()

    with pytest.raises(IndexNotReady):
        index.apply(
            since=0, generation=2, replaced_documents=[], chunks=chunks_while_the_folder_goes()
        )

    assert index.reload() == 0


def test_folder_replaced_by_another_process_is_taken_up(index: TenantIndex, path: Path) -> None:
    shutil.rmtree(path)
    apply(TenantIndex(path), 9, 5)

    assert index.reload() == 9
    assert found(index) == [5]


@pytest.mark.parametrize("place", ["start", "middle", "end"])
@pytest.mark.parametrize("suffix", [".idx", ".term", ".fast", ".fieldnorm", ".store", ".pos"])
def test_damaged_file_makes_the_index_start_anew(
    index: TenantIndex, path: Path, suffix: str, place: str
) -> None:
    del index
    file = next(path.glob(f"*{suffix}"))
    flip(file, at={"start": 0, "middle": file.stat().st_size // 2, "end": -6}[place])

    reopened = TenantIndex(path)

    assert reopened.generation == 0
    apply(reopened, 2, 1)
    assert found(reopened) == [1]


@pytest.mark.parametrize("name", ["meta.json", ".managed.json", "footnote-format", "*.idx"])
@pytest.mark.parametrize("content", [b"", b"{", b'{"segments": [1]}', b"\xff\x00"])
def test_unreadable_file_makes_the_index_start_anew(
    index: TenantIndex, path: Path, name: str, content: bytes
) -> None:
    del index
    replace(next(path.glob(name)), content)

    assert TenantIndex(path).generation == 0


@pytest.mark.parametrize("name", ["meta.json", "footnote-format", "*.idx", "*.store", "*.fast"])
def test_missing_file_makes_the_index_start_anew(index: TenantIndex, path: Path, name: str) -> None:
    del index
    next(path.glob(name)).unlink()

    assert TenantIndex(path).generation == 0


def test_damaged_list_of_deleted_documents_makes_the_index_start_anew(path: Path) -> None:
    index = TenantIndex(path)
    index.apply(
        since=0, generation=1, replaced_documents=[], chunks=[chunk(1, "fox"), chunk(2, "fox")]
    )
    index.apply(since=0, generation=2, replaced_documents=[UUID(int=1)], chunks=[])
    (deleted,) = path.glob("*.del")
    assert TenantIndex(path).generation == 2

    flip(deleted, at=0)

    assert TenantIndex(path).generation == 0


@pytest.mark.parametrize("suffix", [".idx", ".term", ".fast", ".store"])
def test_damage_under_an_open_index_is_noticed_and_starts_anew(
    index: TenantIndex, path: Path, suffix: str
) -> None:
    file = next(path.glob(f"*{suffix}"))
    assert index.is_current()

    flip(file, at=0)
    # Later than the clock of a file system may tell.
    os.utime(file, (0, 0))

    assert not index.is_current()
    assert index.reload() == 0
    apply(index, 1, 2)
    assert found(index) == [2]


def test_damage_to_an_older_commits_file_is_noticed_with_the_next_commit(
    index: TenantIndex, path: Path
) -> None:
    file = next(path.glob("*.store"))
    apply(TenantIndex(path), 2, 7)
    flip(file, at=0)
    os.utime(file, (0, 0))

    assert index.reload() == 0


def test_older_format_starts_anew(index: TenantIndex, path: Path) -> None:
    del index
    (path / "footnote-format").write_text(str(FORMAT - 1))

    assert TenantIndex(path).generation == 0
    assert (path / "footnote-format").read_text() == str(FORMAT)


def test_newer_format_is_left_alone(index: TenantIndex, path: Path) -> None:
    (path / "footnote-format").write_text(str(FORMAT + 1))

    with pytest.raises(IndexNotReady, match="newer release"):
        TenantIndex(path)
    with pytest.raises(IndexNotReady, match="newer release"):
        index.reload()

    (path / "footnote-format").write_text(str(FORMAT))
    assert index.reload() == 1


def test_a_folder_that_cannot_be_looked_at_is_reported(
    index: TenantIndex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_descriptors(_path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    apply(TenantIndex(path), 2, 7)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", no_more_descriptors)
        with pytest.raises(IndexNotReady, match="cannot be read"):
            index.reload()

    assert index.reload() == 2


def test_starting_anew_leaves_nothing_beside_the_folder(index: TenantIndex, path: Path) -> None:
    del index
    replace(path / "meta.json", b"")

    TenantIndex(path)

    assert [entry.name for entry in path.parent.iterdir()] == ["index"]


def test_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(IndexNotReady, match="cannot be read"):
        TenantIndex(tmp_path / "file" / "index")
