"""The files below the paths that a command was given, each under a name that stays the same."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ingest.sources.patterns import compile_pattern, fits_any
from ingest.sources.permissions import (
    MAX_DESCRIPTION_BYTES,
    SIDECAR_ENDS,
    SidecarInvalid,
    parse_sidecar,
)
from kb.errors import InvalidInput, UploadTooLarge
from kb.store.source_items import Sidecar

READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class GivenFile:
    """A file and its name: the path below the folder that was given, or the name of a given file.

    `former_id` is the absolute path, under which earlier releases stored it.
    """

    id: str
    path: Path
    former_id: str
    size_bytes: int
    sidecar_paths: tuple[Path, ...] = ()

    def uri(self, prefix: str) -> str:
        """The address that citations link to."""
        return prefix + quote(self.id, errors="replace")

    def read(self, *, max_bytes: int) -> bytes:
        """The bytes; UploadTooLarge beyond `max_bytes`, InvalidInput when they cannot be read."""
        return read_file(self.path, max_bytes=max_bytes)

    def read_sidecar(self) -> Sidecar | None:
        """What stands beside the file about it; InvalidInput when that cannot be understood."""
        if not self.sidecar_paths:
            return None
        if len(self.sidecar_paths) > 1:
            raise InvalidInput("The file has two sidecars, one of TOML and one of JSON.")
        [path] = self.sidecar_paths
        content = read_file(path, max_bytes=MAX_DESCRIPTION_BYTES)
        try:
            return parse_sidecar(content, is_json=path.suffix == ".json")
        except SidecarInvalid as error:
            raise InvalidInput(error.message) from error


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """The bytes; UploadTooLarge beyond `max_bytes`, InvalidInput when they cannot be read."""
    content = bytearray()
    try:
        with path.open("rb") as file:
            while part := file.read(READ_BYTES):
                content += part
                if len(content) > max_bytes:
                    raise UploadTooLarge(f"The file is larger than {max_bytes} bytes.")
    except OSError as error:
        raise InvalidInput(f"The file cannot be read: {error.strerror}.") from error
    return bytes(content)


def find_files(
    paths: Sequence[Path], *, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[GivenFile]:
    """The files in the order of their names; with `include` only what fits one of its patterns.

    Left out is what begins with a dot, what a link below a folder leads to, and sidecars. Raises
    InvalidInput when a folder cannot be read, something given is no file, or two have one name.
    """
    included = [compile_pattern(pattern) for pattern in include]
    excluded = [compile_pattern(pattern) for pattern in exclude]
    found: dict[str, GivenFile] = {}
    for given in paths:
        for name, path in _named_files(given):
            if (included and not fits_any(included, name)) or fits_any(excluded, name):
                continue
            absolute = path.resolve()
            before = found.get(name)
            if before is not None:
                if before.former_id == str(absolute):
                    continue
                raise InvalidInput(
                    f"{str(before.path)!r} and {str(path)!r} would both be called {name!r}: give "
                    "the folder above them, or put them into different collections."
                )
            sidecars = [path.with_name(path.name + end) for end in SIDECAR_ENDS]
            found[name] = GivenFile(
                id=name,
                path=path,
                former_id=str(absolute),
                size_bytes=path.stat().st_size,
                # One that cannot be read must not be passed over: it may say who may not read.
                sidecar_paths=tuple(each for each in sidecars if os.path.lexists(each)),
            )
    return [found[name] for name in sorted(found)]


def _named_files(given: Path) -> Iterator[tuple[str, Path]]:
    if not given.is_dir():
        if not given.is_file():
            raise InvalidInput(f"{str(given)!r} is neither a file nor a folder.")
        yield given.name, given
        return

    def refuse(error: OSError) -> None:
        raise InvalidInput(f"{error.filename!r} cannot be read: {error.strerror}.") from error

    for folder, names_of_folders, names in os.walk(given, onerror=refuse):
        names_of_folders[:] = [name for name in names_of_folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            try:
                is_file = stat.S_ISREG(path.lstat().st_mode)
            except FileNotFoundError:
                continue
            if is_file and not name.startswith(".") and not name.endswith(SIDECAR_ENDS):
                yield path.relative_to(given).as_posix(), path
