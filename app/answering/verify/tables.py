"""Tells table rows in fixed forms of their own words, and recognises these forms in claims."""

import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

from app.answering.verify.rows import Cell, Row, is_bare_number, with_unit
from language.text import fold, word_set
from language.units import in_unit

MAX_TOLD: Final = 20
"""Rows that a count or a sum names; of more it says how many there are."""
_MAX_TEXT_CHARS: Final = 20_000
_VALUE_HEADERS: Final = word_set(
    "value values setting content data detail details description answer text "
    "wert werte angabe beschreibung valeur valeurs valor valores"
)
"""Names of a column that say no more than that it holds the values."""
_CALENDAR_WORDS: Final = word_set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december"
)
_SHORT_TEXT_WORDS: Final = 3
_GROUP_MARK: Final = re.compile("[ \u00a0\u202f\u2009'\u2019]")
_NUMBER_BY_DECIMAL_MARK: Final = {
    # At most 15 and 9 digits: a sum of them is exact.
    mark: re.compile(
        rf"[-+\u2212]?(?:[1-9]\d{{0,2}}(?:(?:{group}\d{{3}}){{1,4}}"
        rf"|(?:{_GROUP_MARK.pattern}\d{{3}}){{1,4}})|\d{{1,15}})(?:{re.escape(mark)}\d{{1,9}})?"
    )
    for mark, group in ((".", ","), (",", r"\."))
}
_MARKER: Final = re.compile(r"\s?\[\d{1,3}\](?=[\s.,;]|$)")


def tell_row(row: Row, columns: Collection[str] | None = None) -> str:
    """The row as a phrase of its own words: `Antenna cover (SP-4217): price EUR 87.25; stock 112`.

    The columns that name the row come first. `columns` are the names of those to tell besides,
    with or without their unit; None tells all that have a value.
    """
    wanted = None if columns is None else {fold(name).text for name in columns}
    cells = [
        cell
        for cell in row.cells
        if cell not in row.key and (wanted is None or not wanted.isdisjoint(_names(row, cell)))
    ]
    return _joined(_head(row), [_told(row, cell) for cell in cells], cells)


def tell_rows(rows: Sequence[Row]) -> str:
    """Each row as `tell_row` tells it, one to a line."""
    return "\n".join(map(tell_row, rows))


def tell_count(rows: Sequence[Row]) -> str:
    """The number of rows and their names: `2: Antenna cover (SP-4217); Door seal`."""
    named = [_head(row) or tell_row(row) for row in rows[:MAX_TOLD]]
    return f"{len(rows)}: {'; '.join(named)}{_and_more(rows)}" if rows else "0"


def tell_sum(rows: Sequence[Row], column: str) -> str:
    """The sum of a column and what it is made of; "" where a value is no single number.

    `Sum of price: EUR 99.60 (Antenna cover (SP-4217): EUR 87.25; Door seal: EUR 12.35)`
    """
    total = sum_of(rows, column)
    if total is None:
        return ""
    cells = [cell for row in rows if (cell := _cell_of(row, column))]
    parts = [f"{_head(row)}: {with_unit(cell)}" for row, cell in zip(rows, cells, strict=True)]
    name = _column_name(rows[0], cells[0])
    unit = cells[0].unit
    shown = _shown_as(total, [cell.value for cell in cells], rows[0].language)
    placed = in_unit(shown, unit) if unit else shown
    made_of = f"{'; '.join(parts[:MAX_TOLD])}{_and_more(rows)}"
    return f"Sum of {name}: {placed} ({made_of})"


def sum_of(rows: Sequence[Row], column: str) -> Decimal | None:
    """The sum of a column's bare numbers; None where a row has none, or they differ in unit."""
    cells = [cell for row in rows if (cell := _cell_of(row, column))]
    if not cells or len(cells) < len(rows) or len({cell.unit for cell in cells}) > 1:
        return None
    written = _written_in([cell.value for cell in cells], rows[0].language)
    if written is None:
        return None
    total = Decimal(0)
    for cell in cells:
        digits = _GROUP_MARK.sub("", cell.value.replace("," if written == "." else ".", ""))
        total += Decimal(digits.replace(written, ".").replace("\u2212", "-"))
    return total


def _written_in(values: Sequence[str], language: str | None) -> str | None:
    """The decimal mark with which all values of a column are numbers; None where none fits.

    `1.234` alone may be either: then the language decides.
    """
    is_english = (language or "en").startswith("en")
    for mark in ".," if is_english else ",.":
        if all(map(_NUMBER_BY_DECIMAL_MARK[mark].fullmatch, values)):
            return mark
    return None


def _shown_as(total: Decimal, values: Sequence[str], language: str | None) -> str:
    """The number as the values are written: their decimal mark, their mark between thousands."""
    decimal_mark = _written_in(values, language) or "."
    other = "," if decimal_mark == "." else "."
    marks = (other if other in value else _GROUP_MARK.search(value) for value in values)
    group_mark = next((mark if isinstance(mark, str) else mark[0] for mark in marks if mark), "")
    names = {",": group_mark, ".": decimal_mark}
    return "".join(names.get(each, each) for each in f"{total:,f}")


