"""Places that documents are fetched from, each file under an id that stays the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, Protocol

from kb.errors import SourceTooLarge

MAX_FILES: Final = 100_000
"""Of one source: all are held in memory at once, at about a kilobyte each."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file as its source lists it.

    Attributes:
        id: names the file within its source, for as long as it is not moved.
        path: the path as people write it; its last part is the file's name.
        uri: the address that citations link to.
        etag: an opaque text that changes whenever the bytes may have changed; empty where the
            source cannot tell.
        size_bytes: the size as it was listed; None where the source cannot tell.
    """

    id: str
    path: PurePath
    uri: str
    etag: str
    size_bytes: int | None = None


class DocumentSource(Protocol):
    """A place that lists files and hands out their bytes; both methods block."""

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths; OSError unless that is all of them."""
        ...

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises OSError when they cannot be read."""
        ...


def refuse_too_many(count: int) -> None:
    """SourceTooLarge for more files than one source may list; to be asked while it is listed."""
    if count > MAX_FILES:
        raise SourceTooLarge(f"A source lists at most {MAX_FILES:,} files.")


class FolderSource:
    """Files and folders of this machine; implements `DocumentSource`.

    A folder stands for the files at any depth in it, except those whose name starts with a dot.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """`paths` are the files and folders to list."""
        self._paths = paths

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths; one that vanishes meanwhile is left out."""
        listed: list[SourceFile] = []
        for path in sorted(found for given in self._paths for found in _files_at(given)):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            absolute = path.resolve()
            listed.append(
                SourceFile(
                    id=str(absolute),
                    path=path,
                    uri=absolute.as_uri(),
                    etag=f"{status.st_mtime_ns}-{status.st_size}",
                    size_bytes=status.st_size,
                )
            )
        return listed

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises OSError when they cannot be read."""
        return Path(file.id).read_bytes()


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [
        inner for inner in path.rglob("*") if inner.is_file() and not inner.name.startswith(".")
    ]
