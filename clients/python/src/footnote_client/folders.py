"""The files of a folder, and what became of each of them."""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, cast

from footnote_client import flows
from footnote_client.contract import Document, FileFields, Job, UploadFields
from footnote_client.errors import FootnoteError
from footnote_client.sending import Sender, Steps

DEFAULT_PARALLEL = 4
"""Uploads at a time: more make a small service refuse some for a while."""

RULE_FILE = ".footnote-rules.toml"
SIDECAR_ENDS = (".footnote.toml", ".footnote.json")
"""Names of files that say who may read others. Sources read them; this client does not."""

FieldsOf: TypeAlias = Callable[[str], "FileFields | None"]
"""The fields of the file with that name, over those of all; None leaves the file out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderFile:
    """A file or folder below the folder; `name` is its path there, with slashes.

    `error` is set for what cannot be read; `is_rule` for what says who may read others.
    """

    name: str
    path: Path
    size_bytes: int = 0
    error: OSError | None = None
    is_rule: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FileResult:
    """What became of a file: `unchanged` is what the service has read already.

    What an earlier run stored and is still to be read is `uploaded`, with the job of that run.
    """

    name: str
    path: Path
    size_bytes: int
    status: Literal["uploaded", "unchanged", "failed"]
    document: Document | None = None
    job: Job | None = None
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderProgress:
    """How far an upload is, and the file that was done last."""

    done: int
    total: int
    done_bytes: int
    total_bytes: int
    file: FileResult


OnProgress: TypeAlias = Callable[[FolderProgress], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderResult:
    """What became of each file, in the order of their names."""

    files: tuple[FileResult, ...]

    @property
    def uploaded(self) -> tuple[FileResult, ...]:
        """Those that are stored and still to be read: their jobs go on."""
        return tuple(file for file in self.files if file.status == "uploaded")

    @property
    def unchanged(self) -> tuple[FileResult, ...]:
        """Those that the service has read already."""
        return tuple(file for file in self.files if file.status == "unchanged")

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """Those that were not stored; `error` says why. Another run tries them again."""
        return tuple(file for file in self.files if file.status == "failed")


def find_files(folder: str | os.PathLike[str]) -> list[FolderFile]:
    """The files below the folder, in the order of their names.

    Left out is what begins with a dot, and every symbolic link: it may lead out of the folder, or
    round in a circle. NotADirectoryError or another OSError when the folder itself cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"{str(root)!r} is no folder.")
    found: list[FolderFile] = []

    def unreadable(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename))
        if path == root:
            raise error
        found.append(FolderFile(name=path.relative_to(root).as_posix(), path=path, error=error))

    for place, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            relative = path.relative_to(root).as_posix()
            # A link, too: what cannot be read may say who must not read.
            if relative == RULE_FILE or name.endswith(SIDECAR_ENDS):
                found.append(FolderFile(name=relative, path=path, is_rule=True))
                continue
            try:
                state = path.lstat()
            except OSError as error:
                unreadable(error)
                continue
            if stat.S_ISREG(state.st_mode) and not name.startswith("."):
                found.append(FolderFile(name=relative, path=path, size_bytes=state.st_size))
    return sorted(found, key=lambda file: file.name)


def plan(
    folder: str | os.PathLike[str], fields: FileFields, fields_of: FieldsOf | None
) -> list[tuple[FolderFile, UploadFields]]:
    """The files below the folder with their fields; the name of each is its `external_id`.

    ValueError when a file there says who may read others, and nothing here does: it is not
    uploaded, and must not be passed over.
    """
    planned = []
    for file in find_files(folder):
        if file.is_rule:
            if fields_of is None and fields.get("principals") is None:
                raise ValueError(
                    f"{file.name!r} says who may read other files, and is not read here: give "
                    "'principals' or 'fields_of', or let the service follow a source."
                )
            continue
        own = fields_of(file.name) if fields_of else {}
        if own is not None:
            # The type of a merge of two such dictionaries is no TypedDict.
            sent = cast("UploadFields", {**fields, **own, "external_id": file.name})
            planned.append((file, sent))
    return planned


def upload(
    sender: Sender, file: FolderFile, fields: UploadFields, *, act_as: Sequence[str] | None
) -> Steps[FileResult]:
    """What became of one file: what goes wrong with it is in the result, and stops no other."""
    result = FileResult(name=file.name, path=file.path, size_bytes=file.size_bytes, status="failed")
    try:
        if file.error is not None:
            raise file.error
        accepted = yield from flows.upload(sender, file.path, None, fields, act_as=act_as)
    # UnicodeError: a name that is no valid text cannot be sent.
    except (FootnoteError, OSError, UnicodeError) as error:
        return replace(result, error=error)
    return replace(
        result,
        status="uploaded" if accepted.job else "unchanged",
        document=accepted.document,
        job=accepted.job,
    )


class Tally:
    """Collects what became of files, and tells of each."""

    def __init__(self, files: Sequence[FolderFile], on_progress: OnProgress | None) -> None:
        """`files` are all there are."""
        self._total = len(files)
        self._total_bytes = sum(file.size_bytes for file in files)
        self._done_bytes = 0
        self._on_progress = on_progress
        self._results: list[FileResult] = []

    def add(self, result: FileResult) -> None:
        """Counts one more."""
        self._results.append(result)
        self._done_bytes += result.size_bytes
        if self._on_progress is not None:
            progress = FolderProgress(
                done=len(self._results),
                total=self._total,
                done_bytes=self._done_bytes,
                total_bytes=self._total_bytes,
                file=result,
            )
            self._on_progress(progress)

    def result(self) -> FolderResult:
        """All so far, in the order of their names."""
        return FolderResult(files=tuple(sorted(self._results, key=lambda file: file.name)))
