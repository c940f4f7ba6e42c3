"""Places that documents are fetched from, each file under an id that stays the same."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Protocol

from kb.errors import SourceTooLarge

RULE_FILE: Final = ".footnote-rules.toml"
"""Says in the root of a source who may read its files."""

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


def is_shown(path: str) -> bool:
    """False for what begins with a dot, or lies in a folder that does; a rule file is shown."""
    return path == RULE_FILE or not any(part.startswith(".") for part in path.split("/"))


def refuse_too_many(count: int) -> None:
    """SourceTooLarge for more files than one source may list; to be asked while it is listed."""
    if count > MAX_FILES:
        raise SourceTooLarge(f"A source lists at most {MAX_FILES:,} files.")
