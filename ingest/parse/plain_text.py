"""Reads plain text: paragraphs, and the tables that people draw with characters.

A table is taken for one only where that is certain: lines of prose or code that merely hold `|`,
tabs or gaps stay as they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ingest.parse.aligned import aligned_tables, has_column_of_values, is_rule
from ingest.parse.document import Draft, Outline
from ingest.parse.outline import paragraphs
from ingest.parse.tables import table_drafts
from ingest.parse.text_headings import TextHeading, text_headings

_MAX_LINE_CHARS: Final = 10_000
_MIN_ROWS: Final = 3
"""Without a rule below its header or lines around it, a table has a header and two rows."""
_MIN_COLUMNS: Final = 2
_MOST: Final = 0.7
_FENCE: Final = re.compile(r"\s{0,3}(?:```|~~~)")
_CELL_END: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Lines `start` to `end` are a table."""

    start: int
    end: int
    rows: list[list[str]]
    is_labelled: bool = True


def text_drafts(text: str) -> Iterator[Draft]:
    """The headings, the paragraphs and the rows of the tables, in order."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    tables = list(_tables(lines))
    headings = text_headings(_outside(lines, tables))
    outline = Outline()
    begun = 0
    both: list[_Found | TextHeading] = [*tables, *headings]
    for found in sorted(both, key=lambda each: each.start):
        for draft in paragraphs("\n".join(lines[begun : found.start])):
            yield replace(draft, section=outline.section)
        begun = found.end
        if isinstance(found, TextHeading):
            if found.name:
                yield outline.heading(found.name, level=found.level)
            continue
        for draft in table_drafts(found.rows, is_labelled=found.is_labelled):
            yield replace(draft, section=outline.section)
    for draft in paragraphs("\n".join(lines[begun:])):
        yield replace(draft, section=outline.section)


def _outside(lines: Sequence[str], tables: Sequence[_Found]) -> list[str | None]:
    """The lines, None for those of tables and between fences."""
    outside: list[str | None] = []
    is_fenced = False
    for line in lines:
        is_fence = _FENCE.match(line) is not None
        is_fenced = is_fenced != is_fence
        is_read = not is_fenced and not is_fence and len(line) <= _MAX_LINE_CHARS
        outside.append(line if is_read else None)
    for table in tables:
        outside[table.start : table.end] = [None] * (table.end - table.start)
    return outside


def _tables(lines: Sequence[str]) -> Iterator[_Found]:
    """The tables among the lines: drawn with bars, with tabs, or aligned with blanks."""
    for start, end in _runs(lines):
        run = lines[start:end]
        for read in (_with_bars, _with_tabs):
            if found := read(run):
                first, last, rows = found
                yield _Found(start=start + first, end=start + last, rows=rows)
                break
        else:
            for each in aligned_tables(run):
                yield _Found(
                    start=start + each.start,
                    end=start + each.end,
                    rows=each.rows,
                    is_labelled=each.is_labelled,
                )


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
    barred = [
        index
        for index, line in enumerate(lines)
        if "|" in line or (line.strip().startswith("+-") and is_rule(line))
    ]
    if not barred or barred[-1] - barred[0] + 1 != len(barred):
        return None
    first, last = barred[0], barred[-1] + 1
    body = lines[first:last]
    rows = [_cells(line) for line in body if not is_rule(line)]
    has_rule = len(rows) < len(body)
    is_framed = all(
        line.strip().startswith("|") and line.strip().endswith("|")
        for line in body
        if not is_rule(line)
    )
    if len(rows) < (_MIN_ROWS if not has_rule and not is_framed else _MIN_COLUMNS):
        return None
    if not _is_even(rows) or not (has_rule or is_framed or has_column_of_values(rows)):
        return None
    return first, last, rows


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    cells = [cell.replace("\\|", "|").strip() for cell in _CELL_END.split(bare)]
    return cells[:-1] if len(cells) > 1 and not cells[-1] and bare.endswith("|") else cells


def _with_tabs(lines: Sequence[str]) -> _Read | None:
    """A table of lines with tabs, from the first of them to the last."""
    tabbed = [index for index, line in enumerate(lines) if "\t" in line.strip()]
    if not tabbed or tabbed[-1] - tabbed[0] + 1 != len(tabbed):
        return None
    first, last = tabbed[0], tabbed[-1] + 1
    rows = [[cell.strip() for cell in line.strip("\n").split("\t")] for line in lines[first:last]]
    is_sure = len(rows) >= _MIN_ROWS and _is_even(rows) and has_column_of_values(rows)
    return (first, last, rows) if is_sure else None


def _is_even(rows: Sequence[Sequence[str]]) -> bool:
    """True when the rows have as many cells, several, and hardly an empty one."""
    widths = {len(row) for row in rows}
    width = max(widths)
    filled = sum(bool(cell) for row in rows for cell in row)
    has_words = all(any(map(str.isalnum, "".join(row))) for row in rows)
    is_full = filled >= _MOST / 2 * width * len(rows)
    return width >= _MIN_COLUMNS and min(widths) >= width - 1 and is_full and has_words
