"""Turns table rows into lines that can be read, found and quoted one by one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from ingest.normalise import normalise
from ingest.parse.document import Draft, Table, TableRow
from ingest.parse.row_names import key_columns

Rows = Sequence[Sequence[str]]

_NUMBER: Final = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,' ]*%?\)?")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MEASURE: Final = re.compile(r"[-+\u2212\u00b1(]{0,2}\s?[$€£¥]?\s?\d")
_MIDNIGHT: Final = re.compile(r"(?<=\d{4}-\d\d-\d\d) 00:00:00$")
"""kreuzberg writes a date cell as a point in time."""
_MAX_COLUMNS: Final = 60
_MAX_HEADER_CHARS: Final = 2_000
"""Every chunk keeps the names of the columns; a wider table is text and no more."""
_HEADER_ROWS: Final = 2


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Rows without a blank one between them; those before `body` are captions and header."""

    start: int
    rows: list[list[str]]
    captions: int
    body: int
    labels: list[str]


def table_drafts(rows: Rows, *, is_labelled: bool, first_row: int | None = None) -> Iterator[Draft]:
    """The table row by row as `Header A: value | Header B: value`, without its empty cells.

    A line of one cell above a table is its caption. Blank rows separate tables; one whose first row
    holds numbers goes on with the names of the one above. Without names it is `value | value`.
    A header of two rows names a column by both: `Revenue 2025`.

    Args:
        rows: the cells, as text.
        is_labelled: False when the first row is known to be data.
        first_row: the number of `rows[0]` in its sheet or file; None leaves rows unnumbered.
    """
    table: list[_Part] = []
    for part in _parts(rows, is_labelled=is_labelled):
        goes_on = table and part.labels and part.labels is table[-1].labels
        if table and not goes_on:
            yield from _drafts(table, first_row)
            table = []
        table.append(part)
    yield from _drafts(table, first_row)


def _parts(rows: Rows, *, is_labelled: bool) -> Iterator[_Part]:
    """The runs of rows, each with its own labels or with those of the part above."""
    labels: list[str] = []
    for start, part in _runs(rows):
        captions = _caption_count(part)
        header = 0
        if is_labelled and _names_columns(part[captions:]):
            header = _HEADER_ROWS if _is_header_in_two_rows(part[captions:]) else 1
        if header:
            labels = _labels(part[captions : captions + header])
        yield _Part(
            start=start, rows=part, captions=captions, body=captions + header, labels=labels
        )


def _runs(rows: Rows) -> Iterator[tuple[int, list[list[str]]]]:
    """The runs of rows that are not blank, with the index of their first row."""
    run: list[list[str]] = []
    for index, row in enumerate(rows):
        cells: list[str] = []
        for cell in row:
            text = cell if cell.isascii() and cell.isprintable() else normalise(cell)
            cells.append(_MIDNIGHT.sub("", " ".join(text.split())))
        if any(cells):
            run.append(cells)
        elif run:
            yield index - len(run), run
            run = []
    if run:
        yield len(rows) - len(run), run


def _caption_count(rows: list[list[str]]) -> int:
    """The number of rows of a single cell above the first fuller row; 0 when there is none."""
    fuller = (index for index, cells in enumerate(rows) if sum(map(bool, cells)) > 1)
    return next(fuller, 0)


def _names_columns(rows: list[list[str]]) -> bool:
    """True when the first of several rows has several cells and is not one of values."""
    labels = [cell for cell in rows[0] if cell]
    if len(rows) == 1 or len(labels) == 1 or any(map(_is_number, labels)):
        return False
    # "Supply | 9 to 30 V" above "Weight | 1.9 kg" is no header; "0-30 days" above "120" is one.
    is_pair = len(rows[0]) == _HEADER_ROWS and len(labels) == _HEADER_ROWS
    values = [row[1] for row in rows[1:] if len(row) > 1 and row[1]]
    is_measured = is_pair and bool(_MEASURE.match(labels[1])) and not _YEAR.match(labels[1])
    return not (is_measured and any(map(_MEASURE.match, values)))


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and not _YEAR.fullmatch(cell)


