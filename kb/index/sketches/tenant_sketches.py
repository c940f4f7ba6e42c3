"""A tenant's sketches in one state: the tables that files have, and what has come since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from kb.errors import IndexNotReady
from kb.ids import TenantId
from kb.index.reached import Reached
from kb.index.sketches.merging import grown, is_mostly_gone, joined, tail_length
from kb.index.sketches.sketch_files import (
    FilesWriter,
    SketchFiles,
    Stamp,
    StoredSketches,
    StoredTable,
)
from kb.index.sketches.table import NOBODY, SketchTable
from kb.store.spaces import Space

STORED_ROWS: Final = 20_000
"""From so many on sketches are worth files: 9 MB, read from Postgres in .2 s."""

TABLE_BYTES: Final = 1_100
"""Memory of Python's for each table besides its columns, by tracemalloc over 2,000: 1,080."""


@dataclass(frozen=True, kw_only=True)
class TenantSketches:
    """The rows of all tables are the tenant's in the state `reached`; no chunk is in two."""

    space: Space
    reached: Reached
    stored: tuple[StoredTable, ...] = ()
    """In files; without those that are for nobody any more, larger before smaller."""
    fresh: tuple[SketchTable, ...] = ()
    """In memory."""
    stamp: Stamp | None = None
    """Of the manifest that names what is stored; None: nothing is."""

    @classmethod
    def of_files(cls, stored: StoredSketches) -> "TenantSketches":
        """As the files have them."""
        return cls(
            space=stored.space, reached=stored.reached, stored=stored.tables, stamp=stored.stamp
        )

    @property
    def tables(self) -> tuple[SketchTable, ...]:
        """All of them."""
        return (*(each.table for each in self.stored), *self.fresh)

    @property
    def memory_bytes(self) -> int:
        """Memory of this process; what is mapped does not count."""
        stored = sum(TABLE_BYTES + table.memory_bytes for table in self.stored)
        return stored + sum(TABLE_BYTES + table.size_bytes for table in self.fresh)

    @property
    def fresh_rows(self) -> int:
        """Rows in memory."""
        return sum(len(table.chunk_ids) for table in self.fresh)

    def following(
        self, reached: Reached, changed: Collection[UUID], pages: Sequence[SketchTable]
    ) -> "TenantSketches":
        """In a later state, for which these documents have changed; `pages` are their rows now."""
        fresh = tuple(table.without(changed) for table in self.fresh)
        return replace(
            self,
            reached=reached,
            stored=tuple(replace(each, table=each.table.without(changed)) for each in self.stored),
            fresh=grown(fresh, joined(pages)) if pages else fresh,
        )

    def compacted(self) -> "TenantSketches":
        """Without rows in memory that are for nobody."""
        fresh = tuple(joined([table]) for table in self.fresh)
        return replace(self, fresh=tuple(table for table in fresh if len(table.chunk_ids)))


def are_worth_storing(rows: int) -> bool:
    """True of more than a process should have to itself."""
    return rows >= STORED_ROWS


def stored_by(
    writer: FilesWriter, sketches: TenantSketches, parts: Sequence[StoredTable] = ()
) -> TenantSketches:
    """The same with nothing in memory, and in files nothing of what is for nobody.

    `parts` are tables of the writer's with rows besides. Each table has more than twice the rows
    of the next one, so that a row is written as often as the logarithm of the rows.
    """
    stored = [
        writer.add([each.table]) if is_mostly_gone(each.table) else each
        for each in sketches.stored
        if (each.table.audiences != NOBODY).any()
    ]
    newest = [*sketches.fresh, *(part.table for part in parts)]
    if newest:
        rows = sum(len(table.chunk_ids) for table in newest)
        count = tail_length([*(len(each.table.chunk_ids) for each in stored), rows]) - 1
        kept, joining = stored[: len(stored) - count], stored[len(stored) - count :]
        stored = [*kept, writer.add([*(each.table for each in joining), *newest])]
    return TenantSketches.of_files(
        writer.commit(
            space=sketches.space,
            reached=sketches.reached,
            tables=stored,
        )
    )


def purged_files(
    files: SketchFiles, tenant_id: TenantId, sketches: TenantSketches | None
) -> TenantSketches | None:
    """The same, once the files lack what is for nobody; there are none without `sketches`.

    Raises:
        IndexNotReady: Another process writes the files, or has written them.
        FilesRefused: They cannot be written.
    """
    with files.writing(tenant_id) as writer:
        if sketches is None or not sketches.stored:
            writer.clear()
            return sketches and replace(sketches, stamp=None)
        if writer.stamp != sketches.stamp:
            raise IndexNotReady
        if any(each.has_changed for each in sketches.stored):
            return stored_by(writer, sketches)
    return sketches
