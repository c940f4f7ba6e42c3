"""Tables in plain text whose columns are kept apart by blanks and stand below each other."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

_MIN_ROWS: Final = 3
"""Fewer lines can be alike by chance; a rule below the first stands for one."""
_MIN_COLUMNS: Final = 2
_MAX_COLUMNS: Final = 60
"""A wider table is text and no more; time grows with the square of its width."""
_MOST: Final = 0.7
_TAB_WIDTH: Final = 8
_MAX_VALUE_CHARS: Final = 40
_WORDY: Final = 3
"""Words of a cell that says something of the name beside it."""
_CELL: Final = re.compile(r"\S++(?: \S++)*+")
_ITEM_MARK: Final = re.compile(r"[-*+\u2022\u2013]\s|\(?\w{1,3}[.)]$")
_RULE_SIGNS: Final = frozenset(" \t|+:=-")
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?!\d)")
_VALUE: Final = re.compile(
    r"[-+\u2212\u2013(<>~\u00b1]{0,3}\s?(?:[$\u20ac\u00a3\u00a5]|[A-Z]{3})?\s?\d|[-\u2013\u2014]$|n/?a$"
)


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Lines `start` to `end` are a table; `is_labelled`: the first row may name the columns."""

    start: int
    end: int
    rows: list[list[str]]
    is_labelled: bool


@dataclass(frozen=True, kw_only=True)
class _Cell:
    start: int
    end: int
    text: str


_Line = Sequence[_Cell]
_Extent = tuple[int, int]
"""The first place of a column's values, and the place after their last."""


def aligned_tables(lines: Sequence[str]) -> Iterator[Aligned]:
    """The tables among lines of which none is blank."""
    cells = [
        tuple(
            _Cell(start=match.start(), end=match.end(), text=match[0])
            for match in _CELL.finditer("" if is_rule(line) else line.expandtabs(_TAB_WIDTH))
        )
        for line in lines
    ]
    for first, end in _segments(cells):
        start = first + 2 if _is_underlined_title(cells[first:end]) else first
        found = _table(cells[start:end]) if start < end else None
        if found is not None:
            rows, is_labelled = found
            yield Aligned(start=start, end=end, rows=rows, is_labelled=is_labelled)


def is_rule(line: str) -> bool:
    """True for a line below a header or around a table: `|---|:--:|`, `+----+`, `====  ====`."""
    return _RULE_SIGNS.issuperset(line) and any(dash in line for dash in ("---", "===", ":-", "-:"))


def is_value(cell: str) -> bool:
    """True for a number with or without its unit, and for what stands where there is none."""
    return bool(_VALUE.match(cell)) and len(cell) <= _MAX_VALUE_CHARS


def has_column_of_values(rows: Sequence[Sequence[str]]) -> bool:
    """True when a column but the first has a name above and numbers below."""
    for column in range(1, min(map(len, rows))):
        name = rows[0][column]
        cells = [row[column] for row in rows[1:] if row[column]]
        is_named = bool(name) and (bool(_YEAR.match(name)) or not is_value(name))
        if is_named and cells and sum(map(is_value, cells)) >= _MOST * len(cells):
            return any(map(str.isdecimal, "".join(cells)))
    return False


def _segments(lines: Sequence[_Line]) -> Iterator[tuple[int, int]]:
    """Runs of lines that have several cells, go on with one, or name the rows that follow."""
    start: int | None = None
    end = 0
    for index, line in enumerate(lines):
        if _is_row(line):
            start = index if start is None else start
            end = index + 1
        elif start is not None and _goes_on(lines[end - 1], line):
            end = index + 1
        elif start is not None and not _may_stand_between(lines, index):
            yield start, end
            start = None
    if start is not None:
        yield start, end


def _is_row(line: _Line) -> bool:
    return _MIN_COLUMNS <= len(line) <= _MAX_COLUMNS and _ITEM_MARK.match(line[0].text) is None


def _is_underlined_title(lines: Sequence[_Line]) -> bool:
    """True for two parts of a title above a rule: they do not stand above columns."""
    if len(lines) < _MIN_ROWS or lines[1] or not lines[2]:
        return False
    return len(lines[0]) != len(lines[2]) or any(
        (above.start < below.end and below.start < above.end) != (column == other)
        for column, above in enumerate(lines[0])
        for other, below in enumerate(lines[2])
    )


def _goes_on(before: _Line, line: _Line) -> bool:
    """True for the rest of a cell: a line that begins where the last column of the row does."""
    return len(line) == 1 and len(before) > 0 and line[0].start >= before[-1].start > 0


