"""Write a sample as Markdown."""

from typing import assert_never

from footnote.samples.blocks import (
    Block,
    Bullets,
    Cell,
    Heading,
    PageBreak,
    Paragraph,
    Sample,
    Table,
)


def render_markdown(sample: Sample) -> bytes:
    """The sample as UTF-8 Markdown with pipe tables; inline marks pass through."""
    return ("\n\n".join(_markdown(block) for block in sample.blocks) + "\n").encode()


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Bullets():
            return "\n".join(f"- {line}" for line in block.lines)
        case Table():
            rule = tuple("---" for _ in block.header)
            return "\n".join(_row(cells) for cells in (block.header, rule, *block.rows))
        case PageBreak():
            return "---"
        case _:
            assert_never(block)


def _row(cells: tuple[Cell, ...]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
