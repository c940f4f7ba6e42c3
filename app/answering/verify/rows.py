"""The rows of tables in a passage, as its location keeps them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kb.passages import Passage
from language.text import Span, word_set
from language.units import in_unit, split_header

_WORD_IN_NUMBER: Final = re.compile(r"(?<=\d) (?:to|and|or|bis|und|et|\u00e0) (?=[\d+-])")
_NO_NUMBER: Final = re.compile(r"[^\d\s.,'+\-\u2212\u2013\u00b1()<>=~/]")

_TOTALS: Final = word_set(
    "total totals subtotal sum average mean gesamt gesamtsumme summe zwischensumme somme"
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value of a row: `text[span.start:span.end]` of its passage.

    `column` is the header's words without the unit, "" when there are none; `unit` is the header's
    for a bare number, else "". `index` counts the columns from 0.
    """

    column: str
    value: str
    unit: str
    span: Span
    index: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table; `key` are those of its cells that name it, `span` its line in the passage.

    `table` is the ordinal of the table in its document version and `number` that of the row below
    the header, both from 1; `row_count` is how many rows the table has in its document.
    `columns` are the whole header, also of cells that are empty here.
    """

    table: int
    number: int
    cells: tuple[Cell, ...]
    key: tuple[Cell, ...]
    span: Span
    row_count: int = 0
    columns: tuple[str, ...] = ()
    language: str | None = None

    @property
    def is_total(self) -> bool:
        """True for a row that sums up the others and is none of them."""
        first = self.cells[0].value.split(" ", 1)[0] if self.cells else ""
        return first.rstrip(":").casefold() in _TOTALS


def rows_of(passage: Passage) -> Sequence[Row]:
    """The rows whose names are in the passage, in order; none where it knows no table."""
    found: list[Row] = []
    for rows in passage.location.get("tables", ()):
        columns = rows["columns"]
        for number, start, end, *places in rows["rows"]:
            if end > len(passage.text):
                continue
            cells = tuple(
                _cell(columns[column], passage.text, (column, first, last))
                for column, first, last in zip(*(iter(places),) * 3, strict=True)
            )
            row = Row(
                table=rows["table"],
                number=number,
                cells=cells,
                key=tuple(cell for cell in cells if cell.index in rows["key"]),
                span=Span(start, end),
                row_count=rows["row_count"],
                columns=tuple(columns),
                language=passage.language,
            )
            found.append(row)
    return found


def _cell(header: str, text: str, place: tuple[int, int, int]) -> Cell:
    index, start, end = place
    value = text[start:end]
    name, unit = split_header(header)
    is_bare = is_bare_number(value)
    is_unit_apart = is_bare or header.endswith((")", "]"))
    return Cell(
        column=name if is_unit_apart else header,
        value=value,
        unit=unit if is_bare else "",
        span=Span(start, end),
        index=index,
    )


def with_unit(cell: Cell) -> str:
    """The value with its unit: `EUR 87.25`."""
    return in_unit(cell.value, cell.unit) if cell.unit else cell.value


def is_bare_number(value: str) -> bool:
    """True for a number, or a range of numbers, with nothing that says of what."""
    has_digit = any(map(str.isdecimal, value))
    return has_digit and not _NO_NUMBER.search(_WORD_IN_NUMBER.sub("-", value))
