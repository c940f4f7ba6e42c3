"""The file store: whole files or none, each under its tenant and its hash."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from fsspec.implementations.local import LocalFileSystem

from kb.errors import DiskFull, FileStoreUnavailable
from kb.files import FileStore
from kb.ids import TenantId, new_uuid

SHA256 = "ab" * 32
TENANT = TenantId(new_uuid())
OTHER_TENANT = TenantId(new_uuid())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def files(folder: Path) -> FileStore:
    return FileStore(f"file://{folder}")


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


async def test_what_is_written_can_be_read(files: FileStore, folder: Path) -> None:
    content = bytes(range(256))

    await files.write(TENANT, SHA256, content)

    assert await files.read(TENANT, SHA256) == content
    assert names(folder) == [f"{TENANT}/ab/{SHA256}"]


async def test_writing_twice_is_harmless(files: FileStore, folder: Path) -> None:
    await files.write(TENANT, SHA256, b"content")
    await files.write(TENANT, SHA256, b"content")

    assert await files.read(TENANT, SHA256) == b"content"
    assert len(names(folder)) == 1


async def test_many_may_write_the_same_bytes_at_once(files: FileStore, folder: Path) -> None:
    content = bytes(2_000_000)

    await asyncio.gather(*(files.write(TENANT, SHA256, content) for _ in range(8)))

    assert await files.read(TENANT, SHA256) == content
    assert len(names(folder)) == 1


async def test_tenants_do_not_share_files(files: FileStore) -> None:
    await files.write(TENANT, SHA256, b"content")

    with pytest.raises(FileStoreUnavailable):
        await files.read(OTHER_TENANT, SHA256)
    assert not await files.delete(OTHER_TENANT, SHA256)
    assert await files.read(TENANT, SHA256) == b"content"


async def test_half_a_file_is_written_again(files: FileStore, folder: Path) -> None:
    path = folder / str(TENANT) / "ab" / SHA256
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cont")

    await files.write(TENANT, SHA256, b"content")

    assert await files.read(TENANT, SHA256) == b"content"


async def test_a_write_that_is_cut_off_leaves_no_half_file(
    files: FileStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full after half of it."""

    def write_half(_self: LocalFileSystem, path: str, value: bytes, **_options: object) -> NoReturn:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(value[: len(value) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "pipe_file", write_half)
        with pytest.raises(DiskFull):
            await files.write(TENANT, SHA256, b"content")

    assert names(folder) == []
    await files.write(TENANT, SHA256, b"content")
    assert await files.read(TENANT, SHA256) == b"content"


async def test_a_missing_file_is_told(files: FileStore) -> None:
    with pytest.raises(FileStoreUnavailable):
        await files.read(TENANT, SHA256)


async def test_a_deleted_file_is_gone_and_deleting_again_says_so(files: FileStore) -> None:
    await files.write(TENANT, SHA256, b"content")

    assert await files.delete(TENANT, SHA256)
    assert not await files.delete(TENANT, SHA256)
    with pytest.raises(FileStoreUnavailable):
        await files.read(TENANT, SHA256)


async def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    in_the_way = tmp_path / "files"
    in_the_way.write_bytes(b"a file where the folder should be")

    with pytest.raises(FileStoreUnavailable):
        await FileStore(f"file://{in_the_way}").write(TENANT, SHA256, b"content")


async def test_any_fsspec_url_will_do() -> None:
    files = FileStore("memory://footnote-test")

    await files.write(TENANT, SHA256, b"content")

    assert await files.read(TENANT, SHA256) == b"content"
    assert await files.delete(TENANT, SHA256)


async def test_what_is_stored_is_listed_and_torsos_are_not(tmp_path: Path) -> None:
    files, tenant = FileStore(f"file://{tmp_path}"), TenantId(new_uuid())
    await files.write(tenant, "ab" * 32, b"whole")
    torso = tmp_path / str(tenant) / "cd" / "torso.part"
    torso.parent.mkdir()
    torso.write_bytes(b"half")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    soon = datetime.now(UTC) + timedelta(minutes=1)

    await files.delete_partial(tenant, before=long_ago)
    was_kept = torso.exists()
    await files.delete_partial(tenant, before=soon)

    assert (was_kept, torso.exists()) == (True, False)
    assert await files.stored(tenant) == ["ab" * 32]
    assert await files.stored(TenantId(new_uuid())) == []
    assert await files.is_older(tenant, "ab" * 32, soon)
    assert not await files.is_older(tenant, "ab" * 32, long_ago)
    assert not await files.is_older(tenant, "00" * 32, soon)
