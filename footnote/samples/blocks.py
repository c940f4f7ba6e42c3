"""The content of a sample document, independent of its file format."""

from collections.abc import Sequence
from dataclasses import dataclass

from footnote.samples.manifest import ManifestEntry

Cell = str | int | float


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A title (level 1), section (2) or subsection (3)."""

    level: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text without line breaks."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """An unordered list."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A header row and rows of the same width."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True)
class PageBreak:
    """A new page, in the formats that have pages."""


Block = Heading | Paragraph | Bullets | Table | PageBreak


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A document to be written: how it is uploaded and what it says."""

    entry: ManifestEntry
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with everything up to the next heading: one slide or one sheet."""

    heading: Heading
    blocks: tuple[Block, ...]


def heading(level: int, text: str) -> Heading:
    """A heading."""
    return Heading(level=level, text=text)


def paragraph(text: str) -> Paragraph:
    """A paragraph; line breaks and indentation of the source become single spaces."""
    return Paragraph(text=_on_one_line(text))


def bullets(*lines: str) -> Bullets:
    """A list; each line is put on one line as in `paragraph`."""
    return Bullets(lines=tuple(_on_one_line(line) for line in lines))


def table(header: Sequence[str], *rows: tuple[Cell, ...]) -> Table:
    """A table.

    Raises:
        ValueError: A row is not as wide as the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"the row {row!r} needs {len(header)} cells")
    return Table(header=tuple(header), rows=rows)


def sections(sample: Sample) -> list[Section]:
    """The sample cut at its headings.

    Raises:
        ValueError: There is text before the first heading.
    """
    found: list[Section] = []
    for block in sample.blocks:
        if isinstance(block, Heading):
            found.append(Section(heading=block, blocks=()))
        elif found:
            last = found.pop()
            found.append(Section(heading=last.heading, blocks=(*last.blocks, block)))
        else:
            raise ValueError(f"{sample.entry.file!r} must start with a heading")
    return found


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
