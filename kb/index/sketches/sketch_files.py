"""The sketches that a node has in files, a folder for each tenant that has many.

    <tenant>/manifest.json   what the tables are of, and which there are; replaced as a whole
    <tenant>/<id>.table      a table; one that the manifest does not name is nobody's
    <tenant>.lock            held by the process that writes

All of it is derived from Postgres: what is damaged, foreign or half written is written anew.
"""

import errno
import json
import mmap
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TypedDict, cast
from uuid import UUID, uuid4

import structlog
from filelock import FileLock, Timeout

from kb.disk import has_room
from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.reached import Reached
from kb.index.sketches.merging import merge
from kb.index.sketches.table import NOBODY, SketchTable
from kb.index.sketches.table_file import (
    DamagedSketches,
    TableShape,
    erase,
    map_file,
    readers_checksum,
    shape_of,
    sync,
    table_in,
    write_table,
)
from kb.store.spaces import Space

log = structlog.get_logger(__name__)

FORMAT: Final = 1
"""Raise it when the columns or what they mean change: files of another format are written anew."""

_MANIFEST: Final = "manifest.json"
_NEXT_MANIFEST: Final = "manifest.next"
_ATTEMPTS: Final = 5
"""Another process may write while files are opened; twice is bad luck."""

_UNUSABLE: Final = (DamagedSketches, OSError, KeyError, TypeError, ValueError)
"""What reading raises; the latter three of what is no JSON, or not ours."""

Stamp = tuple[int, int, int]
"""By which a manifest is told from the one before: inode, time and size."""


class FilesRefused(Exception):
    """The disk or the system does not let the files be written; `reason` is the system's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _SpaceEntry(TypedDict):
    name: str
    model: str
    revision: str
    dimension: int


class _TableEntry(TypedDict):
    name: str
    rows: int
    runs: int
    readers_checksum: int


class _Manifest(TypedDict):
    format: int
    space: _SpaceEntry
    generation: int
    history: int
    tables: list[_TableEntry]


@dataclass(frozen=True, kw_only=True)
class StoredTable:
    """A table in a file: as it is there, and as it is now, when documents have changed since."""

    name: str
    shape: TableShape
    file: mmap.mmap
    mapped: SketchTable
    table: SketchTable

    @property
    def is_cut_short(self) -> bool:
        """True when somebody has cut the file: reading on would end the process; .4 microseconds.

        A file that was deleted stays readable.
        """
        return self.file.size() < self.shape.size_bytes

    @property
    def has_changed(self) -> bool:
        """True when rows are for nobody that the file has for somebody."""
        return self.table is not self.mapped

    @property
    def memory_bytes(self) -> int:
        """Of this process: what is mapped is the system's, which gives it to whoever needs it."""
        return self.table.audiences.nbytes if self.has_changed else 0


@dataclass(frozen=True, kw_only=True)
class StoredSketches:
    """What a manifest names, of a space in the state `reached`."""

    space: Space
    reached: Reached
    tables: tuple[StoredTable, ...]
    stamp: Stamp

    def chunk_ids(self, *, without_documents: Collection[UUID]) -> list[int]:
        """The chunks of all rows that are for somebody, of the other documents."""
        found: list[int] = []
        for each in self.tables:
            table = each.table.without(without_documents)
            rows = table.rows_of(table.audiences != NOBODY)
            found += (table.chunk_ids if rows is None else table.chunk_ids[rows]).tolist()
        return found


class SketchFiles:
    """The files of all tenants below one folder, of which processes share one."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing yet."""
        self._folder = folder

    def stamp(self, tenant_id: TenantId) -> Stamp | None:
        """Of what there is now, None without files; 3 microseconds."""
        return _stamp(self._path(tenant_id))

    def has_any(self, tenant_id: TenantId) -> bool:
        """True when there are files of the tenant, be they left by a process that died."""
        return self._path(tenant_id).exists()

    def stored(self) -> set[TenantId]:
        """The tenants with files here."""
        found: set[TenantId] = set()
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(ValueError):
                found.add(TenantId(UUID(path.name)))
        return found

    def open(self, tenant_id: TenantId) -> StoredSketches | None:
        """The tenant's sketches, mapped; None without files, or with files that are of no use."""
        path = self._path(tenant_id)
        for _ in range(_ATTEMPTS):
            stamp = _stamp(path)
            if stamp is None:
                return None
            try:
                return _open(path, stamp)
            except _UNUSABLE as error:
                if _stamp(path) == stamp:
                    log.warning(
                        "sketches.damaged", tenant_id=str(tenant_id), reason=type(error).__name__
                    )
                    return None
        return None

    @contextmanager
    def writing(self, tenant_id: TenantId) -> Iterator["FilesWriter"]:
        """The only writer of the tenant's files.

        Raises:
            IndexNotReady: Another process is writing them.
            FilesRefused: They cannot be written at all.
        """
        path = self._path(tenant_id)
        with _refusals_told():
            path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"), timeout=0, mode=0o600, thread_local=False)
            try:
                lock.acquire()
            except Timeout as error:
                raise IndexNotReady from error
        try:
            yield FilesWriter(path)
        finally:
            lock.release()

    def remove(self, tenant_id: TenantId) -> None:
        """Deletes all that there is of a tenant; who has it mapped keeps it until it looks."""
        path = self._path(tenant_id)
        shutil.rmtree(path, ignore_errors=True)
        path.with_suffix(".lock").unlink(missing_ok=True)

    def _path(self, tenant_id: TenantId) -> Path:
        return self._folder / str(tenant_id)


