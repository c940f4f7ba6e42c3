"""Rewrites HTML that Markdown has no form for: cells that span others, tables in tables, terms.

A cell that spans rows or columns is said again in each of them; what is in a table within a cell,
or in a list there, stands in the cell's text; a term and its definition are one item of a list.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from ingest.parse.html_tags import html_parts
from kb.errors import DocumentTooComplex

_MAX_SPAN: Final = 99
"""A cell that spans more is as wide or as high as its table, whatever it says."""
_MAX_REPEATED_CHARS: Final = 300
"""Of a cell that is said again; a longer one is no name of what stands beside it."""
_MAX_REPEATS: Final = 5_000
"""Of the cells of one page."""
_MAX_ADDED_CELLS: Final = 200_000
"""To one page, said again or empty; kreuzberg takes 3 s for them. 7 KB can ask for 2 million."""

_NEEDED: Final = re.compile(r"<(?:dl|table|ol|ul)\b", re.IGNORECASE)
_QUESTION: Final = re.compile(
    r"<dt\b[^<>]{0,500}>([^<]{0,500}\?)\s{0,99}(?:</dt\s{0,9}>)?", re.IGNORECASE
)
_QUESTION_TAG: Final = "h6"
_SEPARATOR: Final = "\x1f"
"""Between the lines of what stands in a cell; no page shows such a character."""
_CELLS: Final = frozenset({"td", "th"})
_SEPARATED: Final = frozenset({"li", "tr"})
_ROW_GROUPS: Final = frozenset({"thead", "tbody", "tfoot"})
_ROW_PARTS: Final = _ROW_GROUPS | {"tr"}
_SPAN: Final = re.compile(r"\s(col|row)span\s*+=\s*+[\"']?(\d{1,9})", re.IGNORECASE)


def rewritten(html: str) -> str:
    """The page with spanning cells, tables in tables and definitions in forms that Markdown has."""
    if not _NEEDED.search(html):
        return html
    writer = _Writer()
    # A question is the heading of its answer.
    for part in html_parts(_QUESTION.sub(rf"<{_QUESTION_TAG}>\1</{_QUESTION_TAG}>", html)):
        if isinstance(part, str):
            writer.text(part)
        elif part["end"]:
            writer.end(part["name"].lower())
        else:
            writer.start(part["name"].lower(), part)
    writer.end_open_tables()
    return "".join(writer.pieces)


@dataclass(kw_only=True)
class _Cell:
    tag: str
    columns: int
    rows: int
    pieces: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class _Table:
    """A table that is being written; `below` are cells that go on in so many rows more."""

    column: int = 0
    row_is_open: bool = False
    cell: _Cell | None = None
    below: dict[int, tuple[int, str]] = field(default_factory=dict)


class _Writer:
    """Writes the page again, into `pieces`."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._table = _Table()
        self._depth = 0
        self._added = 0
        self._list_is_open = False
        self._before_definition = ""

    def text(self, html: str) -> None:
        """Goes on with what is no tag."""
        (self._table.cell.pieces if self._table.cell else self.pieces).append(html)

    def start(self, tag: str, written: re.Match[str]) -> None:
        """Goes on with a tag that opens an element."""
        if tag == "table":
            self._depth += 1
            self.text(written[0] if self._depth == 1 else _SEPARATOR)
        elif self._table.cell is not None and (self._depth > 1 or tag in {"ul", "ol", "li"}):
            self.text(_SEPARATOR if tag in _SEPARATED else " ")
        elif self._depth == 1 and tag in _CELLS:
            self._open_cell(tag, written["attributes"])
        elif self._depth == 1 and tag in _ROW_PARTS:
            self._end_row()
            self._table.row_is_open = tag == "tr"
            if tag in _ROW_GROUPS:
                # No cell goes on in another group. Source: HTML Living Standard, section 4.9.12.
                self._table.below.clear()
            self.text(written[0])
        elif tag == "dt":
            self.text("<li>" if self._list_is_open else "<ul><li>")
            self._list_is_open, self._before_definition = True, ": "
        elif tag == "dd":
            self.text(self._before_definition if self._list_is_open else "<p>")
            self._before_definition = "; "
        elif tag != "dl":
            if tag == _QUESTION_TAG:
                self._end_definitions()
            self.text(written[0])

    def end(self, tag: str) -> None:
        """Goes on with a tag that closes an element."""
        if tag == "table" and self._depth:
            if self._depth == 1:
                self._end_row()
                self._table = _Table()
            self._depth -= 1
            self.text("</table>" if not self._depth else _SEPARATOR)
        elif self._table.cell is not None and (self._depth > 1 or tag in {"ul", "ol", "li"}):
            self.text(" ")
        elif self._depth == 1 and tag in _CELLS:
            self._end_cell()
        elif self._depth == 1 and tag in _ROW_PARTS:
            self._end_row()
            self.text(f"</{tag}>")
        elif tag == "dl":
            self._end_definitions()
        elif tag not in {"dt", "dd"}:
            self.text(f"</{tag}>")

    def end_open_tables(self) -> None:
        """Ends the tables that the page does not end."""
        while self._depth:
            self.end("table")

    def _open_cell(self, tag: str, attributes: str) -> None:
        self._end_cell()
        self._go_on_below()
        spans = {name.lower(): int(digits) for name, digits in _SPAN.findall(attributes)}
        self._table.cell = _Cell(
            tag=tag,
            columns=min(max(spans.get("col", 1), 1), _MAX_SPAN),
            # None at all means: down to the end of the group.
            rows=min(spans.get("row", 1) or _MAX_SPAN, _MAX_SPAN),
        )

    def _end_cell(self) -> None:
        table, cell = self._table, self._table.cell
        if cell is None:
            return
        table.cell = None
        lines = (line.strip() for line in "".join(cell.pieces).split(_SEPARATOR))
        html = f"<{cell.tag}>{'; '.join(filter(None, lines))}</{cell.tag}>"
        for repeat in range(cell.columns):
            self.text(html if repeat == 0 else self._again(html))
            if cell.rows > 1:
                table.below[table.column] = (cell.rows - 1, html)
            table.column += 1

    def _end_row(self) -> None:
        self._end_cell()
        table = self._table
        if table.row_is_open:
            self._go_on_below()
            # Cells that were left out stand before those that go on from above.
            for column in sorted(each for each in table.below if each >= table.column):
                while table.column < column:
                    self.text(self._again(""))
                    table.column += 1
                self._go_on_at(column)
        table.column, table.row_is_open = 0, False

    def _go_on_below(self) -> None:
        """Writes the cells of rows above that go on at the place that the row has reached."""
        while self._table.column in self._table.below:
            self._go_on_at(self._table.column)

    def _go_on_at(self, column: int) -> None:
        rows, html = self._table.below.pop(column)
        self.text(self._again(html))
        if rows > 1:
            self._table.below[column] = (rows - 1, html)
        self._table.column = column + 1

    def _again(self, html: str) -> str:
        """The cell as it is repeated: an empty one when it is long or when there are too many.

        Raises DocumentTooComplex beyond _MAX_ADDED_CELLS.
        """
        self._added += 1
        if self._added > _MAX_ADDED_CELLS:
            raise DocumentTooComplex(
                f"Cells that span others fill more than {_MAX_ADDED_CELLS} places of the tables."
            )
        is_said = html and len(html) <= _MAX_REPEATED_CHARS and self._added <= _MAX_REPEATS
        return html if is_said else "<td></td>"

    def _end_definitions(self) -> None:
        self.text("</ul>" if self._list_is_open else "")
        self._list_is_open = False