def _is_header_in_two_rows(rows: list[list[str]]) -> bool:
    """True when a name in the first row spans several columns, and the second row names those."""
    first, second = rows[0], rows[1]
    if len(rows) <= _HEADER_ROWS or any(map(_is_number, second)):
        return False
    spans = _spanned(first)
    below = [second[column] if column < len(second) else "" for column in spans]
    if not spans or not all(below) or len(set(below)) < min(len(below), _HEADER_ROWS):
        return False
    # What names columns stands above numbers; what is above words may be a row of its own.
    body = rows[_HEADER_ROWS:]
    return all(any(len(row) > c and _MEASURE.match(row[c]) for row in body) for c in spans)


def _spanned(first: list[str]) -> list[int]:
    """The columns that a name in the first row goes on over: empty, or saying it again."""
    spans: set[int] = set()
    for column in range(1, len(first)):
        before = first[column - 1]
        if (not first[column] and (before or column - 1 in spans)) or (
            before and first[column] == before
        ):
            spans |= {column - 1, column} if before else {column}
    return sorted(spans)


def _labels(header: list[list[str]]) -> list[str]:
    """The names of the columns; of two rows, the name above and the one below it."""
    if len(header) == 1:
        return header[0]
    first, second = header
    spanned = set(_spanned(first))
    labels: list[str] = []
    above = ""
    for column, (upper, lower) in enumerate(zip_longest(first, second, fillvalue="")):
        above = upper or (above if column in spanned else "")
        labels.append(" ".join(dict.fromkeys(filter(None, (above, lower)))))
    return labels


def _drafts(parts: Sequence[_Part], first_row: int | None) -> Iterator[Draft]:
    """The rows of one table, which may be in several parts."""
    bodies = [row for part in parts for row in part.rows[part.body :] if sum(map(bool, row)) > 1]
    table = _table(parts[0].labels, bodies) if parts else None
    count = 0
    for part in parts:
        for index, cells in enumerate(part.rows):
            number = None if first_row is None else first_row + part.start + index
            if index < part.captions:
                yield Draft(kind="paragraph", text=" ".join(cells).strip(), row=number)
            elif index >= part.body:
                line, places = _line(cells, part.labels)
                is_row = table is not None and sum(map(bool, cells)) > 1
                count += is_row
                yield Draft(
                    kind="table_row",
                    text=line,
                    row=number,
                    table_row=TableRow(table=table, number=count, cells=places)
                    if table is not None and is_row
                    else None,
                )
            elif _has_empty_column(part):
                yield Draft(kind="table_row", text=_line(cells, [])[0], row=number)


def _table(labels: list[str], bodies: list[list[str]]) -> Table | None:
    """The table of these rows; None where it is empty or too wide for chunks to keep its names."""
    width = max(map(len, bodies), default=0)
    columns = tuple(labels[:width]) + ("",) * (width - len(labels))
    if not bodies or width > _MAX_COLUMNS or sum(map(len, columns)) > _MAX_HEADER_CHARS:
        return None
    return Table(columns=columns, key=key_columns(bodies), row_count=len(bodies))


def _has_empty_column(part: _Part) -> bool:
    """True when a column is named but empty, so that its name would be in no line."""
    return any(
        label and not any(len(row) > column and row[column] for row in part.rows[part.body :])
        for column, label in enumerate(part.labels)
    )


def _line(cells: list[str], labels: list[str]) -> tuple[str, tuple[int, ...]]:
    """The line of a row, and the column, start and end of each value in it."""
    if cells[0] and not any(cells[1:]):
        # A remark or a subtitle, not a value of the first column.
        return cells[0], (0, 0, len(cells[0]))
    line = ""
    places: list[int] = []
    for column, cell in enumerate(cells):
        if cell:
            label = labels[column] if column < len(labels) else ""
            line += (" | " if line else "") + (f"{label}: " if label else "")
            places += (column, len(line), len(line) + len(cell))
            line += cell
    return line, tuple(places)
