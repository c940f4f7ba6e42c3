"""A table of sketches as one file, whose columns are mapped: all processes of a node share them.

The file is written once and moved nowhere. Only rows that are for nobody any more are overwritten
with zeros, which is seen by whoever has it mapped.
"""

import mmap
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from kb.index.sketches.merging import Column, Merge
from kb.index.sketches.table import NOBODY, WORD_BYTES, SketchTable

PAGE_BYTES: Final = 4_096
"""Where columns may begin; what is between them is zeros."""


class DamagedSketches(Exception):
    """The file is not what was written."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """The place of a column in the file."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    offset: int

    @property
    def size_bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, kw_only=True)
class TableShape:
    """The size of a table, from which the place of each column follows."""

    rows: int
    runs: int
    dimension: int

    @property
    def columns(self) -> dict[str, _Column]:
        """By the names that a table has for them."""
        words = -(-self.dimension // (8 * WORD_BYTES))
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "codes": ("int8", (self.rows, self.dimension)),
            "words": ("uint64", (words, self.rows)),
            "chunk_ids": ("int64", (self.rows,)),
            "scales": ("float32", (self.rows,)),
            "starts": ("int64", (self.runs + 1,)),
            "documents": ("S16", (self.runs,)),
            "audiences": ("int64", (self.runs,)),
        }
        columns, offset = {}, 0
        for name, (dtype, shape) in shapes.items():
            column = _Column(dtype=np.dtype(dtype), shape=shape, offset=offset)
            columns[name] = column
            offset += -(-column.size_bytes // PAGE_BYTES) * PAGE_BYTES
        return columns

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        last = list(self.columns.values())[-1]
        return last.offset + last.size_bytes


def shape_of(merged: Merge) -> TableShape:
    """The shape of the table that this becomes."""
    return TableShape(
        rows=len(merged.chunk_ids),
        runs=len(merged.audiences),
        dimension=merged.tables[0].codes.shape[1],
    )


def write_table(path: Path, merged: Merge, *, before_each_block: Callable[[], None]) -> None:
    """Writes a new file; in memory are some blocks and the small columns.

    Written, not mapped: a full disk is an error then, and not the end of the process.
    """
    columns, tables = shape_of(merged).columns, merged.tables
    blocks_by_column: dict[str, Iterable[Column]] = {
        "codes": merged.blocks([table.codes for table in tables]),
        "words": _words(merged),
        "chunk_ids": [merged.chunk_ids],
        "scales": merged.blocks([table.scales for table in tables]),
        "starts": [merged.starts],
        "documents": [merged.documents],
        "audiences": [merged.audiences],
    }
    with path.open("xb") as file:
        for name, column in columns.items():
            file.write(bytes(column.offset - file.tell()))
            for block in blocks_by_column[name]:
                before_each_block()
                file.write(np.ascontiguousarray(block).data)


def map_file(path: Path, shape: TableShape) -> mmap.mmap:
    """The file, which nobody can write to by it.

    Raises:
        DamagedSketches: It has another size.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != shape.size_bytes:
            raise DamagedSketches
        return mmap.mmap(file.fileno(), shape.size_bytes, access=mmap.ACCESS_READ)


def table_in(file: mmap.mmap, shape: TableShape) -> SketchTable:
    """The table whose columns the mapped file has."""
    columns: dict[str, Column] = {
        name: np.frombuffer(
            file, dtype=column.dtype, count=prod(column.shape), offset=column.offset
        ).reshape(column.shape)
        for name, column in shape.columns.items()
    }
    return SketchTable(**columns)


def readers_checksum(table: SketchTable) -> int:
    """Of the columns that say who may see which row."""
    return zlib.crc32(table.audiences.data, zlib.crc32(table.starts.data))


def erase(path: Path, shape: TableShape, *, before: SketchTable, after: SketchTable) -> None:
    """Overwrites the rows that are for nobody after, and were not before, but for their ids.

    Whoever has them mapped has to know from elsewhere that their documents have changed.
    """
    columns, starts = shape.columns, after.starts
    gone = np.flatnonzero((after.audiences == NOBODY) & (before.audiences != NOBODY))
    nobody = np.int64(NOBODY).tobytes()
    with path.open("r+b", buffering=0) as file:

        def write(name: str, place: int, content: bytes) -> None:
            os.pwrite(file.fileno(), content, columns[name].offset + place)

        for run in gone.tolist():
            # First: who has not yet seen this finds the document's key below, see `are_visible`.
            write("audiences", run * len(nobody), nobody)
        for run in gone.tolist():
            first, count = int(starts[run]), int(starts[run + 1] - starts[run])
            write("codes", first * shape.dimension, bytes(count * shape.dimension))
            for word in range(len(after.words)):
                write("words", (word * shape.rows + first) * WORD_BYTES, bytes(count * WORD_BYTES))
            width = after.scales.itemsize
            write("scales", first * width, bytes(count * width))
            width = after.documents.itemsize
            write("documents", run * width, bytes(width))
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Returns when the file, or the names in the folder, are on the disk as they are."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(merged: Merge) -> Iterator[Column]:
    for word in range(len(merged.tables[0].words)):
        yield from merged.blocks([table.words[word] for table in merged.tables])
