"""The folder of one tenant's index: made whole, checked when opened, thrown away when damaged.

Everything in it is derived from Postgres, so a folder in doubt is replaced by an empty one.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict, cast
from uuid import UUID

from tantivy import Index, Schema, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from kb.errors import IndexNotReady

FORMAT: Final = 4
"""Raise it when fields, terms or stemmers change: folders of an older format are emptied."""

_UNREADABLE: Final = "The lexical index cannot be read at the moment: check its folder and disk."
_FORMAT_FILE: Final = "footnote-format"
_META_FILE: Final = "meta.json"
_ATTEMPTS: Final = 5
"""Another process may replace or merge the files while they are being read; twice is bad luck."""

_ENDING: Final = 4_096
"""Bytes at a file's end that hold its footer, which has about 200."""

_STORE: Final = {"docstore_compression": "none", "docstore_blocksize": 1_024}
"""Chunks are read one by one from all over the index: at tantivy's own 16 KB, compressed, reading
126 of them takes 1.3 ms instead of .3. The index of 100,000 chunks has 67 MB instead of 46."""

_SEGMENT_FILE: Final = re.compile(r"[0-9a-f]{32}\..+")

_SCRATCH_SECONDS: Final = 60
"""A scratch folder is there for milliseconds."""

_PART: Final = 1 << 20
"""Bytes read at once."""


class _Deletes(TypedDict):
    opstamp: int


class _Segment(TypedDict):
    segment_id: str
    deletes: _Deletes | None


class _Meta(TypedDict):
    segments: list[_Segment]


class _Footer(TypedDict):
    crc: int


class _Damaged(Exception):
    """The folder's files cannot be read as an index of this format."""


_Stamp = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class FolderState:
    """The identity of a folder, and the commit in it with its files."""

    identity: _Stamp
    commit: _Stamp
    files: Mapping[Path, _Stamp | None]
    """The commit's files, none of which is ever written again. None: the file is gone."""

    def stands_at(self, path: Path) -> bool:
        """False when anything has changed there since; 2 microseconds a file.

        The files are mapped: what is read from one that was cut short ends the process.
        """
        try:
            return (
                _stamp(path / _FORMAT_FILE) == self.identity
                and _stamp(path / _META_FILE) == self.commit
                and all(_stamp(file) == stamp for file, stamp in self.files.items())
            )
        except OSError:
            return False

    def continues(self, earlier: "FolderState") -> bool:
        """True when it is the same folder, and no file of the earlier commit has changed."""
        shared = self.files.keys() & earlier.files.keys()
        return self.identity == earlier.identity and all(
            self.files[file] == earlier.files[file] for file in shared
        )


def build_schema() -> Schema:
    """The fields; only the first chunk of a commit, or a document alone, says what it reached."""
    builder = SchemaBuilder()
    builder.add_unsigned_field("chunk_id", fast=True)
    builder.add_unsigned_field("language", fast=True)
    builder.add_unsigned_field("length", fast=True)
    builder.add_unsigned_field("generation", fast=True)
    builder.add_unsigned_field("history", fast=True)
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("principals", tokenizer_name="raw", index_option="basic")
    # Terms arrive analysed and joined by spaces: ten times faster than pre-tokenised text.
    builder.add_text_field("body", tokenizer_name="analysed", index_option="freq")
    # What a chunk is scored by: no more of its text than its terms, which the body has as well.
    builder.add_bytes_field("bag", stored=True)
    return builder.build()


