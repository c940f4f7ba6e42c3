"""Uploaded bytes, addressed by their content: a local folder or any fsspec URL such as s3://."""

import asyncio
import contextlib

import fsspec
from fsspec.spec import AbstractFileSystem

from kb.errors import FileStoreUnavailable
from kb.ids import TenantId, new_uuid


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

    def _path(self, tenant_id: TenantId, sha256: str) -> str:
        return f"{self._root}/{tenant_id}/{sha256[:2]}/{sha256}"

    def _write(self, path: str, content: bytes) -> None:
        aside = f"{path}.{new_uuid()}.part"
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
