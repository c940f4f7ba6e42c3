"""Finds the columns of a table that name its rows."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Final

from language.text import word_set

_VALUE: Final = re.compile(r"[-+\u2212\u2013\u00b1(<>=~]{0,3}\s?[$\u20ac\u00a3\u00a5]?\s?\d")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MOSTLY: Final = 0.8
_MAX_NAME_WORDS: Final = 6
_MAX_COLUMNS: Final = 3
_PAIR: Final = 2
_ROWS_LOOKED_AT: Final = 1_000
"""As good a sample as all: columns that repeat do so early."""
_TOTALS: Final = word_set(
    "total totals subtotal sum average mean gesamt summe zwischensumme somme total: sum: summe:"
)


def key_columns(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The columns that name a row: its name, its code, both, or the first that do it together."""
    sample = [row for row in rows[:_ROWS_LOOKED_AT] if not is_total(row)] or list(rows[:1])
    width = max(map(len, sample))
    columns = [
        [row[column] if column < len(row) else "" for row in sample]
        for column in range(min(width, _MAX_COLUMNS))
    ]
    first, second = columns[0], columns[1] if len(columns) > 1 else []
    if _are_distinct(first):
        return (0, 1) if width > _PAIR and _are_name_and_code(first, second) else (0,)
    if _are_distinct(second) and _are_names(second) and width > _PAIR:
        return (1,)
    for size in range(_PAIR, min(width, len(columns) + 1)):
        together = list(zip(*columns[:size], strict=True))
        if len(set(together)) == len(together) and not any(map(_is_measured, columns[1:size])):
            return tuple(range(size))
    return (0,)


def is_total(row: Sequence[str]) -> bool:
    """True for a row that sums up the others."""
    name = next(filter(None, row), "")
    return name.split(" ", 1)[0].lower() in _TOTALS


def _are_distinct(cells: Sequence[str]) -> bool:
    return bool(cells) and all(cells) and len(set(cells)) == len(cells)


def _are_name_and_code(first: Sequence[str], second: Sequence[str]) -> bool:
    if _are_codes(first) == _are_codes(second):
        return False
    names = second if _are_codes(first) else first
    filled = [cell for cell in second if cell]
    is_telling = len(filled) == len(second) and len(set(filled)) >= _MOSTLY * len(filled)
    return _are_names(names) and is_telling


def _are_names(cells: Sequence[str]) -> bool:
    words = [len(cell.split()) for cell in cells if cell]
    return not _is_measured(cells) and bool(words) and median(words) <= _MAX_NAME_WORDS


def _are_codes(cells: Sequence[str]) -> bool:
    """True for part numbers and the like, and for a running number."""
    if [str(number) for number in range(1, len(cells) + 1)] == list(cells):
        return True
    return all(
        any(map(str.isdecimal, cell))
        and " " not in cell
        and not cell.replace(".", "").replace(",", "").isdecimal()
        for cell in cells
    )


def _is_measured(cells: Sequence[str]) -> bool:
    """True when most cells are numbers, measures or dates, and not years."""
    values = [cell for cell in cells if _VALUE.match(cell) and not _YEAR.fullmatch(cell)]
    return len(values) * 2 > len(cells)
