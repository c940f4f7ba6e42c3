"""Writes table rows in fixed forms of their own words, and recognises these forms in claims."""

import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import Final

from app.answering.verify.rows import Cell, Row, is_bare_number, with_unit
from language.remembered import remembered
from language.text import fold, word_set
from language.units import in_unit

MAX_NAMED_ROWS: Final = 20
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


def row_sentence(row: Row, columns: Collection[str] | None = None) -> str:
    """The row as a phrase of its own words: `Antenna cover (SP-4217): price EUR 87.25; stock 112`.

    The columns that name the row come first. `columns` are the names of the others that it has,
    with or without their unit; None stands for all that have a value.
    """
    wanted = None if columns is None else {fold(name).text for name in columns}
    return _phrase(
        row,
        [
            cell
            for cell in row.cells
            if cell not in row.key and (wanted is None or not wanted.isdisjoint(_names(row, cell)))
        ],
    )


def count_sentence(rows: Sequence[Row]) -> str:
    """The number of rows and their names: `2: Antenna cover (SP-4217); Door seal`."""
    if not rows:
        return "0"
    names = [_name(row) or row_sentence(row) for row in rows[:MAX_NAMED_ROWS]]
    if len(rows) > MAX_NAMED_ROWS:
        names.append(f"and {len(rows) - MAX_NAMED_ROWS} more")
    return f"{len(rows)}: {'; '.join(names)}"


def sum_sentence(rows: Sequence[Row], column: str) -> str:
    """The sum of a column and what it is made of; "" where a value is no single number.

    `Sum of price: EUR 99.60 (Antenna cover (SP-4217): EUR 87.25; Door seal: EUR 12.35)`
    """
    wanted = fold(column).text
    cells = [
        next((each for each in row.cells if wanted in _names(row, each)), None) for row in rows
    ]
    summands = [cell for cell in cells if cell is not None]
    if not summands or len(summands) < len(rows) or len({cell.unit for cell in summands}) > 1:
        return ""

    # All values have to be numbers with one decimal mark; of `1.234` alone the language decides.
    values = [cell.value for cell in summands]
    marks = ".," if (rows[0].language or "en").startswith("en") else ",."
    patterns = {mark: _NUMBER_BY_DECIMAL_MARK[mark] for mark in marks}
    decimal_mark = next((m for m in marks if all(map(patterns[m].fullmatch, values))), None)
    if decimal_mark is None:
        return ""
    other_mark = "," if decimal_mark == "." else "."
    total = Decimal(0)
    for value in values:
        digits = _GROUP_MARK.sub("", value.replace(other_mark, ""))
        total += Decimal(digits.replace(decimal_mark, ".").replace("\u2212", "-"))

    # The sum has their decimal mark, and the first mark between thousands among them.
    found = (other_mark if other_mark in v else _GROUP_MARK.search(v) for v in values)
    group_mark = next((mark if isinstance(mark, str) else mark[0] for mark in found if mark), "")
    mark_by_english_mark = {",": group_mark, ".": decimal_mark}
    shown = "".join(mark_by_english_mark.get(each, each) for each in f"{total:,f}")
    unit = summands[0].unit
    parts = [f"{_name(row)}: {with_unit(cell)}" for row, cell in zip(rows, summands, strict=True)]
    if len(rows) > MAX_NAMED_ROWS:
        parts[MAX_NAMED_ROWS:] = [f"and {len(rows) - MAX_NAMED_ROWS} more"]
    placed = in_unit(shown, unit) if unit else shown
    return f"Sum of {_column_name(rows[0], summands[0])}: {placed} ({'; '.join(parts)})"


def fixed_form(text: str, rows: Sequence[Row], *, is_computed: bool = False) -> str | None:
    """The fixed form of exactly these rows, whole or of some of their cells, that `text` is.

    None when it is none. A count or a sum is one only where `is_computed`. Case, space, kinds of
    quotes and dashes, markers such as [1] and a last full stop do not count; what comes back is as
    `row_sentence` and the others write it.
    """
    if not rows or len(text) > _MAX_TEXT_CHARS:
        return None
    lines = [line for line in map(_normal, text.splitlines()) if line]
    if len(lines) == len(rows):
        found = [_form_of_line(line, row) for line, row in zip(lines, rows, strict=True)]
        forms = [line for line in found if line is not None]
        if len(forms) == len(rows):
            return "\n".join(forms)
    if not is_computed:
        return None
    names = dict.fromkeys(cell.column for cell in rows[0].cells)
    forms = [count_sentence(rows), *(sum_sentence(rows, name) for name in names)]
    joined = " ".join(lines)
    return next((form for form in forms if form and joined == _normal(form)), None)


def _form_of_line(line: str, row: Row) -> str | None:
    """The name of the row and those of its cells, in order, that the line states; else None."""
    name = _name(row)
    if line == _normal(name):
        return name
    values = [cell for cell in row.cells if cell not in row.key]
    for cell in values:
        form = _phrase(row, [cell])
        if line == _normal(form):
            return form
    start = _folded(f"{name}:" if row.key else "")
    if not line.startswith(start):
        return None
    rest, stated = line.removeprefix(start).lstrip(), list[Cell]()
    for cell in values:
        part = _folded(_cell_phrase(row, cell))
        if rest == part.rstrip(" ."):
            return _phrase(row, [*stated, cell])
        if rest.startswith(f"{part};"):
            rest = rest[len(part) + 1 :].lstrip()
            stated.append(cell)
    return None


def _phrase(row: Row, cells: Sequence[Cell]) -> str:
    """The name of the row and these of its cells."""
    name, parts = _name(row), [_cell_phrase(row, cell) for cell in cells]
    if not name or not parts:
        return name or "; ".join(parts)
    if len(parts) == 1 and parts[0] != with_unit(cells[0]) and _needs_colon(cells[0]):
        # One colon is enough: `HL-1187, symptom: Readings of the last hour lost`.
        return f"{name}, {parts[0]}"
    return f"{name}: {'; '.join(parts)}"


def _name(row: Row) -> str:
    """The names of the row, before its codes."""
    if len(row.key) == 1 and row.key[0].column and is_bare_number(row.key[0].value):
        return f"{row.key[0].column} {with_unit(row.key[0])}"
    names: list[str] = []
    codes: list[str] = []
    for cell in row.key:
        is_code = " " not in cell.value and any(map(str.isdecimal, cell.value))
        (codes if is_code else names).append(with_unit(cell))
    if not names:
        return ", ".join(codes)
    return ", ".join(names) + (f" ({', '.join(codes)})" if codes else "")


def _cell_phrase(row: Row, cell: Cell) -> str:
    """The value behind its column: `price EUR 87.25`; alone where the column says no more."""
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
    """The folded names of the cell's column, with and without its unit."""
    yield fold(cell.column).text
    if cell.index < len(row.columns):
        yield fold(row.columns[cell.index]).text


@remembered(1024)
def _normal(text: str) -> str:
    """The form in which texts are compared: folded, without markers and a last full stop."""
    return _folded(_MARKER.sub("", text)).rstrip(" .")


def _folded(text: str) -> str:
    return " ".join(fold(text).text.split())
