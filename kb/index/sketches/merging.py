"""Tables joined to one: in memory, or block by block on the way into a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kb.index.sketches.table import (
    NOBODY,
    DocumentKeys,
    SketchTable,
    begins_of,
    starts_of,
)

MERGED_ROWS: Final = 16_384
"""Rows of a block: 6 MB of their bytes."""

MOST_GONE: Final = 0.5
"""Of a table's documents: with more for nobody it is written without them."""

Column = NDArray[Any]
"""Of any type, along the rows of a table."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """The rows of some tables that are for somebody, as one table has them: in the order of ids."""

    tables: Sequence[SketchTable]
    rows: Sequence[NDArray[np.intp] | None]
    """Of each table those that are for somebody; None: all."""
    order: NDArray[np.intp] | None
    """(n,) places among these rows, one table's after the other's; None: as they are."""
    chunk_ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    documents: DocumentKeys
    audiences: NDArray[np.int64]

    def blocks(self, columns: Sequence[Column]) -> Iterator[Column]:
        """The rows of a column that each table has, in their order, some thousand at a time."""
        if self.order is not None:
            yield from self._ordered_blocks(columns, self.order)
            return
        for column, rows in zip(columns, self.rows, strict=True):
            count = len(column) if rows is None else len(rows)
            for start in range(0, count, MERGED_ROWS):
                block = slice(start, start + MERGED_ROWS)
                yield column[block] if rows is None else column[rows[block]]

    def _ordered_blocks(
        self, columns: Sequence[Column], order: NDArray[np.intp]
    ) -> Iterator[Column]:
        counts = [
            len(column) if rows is None else len(rows)
            for column, rows in zip(columns, self.rows, strict=True)
        ]
        ends = np.cumsum(counts)
        for start in range(0, len(order), MERGED_ROWS):
            places = order[start : start + MERGED_ROWS]
            table_of_place = np.searchsorted(ends, places, side="right")
            block = np.empty((len(places), *columns[0].shape[1:]), dtype=columns[0].dtype)
            for number, (column, rows) in enumerate(zip(columns, self.rows, strict=True)):
                is_here = table_of_place == number
                own = places[is_here] - (ends[number] - counts[number])
                block[is_here] = column[own if rows is None else rows[own]]
            yield block


def merge(tables: Sequence[SketchTable]) -> Merge:
    """How the tables, of which there is at least one, become one; no chunk is in two of them."""
    kept = [table.audiences != NOBODY for table in tables]
    rows = [table.rows_of(each) for table, each in zip(tables, kept, strict=True)]
    chunk_ids = np.concatenate(
        [
            table.chunk_ids if own is None else table.chunk_ids[own]
            for table, own in zip(tables, rows, strict=True)
        ]
    )
    lengths, documents, audiences = (
        np.concatenate([column[each] for column, each in zip(columns, kept, strict=True)])
        for columns in (
            [np.diff(table.starts) for table in tables],
            [table.documents for table in tables],
            [table.audiences for table in tables],
        )
    )
    # Only chunks that are older than others are out of order: their readers have changed.
    order = None
    if not (np.diff(chunk_ids) > 0).all():
        order = np.argsort(chunk_ids)
        run_of = np.repeat(np.arange(len(lengths)), lengths)[order]
        begins = begins_of(documents[run_of])
        chunk_ids, run_of = chunk_ids[order], run_of[begins]
        lengths = np.diff(np.append(np.flatnonzero(begins), len(order)))
        documents, audiences = documents[run_of], audiences[run_of]
    return Merge(
        tables=tables,
        rows=rows,
        order=order,
        chunk_ids=chunk_ids,
        starts=starts_of(lengths),
        documents=documents,
        audiences=audiences,
    )


def joined(tables: Sequence[SketchTable]) -> SketchTable:
    """One table in memory; a single table whose rows are all for somebody is it already."""
    if len(tables) == 1 and (tables[0].audiences != NOBODY).all():
        return tables[0]
    merged = merge(tables)

    def column(columns: Sequence[Column]) -> Column:
        return np.concatenate([columns[0][:0], *merged.blocks(columns)])

    width = range(len(tables[0].words))
    return SketchTable(
        chunk_ids=merged.chunk_ids,
        starts=merged.starts,
        words=np.stack([column([table.words[word] for table in tables]) for word in width]),
        codes=column([table.codes for table in tables]),
        scales=column([table.scales for table in tables]),
        documents=merged.documents,
        audiences=merged.audiences,
    )


def grown(tables: Sequence[SketchTable], newest: SketchTable) -> tuple[SketchTable, ...]:
    """The tables and one more, joined so that each has more than twice the rows of the next.

    Their number grows with the logarithm of the rows, and a row is copied as often. A table half of
    whose documents are for nobody is rid of them.
    """
    kept = [joined([table]) if is_mostly_gone(table) else table for table in (*tables, newest)]
    count = tail_length([len(table.chunk_ids) for table in kept])
    if count > 1:
        kept[-count:] = [joined(kept[-count:])]
    return tuple(table for table in kept if len(table.chunk_ids))


def tail_length(row_counts: Sequence[int]) -> int:
    """How many of the last tables become one, so that each has more than twice the next one's."""
    length, rows = 1, row_counts[-1]
    while length < len(row_counts) and row_counts[-length - 1] <= 2 * rows:
        rows += row_counts[-length - 1]
        length += 1
    return length


def is_mostly_gone(table: SketchTable) -> bool:
    """True when more than half of the documents are for nobody."""
    gone_count = np.count_nonzero(table.audiences == NOBODY)
    return bool(gone_count > MOST_GONE * len(table.audiences))
