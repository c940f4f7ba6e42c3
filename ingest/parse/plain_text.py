"""Reads plain text: paragraphs, and the tables that people draw with characters.

A table is taken for one only where that is certain: lines of prose or code that merely hold `|`,
tabs or gaps stay as they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ingest.parse.document import Draft
from ingest.parse.outline import paragraphs
from ingest.parse.tables import table_drafts

_MAX_LINE_CHARS: Final = 10_000
_MIN_ROWS: Final = 3
"""Without a rule below its header or lines around it, a table has a header and two rows."""
_MIN_COLUMNS: Final = 2
_MOST: Final = 0.7
_FENCE: Final = re.compile(r"\s{0,3}(?:```|~~~)")
_RULE_SIGNS: Final = frozenset(" \t|+:=-")
_WORDS: Final = re.compile(r"\S++(?: \S++)*+")
_FILLED: Final = re.compile(rb"\x01++(?:\x00\x01++)*+")
"""What no two blanks divide: in a line, and in all lines together."""
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?!\d)")
_MAX_VALUE_CHARS: Final = 40
_CELL_END: Final = re.compile(r"(?<!\\)\|")
_GAP: Final = re.compile(r"\S(?P<gap> {2,})(?=\S)")
_VALUE: Final = re.compile(
    r"[-+\u2212\u2013(<>~\u00b1]{0,3}\s?(?:[$\u20ac\u00a3\u00a5]|[A-Z]{3})?\s?\d|[-\u2013\u2014]$|n/?a$"
)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Lines `start` to `end` are a table."""

    start: int
    end: int
    rows: list[list[str]]


def text_drafts(text: str) -> Iterator[Draft]:
    """The paragraphs and the rows of the tables, in order."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    begun = 0
    for table in _tables(lines):
        yield from paragraphs("\n".join(lines[begun : table.start]))
        rows = table.rows
        yield from (replace(draft, section=()) for draft in table_drafts(rows, is_labelled=True))
        begun = table.end
    yield from paragraphs("\n".join(lines[begun:]))


def _tables(lines: Sequence[str]) -> Iterator[_Found]:
    for start, end in _runs(lines):
        run = lines[start:end]
        for read in (_with_bars, _with_tabs, _with_gaps):
            if found := read(run):
                first, last, rows = found
                yield _Found(start=start + first, end=start + last, rows=rows)
                break


def _runs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The runs of lines without a blank one, outside of fences."""
    start: int | None = None
    is_fenced = False
    for index, line in enumerate((*lines, "")):
        if _FENCE.match(line):
            is_fenced = not is_fenced
        is_part = bool(line.strip()) and not is_fenced and len(line) <= _MAX_LINE_CHARS
        if is_part and start is None:
            start = index
        elif not is_part and start is not None:
            yield start, index
            start = None


_Read = tuple[int, int, list[list[str]]]
"""First line of a table, the line after its last, and its cells."""


def _with_bars(lines: Sequence[str]) -> _Read | None:
    """A table of lines with `|`, from the first of them to the last."""
    barred = [index for index, line in enumerate(lines) if "|" in line or _is_border(line)]
    if not barred or barred[-1] - barred[0] + 1 != len(barred):
        return None
    first, last = barred[0], barred[-1] + 1
    body = lines[first:last]
    rows = [_cells(line) for line in body if not _is_rule(line)]
    has_rule = len(rows) < len(body)
    is_framed = all(line.strip().startswith("|") and line.strip().endswith("|") for line in body
                    if not _is_rule(line))  # fmt: skip
    if len(rows) < (_MIN_ROWS if not has_rule and not is_framed else _MIN_COLUMNS):
        return None
    if not _is_even(rows) or not (has_rule or is_framed or _has_a_column_of_values(rows)):
        return None
    return first, last, rows


def _is_border(line: str) -> bool:
    return line.strip().startswith("+-") and _is_rule(line)


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    cells = [cell.replace("\\|", "|").strip() for cell in _CELL_END.split(bare)]
    return cells[:-1] if len(cells) > 1 and not cells[-1] and bare.endswith("|") else cells


def _with_tabs(lines: Sequence[str]) -> _Read | None:
    tabbed = [index for index, line in enumerate(lines) if "\t" in line.strip()]
    if not tabbed or tabbed[-1] - tabbed[0] + 1 != len(tabbed):
        return None
    first, last = tabbed[0], tabbed[-1] + 1
    rows = [[cell.strip() for cell in line.strip("\n").split("\t")] for line in lines[first:last]]
    is_sure = len(rows) >= _MIN_ROWS and _is_even(rows) and _has_a_column_of_values(rows)
    return (first, last, rows) if is_sure else None


def _with_gaps(lines: Sequence[str]) -> _Read | None:
    """A table whose columns are kept apart by blanks that stand below each other in every line."""
    gapped = [index for index, line in enumerate(lines) if _GAP.search(line) or _is_rule(line)]
    if not gapped or gapped[-1] - gapped[0] + 1 != len(gapped):
        return None
    first, last = gapped[0], gapped[-1] + 1
    body = [line.expandtabs(8) for line in lines[first:last]]
    kept = [line for line in body if not _is_rule(line)]
    starts = _column_starts(kept)
    if len(kept) < _MIN_ROWS or len(starts) < _MIN_COLUMNS:
        return None
    ends = [*starts[1:], _MAX_LINE_CHARS * 8]
    rows = [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in kept]
    is_sure = _is_even(rows) and _has_a_column_of_values(rows)
    return (first, last, rows) if is_sure else None


def _is_rule(line: str) -> bool:
    """True for a line below a header or around a table: `|---|:--:|`, `+----+`, `====  ====`."""
    return _RULE_SIGNS.issuperset(line) and any(dash in line for dash in ("---", "===", ":-", "-:"))


def _column_starts(lines: Sequence[str]) -> list[int]:
    """Where columns begin: after two blanks or more that go through all lines."""
    if not lines:
        return []
    width = max(map(len, lines))
    filled = bytearray(width)
    for line in lines:
        for match in _WORDS.finditer(line):
            filled[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
    columns = _FILLED.finditer(bytes(filled))
    return [match.start() for match in columns]


def _is_even(rows: Sequence[Sequence[str]]) -> bool:
    """True when the rows have as many cells, several, and hardly an empty one."""
    widths = {len(row) for row in rows}
    width = max(widths)
    filled = sum(bool(cell) for row in rows for cell in row)
    has_words = all(any(map(str.isalnum, "".join(row))) for row in rows)
    is_full = filled >= _MOST / 2 * width * len(rows)
    return width >= _MIN_COLUMNS and min(widths) >= width - 1 and is_full and has_words


def _has_a_column_of_values(rows: Sequence[Sequence[str]]) -> bool:
    """True when a column but the first has a name above and numbers below."""
    for column in range(1, min(map(len, rows))):
        name = rows[0][column]
        cells = [row[column] for row in rows[1:] if row[column]]
        values = sum(map(_is_value, cells))
        is_named = bool(name) and (bool(_YEAR.match(name)) or not _is_value(name))
        if is_named and cells and values >= _MOST * len(cells):
            return any(map(str.isdecimal, "".join(cells)))
    return False


def _is_value(cell: str) -> bool:
    return bool(_VALUE.match(cell)) and len(cell) <= _MAX_VALUE_CHARS