def read_state(path: Path) -> FolderState | None:
    """The state of the folder now, or None when there is no index.

    Raises:
        IndexNotReady: It cannot be read.
    """
    try:
        identity, commit = _stamp(path / _FORMAT_FILE), _stamp(path / _META_FILE)
        # Listed after that stamp: a commit meanwhile makes this an old state.
        try:
            files = _committed_files(path)
        except _Damaged:
            # Who loads the index is told.
            files = []
        stamp_by_file = dict[Path, _Stamp | None].fromkeys(files)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                stamp_by_file[file] = _stamp(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexNotReady(_UNREADABLE) from error
    return FolderState(identity=identity, commit=commit, files=stamp_by_file)


def open_index(path: Path, schema: Schema) -> tuple[Index, FolderState]:
    """The index at the path, loaded, every file read once against its checksum (about 1 s per GB).

    A missing, older or damaged folder is replaced by an empty index. Tantivy aborts the whole
    process when it meets damage while it writes, so damage must be found here.

    Raises:
        IndexNotReady: The folder was written by a newer release, or cannot be read.
    """
    try:
        for _ in range(_ATTEMPTS):
            state = read_state(path)
            index = state and load_index(path, schema)
            if state and index:
                return index, state
            # Changed meanwhile: no damage was read, but another process at work.
            if read_state(path) == state:
                _replace(path, schema, state)
    except OSError as error:
        raise IndexNotReady(_UNREADABLE) from error
    raise IndexNotReady(_UNREADABLE)


def has_remains(path: Path) -> bool:
    """True when files hold chunks that were deleted or replaced: in a segment, or left behind.

    Raises:
        IndexNotReady: It cannot be read.
    """
    try:
        committed = {file.name for file in _committed_files(path)}
        segments = {file.name for file in path.iterdir() if _SEGMENT_FILE.fullmatch(file.name)}
    except FileNotFoundError:
        return False
    except (OSError, _Damaged) as error:
        raise IndexNotReady(_UNREADABLE) from error
    return segments != committed or any(name.endswith(".del") for name in committed)


def remove_scratch(path: Path) -> None:
    """Removes what a process left that died while it put an empty index at the path.

    Raises:
        IndexNotReady: Another process may be at it now.
    """
    for scratch in path.parent.glob(f".{path.name}-*"):
        try:
            is_old = time.time() - scratch.stat().st_mtime > _SCRATCH_SECONDS
        except FileNotFoundError:
            continue
        if not is_old:
            raise IndexNotReady
        shutil.rmtree(scratch, ignore_errors=True)


def _stamp(file: Path) -> _Stamp:
    stat = file.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def load_index(path: Path, schema: Schema) -> Index | None:
    """The loaded index, or None when the files cannot be read as an index of this format."""
    try:
        written = (path / _FORMAT_FILE).read_bytes()
        if not written.isdigit() or int(written) < FORMAT:
            return None
        if int(written) > FORMAT:
            raise IndexNotReady(
                "The lexical index was written by a newer release: update this process."
            )
        # Before tantivy reads them: damage in a fast field makes it panic.
        for file in _committed_files(path):
            _check_file(file)
        index = Index(schema, path=str(path))
        # Told to reload: left alone, the reader would load every commit on a thread of its own.
        index.config_reader("manual")
        index.reload()
    except (_Damaged, FileNotFoundError, KeyError, TypeError):
        # The latter two: JSON, but not tantivy's.
        return None
    except ValueError as error:
        # The operating system's own errors (too many open files) say nothing about the content.
        if "Os { code:" in str(error):
            raise IndexNotReady(_UNREADABLE) from error
        return None
    index.register_tokenizer("analysed", TextAnalyzerBuilder(Tokenizer.whitespace()).build())
    return index


def _committed_files(path: Path) -> list[Path]:
    """The files of the last commit that are there."""
    content = (path / _META_FILE).read_bytes()
    try:
        segments = cast("_Meta", json.loads(content))["segments"]
        deletes_by_prefix = {UUID(each["segment_id"]).hex: each["deletes"] for each in segments}
        stem_by_prefix = {
            prefix: deletes and f"{prefix}.{deletes['opstamp']}"
            for prefix, deletes in deletes_by_prefix.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _Damaged from error
    return [
        file
        for file in path.iterdir()
        if (prefix := file.name.partition(".")[0]) in stem_by_prefix
        and (file.suffix != ".del" or file.stem == stem_by_prefix[prefix])
    ]


def _check_file(file: Path) -> None:
    """Compares content and checksum of a file: content, footer in JSON, its length, a magic number.

    Source of the layout: tantivy 0.27 src/directory/footer.rs.
    """
    # Read, not mapped: a mapped file that is cut short meanwhile ends the process.
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - _ENDING))
        ending = opened.read()
        footer_length = int.from_bytes(ending[-8:-4], "little")
        footer_start = size - 8 - footer_length
        footer = cast("_Footer", json.loads(ending[-8 - footer_length : -8]))
        opened.seek(0)
        checksum, left = 0, footer_start
        while left > 0 and (part := opened.read(min(left, _PART))):
            checksum, left = zlib.crc32(part, checksum), left - len(part)
    if footer["crc"] != checksum or left != 0:
        raise _Damaged


def _replace(path: Path, schema: Schema, state: FolderState | None) -> None:
    """Puts an empty index in the place of what `state` is of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True
    ) as scratch:
        fresh = Path(scratch, "fresh")
        fresh.mkdir()
        (fresh / _FORMAT_FILE).write_text(str(FORMAT))
        Index(schema, path=str(fresh))
        # Says how texts are stored; tantivy's Python has no other way.
        meta = fresh / _META_FILE
        content = cast("dict[str, object]", json.loads(meta.read_bytes()))
        meta.write_text(json.dumps({**content, "index_settings": _STORE}))
        if read_state(path) != state:
            # Another process was faster while the new one was made.
            return
        with contextlib.suppress(FileNotFoundError):
            path.rename(Path(scratch, "discarded"))
        try:
            fresh.rename(path)
        except OSError as error:
            # Another process was faster; its folder is as good as ours.
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
