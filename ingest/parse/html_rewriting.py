"""Rewrites HTML that Markdown has no form for: cells that span others, tables in tables, terms.

A cell that spans rows or columns is said again in each of them; what is in a table within a cell,
or in a list there, stands in the cell's text; a term and its definition are one item of a list.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from typing_extensions import override

_MAX_SPAN: Final = 99
"""A cell that spans more is as wide or as high as its table, whatever it says."""
_MAX_REPEATED_CHARS: Final = 300
"""Of a cell that is said again; a longer one is no name of what stands beside it."""
_MAX_REPEATS: Final = 5_000
"""Of the cells of one page."""

_NEEDED: Final = re.compile(r"<(?:dl|table|ol|ul)\b", re.IGNORECASE)
_QUESTION: Final = re.compile(
    r"<dt\b[^<>]{0,500}>([^<]{0,500}\?)\s{0,99}(?:</dt\s{0,9}>)?", re.IGNORECASE
)
_QUESTION_TAG: Final = "h6"
_SEPARATOR: Final = "\x1f"
"""Between the lines of what stands in a cell; no page shows such a character."""
_CELLS: Final = frozenset({"td", "th"})
_SEPARATED: Final = frozenset({"li", "tr"})


def rewritten(html: str) -> str:
    """The page with what Markdown cannot say told in what it can."""
    if not _NEEDED.search(html):
        return html
    writer = _Writer()
    # A question is the heading of its answer.
    writer.feed(_QUESTION.sub(rf"<{_QUESTION_TAG}>\1</{_QUESTION_TAG}>", html))
    writer.close()
    return "".join(writer.pieces)


@dataclass(kw_only=True)
class _Cell:
    tag: str
    columns: int
    rows: int
    pieces: list[str] = field(default_factory=list)

    @property
    def html(self) -> str:
        parts = (part.strip() for part in "".join(self.pieces).split(_SEPARATOR))
        return "; ".join(filter(None, parts))


@dataclass(kw_only=True)
class _Table:
    """A table that is being written; `below` are cells that go on in so many rows more."""

    column: int = 0
    row_is_open: bool = False
    cell: _Cell | None = None
    below: dict[int, tuple[int, str]] = field(default_factory=dict)


class _Writer(HTMLParser):
    """Writes the page again, into `pieces`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self._table = _Table()
        self._depth = 0
        self._repeats = 0
        self._list_is_open = False
        self._before_definition = ""

    def _write(self, html: str) -> None:
        (self._table.cell.pieces if self._table.cell else self.pieces).append(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        written = self.get_starttag_text() or ""
        if tag == "table":
            self._depth += 1
            self._write(written if self._depth == 1 else _SEPARATOR)
        elif self._table.cell is not None and (self._depth > 1 or tag in {"ul", "ol", "li"}):
            self._write(_SEPARATOR if tag in _SEPARATED else " ")
        elif self._depth == 1 and tag in _CELLS:
            self._open_cell(tag, dict(attrs))
        elif self._depth == 1 and tag == "tr":
            self._end_row()
            self._table.row_is_open = True
            self._write(written)
        elif tag in {"dl", "dt", "dd"}:
            self._define(tag)
        else:
            if tag == _QUESTION_TAG:
                self._end_definitions()
            self._write(written)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._depth:
            if self._depth == 1:
                self._end_row()
                self._table = _Table()
            self._depth -= 1
            self._write("</table>" if not self._depth else _SEPARATOR)
        elif self._table.cell is not None and (self._depth > 1 or tag in {"ul", "ol", "li"}):
            self._write(" ")
        elif self._depth == 1 and tag in _CELLS:
            self._end_cell()
        elif self._depth == 1 and tag == "tr":
            self._end_row()
            self._write("</tr>")
        elif tag == "dl":
            self._end_definitions()
        elif tag not in {"dt", "dd"}:
            self._write(f"</{tag}>")

    @override
    def handle_data(self, data: str) -> None:
        self._write(data)

    @override
    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};")

    @override
    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};")

    # --- Tables ----------------------------------------------------------------------------------

    def _open_cell(self, tag: str, attrs: dict[str, str | None]) -> None:
        self._end_cell()
        self._go_on_below()
        self._table.cell = _Cell(
            tag=tag, columns=_span(attrs.get("colspan")), rows=_span(attrs.get("rowspan"))
        )

    def _end_cell(self) -> None:
        table, cell = self._table, self._table.cell
        if cell is None:
            return
        table.cell = None
        html = f"<{cell.tag}>{cell.html}</{cell.tag}>"
        for repeat in range(cell.columns):
            told = html if repeat == 0 else self._again(html)
            self._write(told)
            if cell.rows > 1:
                table.below[table.column] = (cell.rows - 1, html)
            table.column += 1

    def _end_row(self) -> None:
        self._end_cell()
        if self._table.row_is_open:
            self._go_on_below()
        self._table.column, self._table.row_is_open = 0, False

    def _go_on_below(self) -> None:
        """Writes the cells of rows above that go on at the place that the row has reached."""
        table = self._table
        while table.column in table.below:
            rows, html = table.below.pop(table.column)
            self._write(self._again(html))
            if rows > 1:
                table.below[table.column] = (rows - 1, html)
            table.column += 1

    def _again(self, html: str) -> str:
        self._repeats += 1
        is_said = len(html) <= _MAX_REPEATED_CHARS and self._repeats <= _MAX_REPEATS
        return html if is_said else "<td></td>"

    # --- Definitions -----------------------------------------------------------------------------

    def _define(self, tag: str) -> None:
        if tag == "dt":
            self._write("<li>" if self._list_is_open else "<ul><li>")
            self._list_is_open, self._before_definition = True, ": "
        elif tag == "dd":
            self._write(self._before_definition if self._list_is_open else "<p>")
            self._before_definition = "; "

    def _end_definitions(self) -> None:
        self._write("</ul>" if self._list_is_open else "")
        self._list_is_open = False


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < len(str(_MAX_SPAN)) + 1
    return min(max(int(digits), 1), _MAX_SPAN) if is_number else 1
