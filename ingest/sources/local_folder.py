"""A folder of the worker's machine."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from ingest.sources.files import SourceFile, is_shown, refuse_too_many
from ingest.sources.permissions import says_who_reads
from kb.errors import SourceUriRefused, UploadTooLarge

READ_BYTES: Final = 1 << 20
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class LocalFolder:
    """The regular files at any depth of a folder; implements `DocumentSource`.

    Links are not followed, whoever makes them and whenever: the folder is held open, and everything
    is reached from there. A rule file or sidecar that is a link is listed, and cannot be read.
    """

    def __init__(self, path: Path, *, within: Path | None, max_bytes: int) -> None:
        """`within` is the folder that `path` must not lead out of, whatever links stand in it.

        Raises OSError when there is no such folder, SourceUriRefused when it lies elsewhere.
        """
        self.path = Path(os.path.realpath(path, strict=True))
        base = self.path if within is None else Path(os.path.realpath(within))
        if not self.path.is_relative_to(base):
            raise SourceUriRefused("A link leads from this address to a place that is not allowed.")
        self._max_bytes = max_bytes
        at = os.open(base, FOLDER)
        self._descriptor = _descended(at, self.path.relative_to(base).parts)

    def close(self) -> None:
        """Lets the folder go."""
        os.close(self._descriptor)

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths; OSError when a folder cannot be read."""
        listed: list[SourceFile] = []
        walk = os.fwalk(".", onerror=_refuse, dir_fd=self._descriptor)
        for folder, names_of_folders, names, descriptor in walk:
            names_of_folders[:] = [name for name in names_of_folders if not name.startswith(".")]
            for name in names:
                path = f"{folder}/{name}".removeprefix("./")
                if not is_shown(path):
                    continue
                try:
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode) or says_who_reads(path):
                    listed.append(self._file(path, status))
            refuse_too_many(len(listed))
        return sorted(listed, key=lambda file: file.id)

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises OSError, and UploadTooLarge beyond `max_bytes`."""
        with self._opened(file.id) as descriptor:
            content = bytearray()
            while part := os.read(descriptor, READ_BYTES):
                content += part
                if len(content) > self._max_bytes:
                    raise UploadTooLarge
        return bytes(content)

    def _file(self, path: str, status: os.stat_result) -> SourceFile:
        return SourceFile(
            id=path,
            path=PurePosixPath(path),
            uri=(self.path / path).as_uri(),
            etag=f"{status.st_mtime_ns}-{status.st_size}",
            size_bytes=status.st_size,
        )

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A descriptor of the file, reached from the folder without following a link."""
        *folders, name = path.split("/")
        at = _descended(os.dup(self._descriptor), folders)
        try:
            # Not blocking: a pipe in the place of the file would keep the reader for ever.
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OSError("This is no regular file any more.")
            yield file
        finally:
            os.close(file)


def _descended(at: int, folders: Sequence[str]) -> int:
    """A descriptor of the folder below `at`, which is closed; OSError when one is a link."""
    for folder in folders:
        try:
            below = os.open(folder, FOLDER, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def _refuse(error: OSError) -> None:
    raise error
