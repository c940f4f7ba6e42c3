"""Write a sample as plain text."""

import textwrap
from typing import assert_never

from footnote.samples.blocks import Block, Bullets, Heading, PageBreak, Paragraph, Sample, Table

_LINE_WIDTH = 78


def render_text(sample: Sample) -> bytes:
    """The sample as UTF-8 text, wrapped, with underlined headings."""
    return ("\n\n".join(_text(block) for block in sample.blocks) + "\n").encode()


def _text(block: Block) -> str:
    match block:
        case Heading():
            return f"{block.text}\n{('=' if block.level == 1 else '-') * len(block.text)}"
        case Paragraph():
            return textwrap.fill(block.text, _LINE_WIDTH)
        case Bullets():
            return "\n".join(_bullet(line) for line in block.lines)
        case Table():
            rows = (block.header, *block.rows)
            return "\n".join("\t".join(str(cell) for cell in row) for row in rows)
        case PageBreak():
            return "\f"
        case _:
            assert_never(block)


def _bullet(line: str) -> str:
    return textwrap.fill(line, _LINE_WIDTH, initial_indent="  * ", subsequent_indent="    ")
