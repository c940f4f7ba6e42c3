"""Sources of documents: what every one keeps to, and what a folder is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.sources.files import DocumentSource, FolderSource
from tests.fakes.memory_source import MemorySource

Opener = Callable[[dict[str, bytes], Path], DocumentSource]


def folder_of(content_by_path: dict[str, bytes], folder: Path) -> DocumentSource:
    for path, content in content_by_path.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return FolderSource([folder])


def memory_of(content_by_path: dict[str, bytes], _folder: Path) -> DocumentSource:
    return MemorySource(content_by_path)


@pytest.mark.parametrize("open_source", [folder_of, memory_of])
def test_every_source_lists_files_in_order_and_hands_out_their_bytes(
    open_source: Opener, tmp_path: Path
) -> None:
    source = open_source({"b.md": b"two", "a/z.csv": b"one"}, tmp_path)

    files = source.files()

    assert [file.path.name for file in files] == ["z.csv", "b.md"]
    assert [source.read(file) for file in files] == [b"one", b"two"]
    assert len({file.id for file in files}) == 2
    assert source.files() == files


@pytest.mark.parametrize("open_source", [folder_of, memory_of])
def test_changed_bytes_change_the_etag_and_not_the_id(open_source: Opener, tmp_path: Path) -> None:
    before = open_source({"a.md": b"one"}, tmp_path).files()[0]

    after = open_source({"a.md": b"three"}, tmp_path).files()[0]

    assert after.id == before.id
    assert after.etag != before.etag


@pytest.mark.parametrize("open_source", [folder_of, memory_of])
def test_a_file_that_is_gone_cannot_be_read(open_source: Opener, tmp_path: Path) -> None:
    content_by_path = {"a.md": b"one"}
    source = open_source(content_by_path, tmp_path)
    file = source.files()[0]
    content_by_path.clear()
    (tmp_path / "a.md").unlink(missing_ok=True)

    with pytest.raises(FileNotFoundError):
        source.read(file)


def test_a_folder_hides_names_with_a_dot_and_follows_no_missing_link(tmp_path: Path) -> None:
    for name in ("plain.md", ".hidden.md"):
        (tmp_path / name).write_text("text")
    (tmp_path / "dangling.md").symlink_to(tmp_path / "absent.md")

    files = FolderSource([tmp_path]).files()

    assert [file.path for file in files] == [tmp_path / "plain.md"]


def test_a_path_is_shown_as_given_and_identified_by_where_it_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("text")
    monkeypatch.chdir(tmp_path)

    file = FolderSource([Path("a.md")]).files()[0]

    assert file.path == Path("a.md")
    assert file.id == os.path.realpath(tmp_path / "a.md")
    assert file.uri == Path(file.id).as_uri()
