"""The tables of a context, each with all of its rows that the context holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from app.answering.context import Context
from app.answering.verify.rows import Row, rows_of
from language.stems import content_stems


@dataclass(frozen=True, kw_only=True)
class PlacedRow:
    """A row with its source, its line there, and the title and sections above it."""

    source_id: str
    row: Row
    line: str
    names: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows in the context of all tables of a document version that have the same header.

    A workbook often has one table on several sheets.
    """

    rows: tuple[PlacedRow, ...]
    columns: tuple[str, ...]

    @cached_property
    def is_whole(self) -> bool:
        """True when none of its rows is missing."""
        row_count_by_table = {placed.row.table: placed.row.row_count for placed in self.rows}
        found = Counter(placed.row.table for placed in self.rows)
        return all(found[table] == count for table, count in row_count_by_table.items())

    @cached_property
    def varying_columns(self) -> frozenset[int]:
        """The indices of the columns in which not every row has the same value."""
        values: dict[int, set[str]] = {}
        for placed in self.rows:
            for cell in placed.row.cells:
                values.setdefault(cell.index, set()).add(cell.value)
        return frozenset(index for index, seen in values.items() if len(seen) > 1)

    @cached_property
    def column_stems(self) -> frozenset[str]:
        """The stems of all words of the header."""
        return frozenset(content_stems(" ".join(self.columns)))

    @cached_property
    def names(self) -> str:
        """Titles and sections above any of its rows."""
        return " ".join(dict.fromkeys(placed.names for placed in self.rows))

    @cached_property
    def shared_name_stems(self) -> frozenset[str]:
        """The stems of the words in the titles and sections above every one of its rows."""
        above = [frozenset(content_stems(names)) for names in {each.names for each in self.rows}]
        return frozenset.intersection(*above)


def tables_of(context: Context) -> list[Table]:
    """The tables of the context, that of the best source first."""
    found: dict[tuple[UUID, int, tuple[str, ...]], dict[tuple[int, int], PlacedRow]] = {}
    for source in sorted(context.sources, key=lambda each: -each.passage.score):
        passage = source.passage
        names = " ".join([passage.title or "", *passage.location["section"]])
        for row in rows_of(passage):
            key = (passage.document_id, passage.document_version, row.columns)
            placed = PlacedRow(
                source_id=source.id,
                row=row,
                line=passage.text[row.span.start : row.span.end],
                names=names,
            )
            found.setdefault(key, {}).setdefault((row.table, row.number), placed)
    return [
        Table(rows=tuple(rows[place] for place in sorted(rows)), columns=columns)
        for (_, _, columns), rows in found.items()
    ]


def table_with(source_id: str, row: Row, tables: Sequence[Table]) -> Table | None:
    """The table that has this row of the source."""
    for table in tables:
        if any(placed.row == row and placed.source_id == source_id for placed in table.rows):
            return table
    return None