def told_form(text: str, rows: Sequence[Row], *, is_computed: bool = False) -> str | None:
    """The fixed form of exactly these rows, whole or of some of their cells, that `text` is.

    None when it is none. A count or a sum is one only where `is_computed`. Case, space, kinds of
    quotes and dashes, markers such as [1] and a last full stop do not count; what comes back is as
    `tell_row` and the others tell it.
    """
    if not rows or len(text) > _MAX_TEXT_CHARS:
        return None
    lines = [line for line in map(_normal, text.splitlines()) if line]
    if len(lines) == len(rows):
        told = [_told_line(line, row) for line, row in zip(lines, rows, strict=True)]
        whole = [line for line in told if line is not None]
        if len(whole) == len(rows):
            return "\n".join(whole)
    if not is_computed:
        return None
    names = dict.fromkeys(cell.column for cell in rows[0].cells)
    forms = [tell_count(rows), *(tell_sum(rows, name) for name in names)]
    joined = " ".join(lines)
    return next((form for form in forms if form and joined == _normal(form)), None)


def _told_line(line: str, row: Row) -> str | None:
    """The head of the row and those of its cells, in order, that the line tells; else None."""
    head = _head(row)
    if line == _normal(head):
        return head
    values = [cell for cell in row.cells if cell not in row.key]
    for cell in values:
        form = _joined(head, [_told(row, cell)], [cell])
        if line == _normal(form):
            return form
    start = _folded(f"{head}:" if row.key else "")
    if not line.startswith(start):
        return None
    rest, told = line.removeprefix(start).lstrip(), list[Cell]()
    for cell in values:
        part = _folded(_told(row, cell))
        if rest == part.rstrip(" ."):
            cells = [*told, cell]
            return _joined(head, [_told(row, each) for each in cells], cells)
        if rest.startswith(f"{part};"):
            rest = rest[len(part) + 1 :].lstrip()
            told.append(cell)
    return None


def _joined(head: str, parts: Sequence[str], cells: Sequence[Cell]) -> str:
    if not head or not parts:
        return head or "; ".join(parts)
    if len(parts) == 1 and parts[0] != with_unit(cells[0]) and _needs_colon(cells[0]):
        # One colon is enough: `HL-1187, symptom: Readings of the last hour lost`.
        return f"{head}, {parts[0]}"
    return f"{head}: {'; '.join(parts)}"


def _head(row: Row) -> str:
    """The names of the row, before its codes."""
    if len(row.key) == 1 and row.key[0].column and is_bare_number(row.key[0].value):
        return f"{row.key[0].column} {with_unit(row.key[0])}"
    names = [with_unit(cell) for cell in row.key if not _is_code(cell.value)]
    codes = [with_unit(cell) for cell in row.key if _is_code(cell.value)]
    if not names:
        return ", ".join(codes)
    return ", ".join(names) + (f" ({', '.join(codes)})" if codes else "")


def _is_code(value: str) -> bool:
    return " " not in value and any(map(str.isdecimal, value))


def _told(row: Row, cell: Cell) -> str:
    column = _column_name(row, cell)
    value = with_unit(cell)
    is_only_value = len(row.columns) == len(row.key) + 1
    if not column or (is_only_value and column.lower() in _VALUE_HEADERS):
        return value
    return f"{column}: {value}" if _needs_colon(cell) else f"{column} {value}"


def _needs_colon(cell: Cell) -> bool:
    """True before words and between two numbers, where nothing else shows where the name ends."""
    is_number_after_number = cell.column[-1:].isdecimal() and cell.value[:1].isdecimal()
    return is_number_after_number or len(cell.value.split()) > _SHORT_TEXT_WORDS


def _column_name(row: Row, cell: Cell) -> str:
    """As in the middle of a sentence; German writes its nouns with a capital there too."""
    first = cell.column.split(" ", 1)[0]
    is_word = first.isalpha() and first[1:].islower() and first.lower() not in _CALENDAR_WORDS
    if not is_word or (row.language or "").startswith("de"):
        return cell.column
    return first.lower() + cell.column[len(first) :]


def _names(row: Row, cell: Cell) -> Iterator[str]:
    yield fold(cell.column).text
    if cell.index < len(row.columns):
        yield fold(row.columns[cell.index]).text


def _cell_of(row: Row, column: str) -> Cell | None:
    wanted = fold(column).text
    return next((cell for cell in row.cells if wanted in _names(row, cell)), None)


def _and_more(rows: Sequence[Row]) -> str:
    return f"; and {len(rows) - MAX_TOLD} more" if len(rows) > MAX_TOLD else ""


@lru_cache(maxsize=1024)
def _normal(text: str) -> str:
    return _folded(_MARKER.sub("", text)).rstrip(" .")


def _folded(text: str) -> str:
    return " ".join(fold(text).text.split())