class FilesWriter:
    """Writes one tenant's files. Until `commit` has returned, what was there before stays.

    Raises FilesRefused where the disk does, and IndexNotReady once it is to stop.
    """

    def __init__(self, path: Path) -> None:
        """The lock is held. Removes what a process left that died while it wrote."""
        self._path = path
        self._is_stopped = False
        self._added: set[str] = set()
        self.stamp = _stamp(path)
        """Of what is there now."""
        with _refusals_told():
            try:
                named = {_file_name(table["name"]) for table in _read_manifest(path)["tables"]}
            except _UNUSABLE:
                self._remove_all_but(set())
            else:
                self._remove_all_but({_MANIFEST, *named})

    def stop(self) -> None:
        """Makes a thread that writes end soon."""
        self._is_stopped = True

    def add(self, tables: Sequence[SketchTable]) -> StoredTable:
        """A table of the rows of these that are for somebody, in a file that nothing names yet."""
        merged = merge(tables)
        shape, name = shape_of(merged), uuid4().hex
        file = self._path / _file_name(name)
        with _refusals_told():
            if not has_room(self._path, besides=shape.size_bytes):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_table(file, merged, before_each_block=self._end_when_stopped)
        self._added.add(name)
        return _map(self._path, name, shape)

    def commit(
        self, *, space: Space, reached: Reached, tables: Sequence[StoredTable]
    ) -> StoredSketches:
        """From here on these are the tenant's sketches, and their files lack what is for nobody.

        A process that dies while rows are erased leaves no manifest. With the old one, a database
        that was restored with these rows would look like the one that the files have followed.
        """
        manifest, following = self._path / _MANIFEST, self._path / _NEXT_MANIFEST
        with _refusals_told():
            for name in self._added.intersection(table.name for table in tables):
                sync(self._path / _file_name(name))
            following.write_text(json.dumps(_manifest_of(space, reached, tables)))
            sync(following)
            changed = [table for table in tables if table.has_changed]
            if changed:
                manifest.unlink(missing_ok=True)
                sync(self._path)
            for table in changed:
                file = self._path / _file_name(table.name)
                erase(file, table.shape, before=table.mapped, after=table.table)
            following.replace(manifest)
            sync(self._path)
            self._remove_all_but({_MANIFEST, *(_file_name(table.name) for table in tables)})
            self.stamp = stamp = _stamp_of(manifest)
        return StoredSketches(
            space=space,
            reached=reached,
            tables=tuple(replace(table, table=table.mapped) for table in tables),
            stamp=stamp,
        )

    def clear(self) -> None:
        """Deletes the tenant's files."""
        with _refusals_told():
            (self._path / _MANIFEST).unlink(missing_ok=True)
            self._remove_all_but(set())
            self._path.rmdir()
        self.stamp = None

    def _end_when_stopped(self) -> None:
        if self._is_stopped:
            raise IndexNotReady

    def _remove_all_but(self, names: AbstractSet[str]) -> None:
        for path in self._path.iterdir():
            if path.name not in names:
                path.unlink()


def _open(path: Path, stamp: Stamp) -> StoredSketches:
    manifest = _read_manifest(path)
    space = Space(**manifest["space"])
    tables = []
    for entry in manifest["tables"]:
        shape = TableShape(rows=entry["rows"], runs=entry["runs"], dimension=space.dimension)
        table = _map(path, entry["name"], shape)
        if readers_checksum(table.mapped) != entry["readers_checksum"]:
            raise DamagedSketches
        tables.append(table)
    return StoredSketches(
        space=space,
        reached=Reached(generation=manifest["generation"], history=manifest["history"]),
        tables=tuple(tables),
        stamp=stamp,
    )


def _map(path: Path, name: str, shape: TableShape) -> StoredTable:
    file = map_file(path / _file_name(name), shape)
    table = table_in(file, shape)
    return StoredTable(name=name, shape=shape, file=file, mapped=table, table=table)


def _read_manifest(path: Path) -> _Manifest:
    # Checked where it is used: what lacks a field or has another type is of no use.
    manifest = cast("_Manifest", json.loads((path / _MANIFEST).read_bytes()))
    if manifest["format"] != FORMAT:
        raise DamagedSketches
    return manifest


def _manifest_of(space: Space, reached: Reached, tables: Sequence[StoredTable]) -> _Manifest:
    return {
        "format": FORMAT,
        "space": cast("_SpaceEntry", asdict(space)),
        "generation": reached.generation,
        "history": reached.history,
        "tables": [
            {
                "name": table.name,
                "rows": table.shape.rows,
                "runs": table.shape.runs,
                "readers_checksum": readers_checksum(table.table),
            }
            for table in tables
        ],
    }


def _file_name(table: str) -> str:
    return f"{table}.table"


def _stamp(path: Path) -> Stamp | None:
    try:
        return _stamp_of(path / _MANIFEST)
    except OSError:
        return None


def _stamp_of(manifest: Path) -> Stamp:
    stat = manifest.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FilesRefused(error.strerror or type(error).__name__) from error
