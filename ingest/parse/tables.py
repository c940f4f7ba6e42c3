"""Turns table rows into lines that can be read, found and quoted one by one."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from ingest.parse.document import Draft

Rows = Sequence[Sequence[str]]

_NUMBER: Final = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,' ]*%?\)?")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MIDNIGHT: Final = re.compile(r"(?<=\d{4}-\d\d-\d\d) 00:00:00$")
"""kreuzberg writes a date cell as a point in time."""


def table_drafts(rows: Rows, *, is_labelled: bool, first_row: int | None = None) -> Iterator[Draft]:
    """The table row by row as `Header A: value | Header B: value`, without its empty cells.

    A line of one cell above a table is its caption. Blank rows separate tables; one whose first row
    holds numbers goes on with the names of the one above. Without names it is `value | value`.

    Args:
        rows: the cells, as text.
        is_labelled: False when the first row is known to be data.
        first_row: the number of `rows[0]` in its sheet or file; None leaves rows unnumbered.
    """
    labels: list[str] = []
    for start, table in _tables(rows):
        captions = _caption_count(table)
        body = table[captions:]
        has_header = is_labelled and _names_columns(body)
        if has_header:
            labels = body[0]
        for index, cells in enumerate(table):
            number = None if first_row is None else first_row + start + index
            if index < captions:
                yield Draft(kind="paragraph", text=" ".join(cells).strip(), row=number)
            elif index > captions or not has_header:
                yield Draft(kind="table_row", text=_line(cells, labels), row=number)
            elif _has_empty_column(body):
                yield Draft(kind="table_row", text=_line(cells, []), row=number)


def _tables(rows: Rows) -> Iterator[tuple[int, list[list[str]]]]:
    """The runs of rows that are not blank, with the index of their first row."""
    table: list[list[str]] = []
    for index, row in enumerate(rows):
        cells = [_clean(cell) for cell in row]
        if any(cells):
            table.append(cells)
        elif table:
            yield index - len(table), table
            table = []
    if table:
        yield len(rows) - len(table), table


def _caption_count(table: list[list[str]]) -> int:
    """How many rows of a single cell stand above the first fuller row; 0 when there is none."""
    for index, cells in enumerate(table):
        if sum(map(bool, cells)) > 1:
            return index
    return 0


def _names_columns(table: list[list[str]]) -> bool:
    """True when the first of several rows has several cells, and no number in them but years."""
    labels = [cell for cell in table[0] if cell]
    if len(table) == 1 or len(labels) == 1:
        return False
    return not any(_NUMBER.fullmatch(label) and not _YEAR.fullmatch(label) for label in labels)


def _has_empty_column(table: list[list[str]]) -> bool:
    """True when a column is named but empty, so that its name would be in no line."""
    return any(
        label and not any(len(row) > column and row[column] for row in table[1:])
        for column, label in enumerate(table[0])
    )


def _line(cells: list[str], labels: list[str]) -> str:
    if cells[0] and not any(cells[1:]):
        # A remark or a subtitle, not a value of the first column.
        return cells[0]
    return " | ".join(
        f"{label}: {cell}" if label else cell
        for label, cell in zip_longest(labels, cells, fillvalue="")
        if cell
    )


def _clean(cell: str) -> str:
    return _MIDNIGHT.sub("", " ".join(cell.split()))
