"""Uploaded bytes, addressed by their content: a local folder or any fsspec URL such as s3://."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import PurePosixPath

import fsspec
from fsspec.spec import AbstractFileSystem

from kb.errors import FileStoreUnavailable
from kb.ids import TenantId, new_uuid

PART = ".part"
"""Ends the names of what is being written."""


class FileStore:
    """Bytes by tenant and sha256; writing the same bytes twice is harmless."""

    def __init__(self, url: str) -> None:
        """`url` as fsspec takes it; a local folder is made when first written to."""
        filesystem, root = fsspec.core.url_to_fs(url, auto_mkdir=True)
        self._filesystem: AbstractFileSystem = filesystem
        self._root: str = root

    async def write(self, tenant_id: TenantId, sha256: str, content: bytes) -> None:
        """Returns when the bytes are stored whole; FileStoreUnavailable otherwise."""
        await asyncio.to_thread(self._write, self._path(tenant_id, sha256), content)

    async def read(self, tenant_id: TenantId, sha256: str) -> bytes:
        """The bytes; FileStoreUnavailable when they cannot be had."""
        return await asyncio.to_thread(self._read, self._path(tenant_id, sha256))

    async def delete(self, tenant_id: TenantId, sha256: str) -> bool:
        """True when there was something to delete."""
        return await asyncio.to_thread(self._delete, self._path(tenant_id, sha256))

    async def stored(self, tenant_id: TenantId) -> list[str]:
        """The sha256 of all stored bytes, in order."""
        names = await asyncio.to_thread(self._names, f"{self._root}/{tenant_id}")
        return sorted(name for name in names if not name.endswith(PART))

    async def is_older(self, tenant_id: TenantId, sha256: str, moment: datetime) -> bool:
        """True when the bytes are there and were stored before the moment."""
        return await asyncio.to_thread(self._is_older, self._path(tenant_id, sha256), moment)

    async def delete_torsos(self, tenant_id: TenantId, *, before: datetime) -> None:
        """Deletes what a process left half written before that."""
        folder = f"{self._root}/{tenant_id}"
        await asyncio.to_thread(self._delete_torsos, folder, before)

    def _path(self, tenant_id: TenantId, sha256: str) -> str:
        return f"{self._root}/{tenant_id}/{sha256[:2]}/{sha256}"

    def _write(self, path: str, content: bytes) -> None:
        aside = f"{path}.{new_uuid()}{PART}"
        try:
            if self._filesystem.exists(path) and self._filesystem.size(path) == len(content):
                return
            # Written aside and moved: a reader never sees half a file, and another writer of the
            # same bytes has an aside of its own.
            self._filesystem.pipe_file(aside, content)
            self._filesystem.mv(aside, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._filesystem.rm_file(aside)
            raise FileStoreUnavailable from error

    def _names(self, folder: str) -> list[str]:
        return [PurePosixPath(path).name for path in self._found(folder)]

    def _found(self, folder: str) -> list[str]:
        try:
            self._filesystem.invalidate_cache()
            return list(self._filesystem.find(folder))
        except OSError as error:
            raise FileStoreUnavailable from error

    def _delete_torsos(self, folder: str, before: datetime) -> None:
        for path in self._found(folder):
            if path.endswith(PART) and self._is_older(path, before):
                self._delete(path)

    def _is_older(self, path: str, moment: datetime) -> bool:
        try:
            modified: datetime = self._filesystem.modified(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise FileStoreUnavailable from error
        # Some stores say the time without a zone; it is UTC then.
        return (modified if modified.tzinfo else modified.replace(tzinfo=UTC)) < moment

    def _read(self, path: str) -> bytes:
        try:
            return bytes(self._filesystem.cat_file(path))
        except OSError as error:
            raise FileStoreUnavailable from error

    def _delete(self, path: str) -> bool:
        try:
            if not self._filesystem.exists(path):
                return False
            self._filesystem.rm_file(path)
        except OSError as error:
            raise FileStoreUnavailable from error
        return True