def _may_stand_between(lines: Sequence[_Line], index: int) -> bool:
    """True for a rule, and for a line above further rows that names them."""
    line = lines[index]
    follows = index + 1 < len(lines) and _is_row(lines[index + 1])
    is_name = len(line) == 1 and follows and len(line[0].text) <= _MAX_VALUE_CHARS
    return not line or (is_name and line[0].text[-1:] not in ".:,;")


def _table(lines: Sequence[_Line]) -> tuple[list[list[str]], bool] | None:
    """The cells of the lines, and True when the first may name the columns; None for no table."""
    full = [line for line in lines if _is_row(line)]
    if not full:
        return None
    width = Counter(map(len, full)).most_common(1)[0][0]
    alike = [line for line in full if len(line) == width]
    has_rule = any(not line for line in lines[1:])
    if len(full) + has_rule < _MIN_ROWS or len(alike) < _MOST * len(full):
        return None
    # Names of columns stand above, not always within, the space that the values take.
    body = [line for line in alike if line is not lines[0]] or alike
    extents = [
        (min(line[column].start for line in body), max(line[column].end for line in body))
        for column in range(width)
    ]
    are_apart = all(left[1] < right[0] for left, right in pairwise(extents))
    if not are_apart or not all(_is_in_line(body, column) for column in range(width)):
        return None
    rows: list[list[str]] = []
    for line in filter(None, lines):
        is_plain = len(line) == width and not _stands_elsewhere(line, extents)
        placed = [cell.text for cell in line] if is_plain else _placed(line, extents)
        if placed is None:
            return None
        if rows and not placed[0] and len(line) == 1 and rows[-1][0]:
            rows[-1] = [" ".join(filter(None, both)) for both in zip(rows[-1], placed, strict=True)]
        else:
            rows.append(placed)
    return _judged(rows, body, has_rule=has_rule)


def _is_in_line(lines: Sequence[_Line], column: int) -> bool:
    """True when most cells of the column begin, or end, below each other."""
    starts = Counter(line[column].start for line in lines)
    ends = Counter(line[column].end for line in lines)
    most = max(starts.most_common(1)[0][1], ends.most_common(1)[0][1])
    return most >= _MOST * len(lines)


def _stands_elsewhere(line: _Line, extents: Sequence[_Extent]) -> bool:
    """True when a cell stands in the space of another column, and of its own in none."""
    return any(
        not _share(cell, extents[column])
        and any(_share(cell, each) for each in extents[max(column - 1, 0) : column + 2])
        for column, cell in enumerate(line)
    )


def _share(cell: _Cell, extent: _Extent) -> bool:
    return cell.start < extent[1] and cell.end > extent[0]


def _placed(line: _Line, extents: Sequence[_Extent]) -> list[str] | None:
    """The cells of a line with fewer or more of them, each in the column that it stands in."""
    placed = [""] * len(extents)
    for cell in line:
        rest = cell
        columns = [c for c, (a, b) in enumerate(extents) if cell.start < b and cell.end > a]
        for column in columns[1:]:
            # Only one blank before the next column: the value was too long for its own.
            cut = extents[column][0] - rest.start
            if rest.text[cut - 1 : cut] == " ":
                placed[columns[0]] = rest.text[: cut - 1]
                rest = _Cell(start=rest.start + cut, end=rest.end, text=rest.text[cut:])
                columns = columns[1:]
        nearest = columns or [
            min(range(len(extents)), key=lambda c: abs(extents[c][0] - cell.start))
        ]
        if placed[nearest[0]]:
            return None
        placed[nearest[0]] = rest.text
    return placed


def _judged(
    rows: list[list[str]], body: Sequence[_Line], *, has_rule: bool
) -> tuple[list[list[str]], bool] | None:
    """The rows, if they are certainly a table."""
    is_labelled = has_rule or not _has_values_in_first_row(rows)
    if len(rows[0]) > _MIN_COLUMNS or has_rule or has_column_of_values(rows):
        return rows, is_labelled
    seconds = [row[1] for row in rows]
    is_said = median(len(cell.split()) for cell in seconds) >= _WORDY
    has_values = sum(any(map(str.isdecimal, cell)) for cell in seconds) >= _MOST * len(seconds)
    is_straight = len({line[1].start for line in body}) == 1
    is_sure = is_straight and len(rows) >= _MIN_ROWS and (is_said or has_values)
    return (rows, False) if is_sure else None


def _has_values_in_first_row(rows: Sequence[Sequence[str]]) -> bool:
    """True when the first row has digits where the rows below it have them: it names nothing."""
    for column, cell in enumerate(rows[0]):
        below = [row[column] for row in rows[1:] if row[column]]
        share = sum(any(map(str.isdecimal, each)) for each in below)
        has_digit = any(map(str.isdecimal, cell)) and not _YEAR.match(cell)
        if has_digit and below and share >= _MOST * len(below):
            return True
    return False
