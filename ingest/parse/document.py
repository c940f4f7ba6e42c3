"""The result of parsing: one text and its blocks, each with its place in the original."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ingest.normalise import normalise

BlockKind = Literal["heading", "paragraph", "list_item", "table_row", "code"]

_KINDS_ON_ADJACENT_LINES: Final = frozenset({"list_item", "table_row"})


@dataclass(frozen=True, kw_only=True)
class Table:
    """The header and the size that the rows of one table share.

    `columns` are the names in its header, "" for a column without one, and `key` those that name a
    row. `ordinal` counts the tables of a document from 1; a draft's is 0, not yet known.
    """

    columns: tuple[str, ...]
    key: tuple[int, ...]
    row_count: int
    ordinal: int = 0


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """The values in a line of a table; `number` counts the rows below the header, from 1.

    `cells` are column, start and end of each value in turn, from the start of the line: flat,
    because a file may have five million of them.
    """

    table: Table
    number: int
    cells: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One heading, paragraph, list item, table row or piece of code.

    `section` names the headings above, outermost first; a heading does not name itself. `page`,
    `slide` and `row` count from 1; `row` is the row of the sheet or file, as its user sees it.
    """

    kind: BlockKind
    char_start: int
    char_end: int
    section: tuple[str, ...] = ()
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    row: int | None = None
    table_row: TableRow | None = None


@dataclass(frozen=True, kw_only=True)
class ParsedDocument:
    """A document as normalised text; `text[block.char_start:block.char_end]` is a block.

    Blocks are in order and do not overlap, and only line ends stand between them. It pickles, so
    that parsing can run in a process of its own. `parser_version` is the version of the library
    that read the file and, behind a plus sign, the revision of our own code.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str | None
    parser: str
    parser_version: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A block that has its text but not yet its offsets."""

    kind: BlockKind
    text: str
    section: tuple[str, ...] = ()
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    row: int | None = None
    table_row: TableRow | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The drafts that a reader found in a file, before normalisation."""

    drafts: tuple[Draft, ...]
    parser: str
    parser_version: str
    title: str | None = None
    warnings: tuple[str, ...] = ()


class Outline:
    """The headings above the place that a reader has reached."""

    def __init__(self, above: tuple[str, ...] = ()) -> None:
        """Starts below `above`, for example the name of an attachment."""
        self._above = above
        self._open: list[tuple[int, str]] = []

    @property
    def section(self) -> tuple[str, ...]:
        """The names of the headings above, outermost first."""
        return self._above + tuple(name for _, name in self._open)

    def heading(self, name: str, *, level: int) -> Draft:
        """The heading as a draft; what follows stands below it."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        one_line = " ".join(normalise(name).split())
        draft = Draft(kind="heading", text=one_line, section=self.section)
        if one_line:
            self._open.append((level, one_line))
        return draft


def compose(drafts: Sequence[Draft]) -> tuple[str, tuple[Block, ...]]:
    """The text of all drafts and the blocks in it; drafts without text are left out.

    Blocks are separated by a blank line, items of one list and rows of one table by a line end.
    """
    pieces: list[str] = []
    blocks: list[Block] = []
    tables: dict[int, Table] = {}
    position = 0
    for draft in drafts:
        text = normalise(draft.text)
        if not text.strip():
            continue
        previous = blocks[-1] if blocks else None
        is_same_run = (
            previous is not None
            and previous.kind == draft.kind
            and previous.kind in _KINDS_ON_ADJACENT_LINES
            and previous.section == draft.section
        )
        separator = "" if previous is None else "\n" if is_same_run else "\n\n"
        start = position + len(separator)
        position = start + len(text)
        pieces += [separator, text]
        blocks.append(
            Block(
                kind=draft.kind,
                char_start=start,
                char_end=position,
                section=draft.section,
                page=draft.page,
                slide=draft.slide,
                sheet=draft.sheet,
                row=draft.row,
                table_row=_numbered(draft, text, tables),
            )
        )
    return "".join(pieces), tuple(blocks)


def _numbered(draft: Draft, text: str, tables: dict[int, Table]) -> TableRow | None:
    """The row with the ordinal of its table; None where normalisation has moved its values."""
    row = draft.table_row
    if row is None or text != draft.text:
        return None
    # By identity: two tables may have the same header and as many rows.
    table = tables.get(id(row.table))
    if table is None:
        table = tables[id(row.table)] = replace(row.table, ordinal=len(tables) + 1)
    return replace(row, table=table)
