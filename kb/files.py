"""Uploaded bytes, addressed by their content: a local folder or any fsspec URL such as s3://."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from uuid import UUID

import fsspec
import structlog
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from kb.disk import has_room, is_disk_full
from kb.errors import DiskFull, FileStoreUnavailable
from kb.ids import TenantId, new_uuid

log = structlog.get_logger(__name__)

PART = ".part"
"""Ends the names of what is being written."""


class FileStore:
    """Bytes by tenant and sha256; writing the same bytes twice is harmless.

    Every method raises FileStoreUnavailable when the store cannot be reached.
    """

    def __init__(self, url: str) -> None:
        """`url` as fsspec takes it; a local folder is made when first written to."""
        filesystem, root = fsspec.core.url_to_fs(url, auto_mkdir=True)
        self._filesystem: AbstractFileSystem = filesystem
        self._root: str = root
        self._folder = Path(root) if isinstance(filesystem, LocalFileSystem) else None

    def has_room(self) -> bool:
        """False once the disk of a local store counts as full."""
        return self._folder is None or has_room(self._folder)

    def require_room(self) -> None:
        """Returns when there is room; DiskFull once the disk of a local store counts as full."""
        if not self.has_room():
            log.error("disk.full", place="file store", error="ENOSPC")
            raise DiskFull("The disk of the file store is full.")

    async def write(self, tenant_id: TenantId, sha256: str, content: bytes) -> None:
        """Returns when the bytes are stored whole; DiskFull when there is no room for them."""
        self.require_room()
        path = self._path(tenant_id, sha256)

        def write() -> None:
            if self._filesystem.exists(path) and self._filesystem.size(path) == len(content):
                return
            # Written aside and moved: a reader never sees half a file, and another writer of the
            # same bytes has an aside of its own.
            aside = f"{path}.{new_uuid()}{PART}"
            try:
                self._filesystem.pipe_file(aside, content)
                self._filesystem.mv(aside, path)
            except OSError:
                with contextlib.suppress(OSError):
                    self._filesystem.rm_file(aside)
                raise

        with _failure_translated():
            await asyncio.to_thread(write)

    async def read(self, tenant_id: TenantId, sha256: str) -> bytes:
        """The bytes."""
        with _failure_translated():
            return bytes(
                await asyncio.to_thread(self._filesystem.cat_file, self._path(tenant_id, sha256))
            )

    async def delete(self, tenant_id: TenantId, sha256: str) -> bool:
        """True when there was something to delete."""
        with _failure_translated():
            return await asyncio.to_thread(self._delete, self._path(tenant_id, sha256))

    async def stored(self, tenant_id: TenantId) -> list[str]:
        """The sha256 of all stored bytes, in order."""
        with _failure_translated():
            paths = await asyncio.to_thread(self._paths, tenant_id)
        return sorted(PurePosixPath(path).name for path in paths if not path.endswith(PART))

    async def is_older(self, tenant_id: TenantId, sha256: str, moment: datetime) -> bool:
        """True when the bytes are there and were stored before the moment."""
        path = self._path(tenant_id, sha256)
        with _failure_translated():
            return await asyncio.to_thread(self._is_older, path, moment)

    async def partial(self, tenant_id: TenantId, *, before: datetime) -> list[str]:
        """The names of the files that a process left half written before that, in order."""

        def find() -> list[str]:
            return sorted(
                PurePosixPath(path).name
                for path in self._paths(tenant_id)
                if path.endswith(PART) and self._is_older(path, before)
            )

        with _failure_translated():
            return await asyncio.to_thread(find)

    async def delete_partial(self, tenant_id: TenantId, *, before: datetime) -> None:
        """Deletes the files that a process left half written before that."""

        def delete() -> None:
            for path in self._paths(tenant_id):
                if path.endswith(PART) and self._is_older(path, before):
                    self._delete(path)

        with _failure_translated():
            await asyncio.to_thread(delete)

    async def delete_all(self, tenant_id: TenantId) -> int:
        """The number of files deleted, half written ones included: all that the tenant had."""

        def delete() -> int:
            paths = self._paths(tenant_id)
            if paths:
                self._filesystem.rm(f"{self._root}/{tenant_id}", recursive=True)
            return len(paths)

        with _failure_translated():
            return await asyncio.to_thread(delete)

    async def tenants(self) -> set[TenantId]:
        """The tenants that have files."""

        def names() -> list[str]:
            self._filesystem.invalidate_cache()
            if not self._filesystem.exists(self._root):
                return []
            listed: list[str] = self._filesystem.ls(self._root, detail=False)
            return [PurePosixPath(path).name for path in listed]

        with _failure_translated():
            found = await asyncio.to_thread(names)
        tenant_ids: set[TenantId] = set()
        for name in found:
            # Whatever else lies there is not ours.
            with contextlib.suppress(ValueError):
                tenant_ids.add(TenantId(UUID(name)))
        return tenant_ids

    def _path(self, tenant_id: TenantId, sha256: str) -> str:
        return f"{self._root}/{tenant_id}/{sha256[:2]}/{sha256}"

    def _paths(self, tenant_id: TenantId) -> list[str]:
        self._filesystem.invalidate_cache()
        return list(self._filesystem.find(f"{self._root}/{tenant_id}"))

    def _is_older(self, path: str, moment: datetime) -> bool:
        try:
            modified: datetime = self._filesystem.modified(path)
        except FileNotFoundError:
            return False
        # Some stores say the time without a zone; it is UTC then.
        return (modified if modified.tzinfo else modified.replace(tzinfo=UTC)) < moment

    def _delete(self, path: str) -> bool:
        if not self._filesystem.exists(path):
            return False
        self._filesystem.rm_file(path)
        return True


@contextlib.contextmanager
def _failure_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            log.error("disk.full", place="file store", error="ENOSPC")  # noqa: TRY400  # its text names a path
            raise DiskFull("The disk of the file store is full.") from error
        raise FileStoreUnavailable from error
