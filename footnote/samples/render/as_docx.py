"""Write a sample as a Word document."""

from io import BytesIO
from typing import assert_never

import docx
from docx.document import Document

from footnote.samples.blocks import Block, Bullets, Heading, PageBreak, Paragraph, Sample, Table
from footnote.samples.render.office_archive import COMPANY, WRITTEN_AT, without_clock


def render_docx(sample: Sample) -> bytes:
    """The sample with Word's own heading, list and table styles."""
    document = docx.Document()
    properties = document.core_properties
    properties.title = sample.entry.title
    properties.author = properties.last_modified_by = COMPANY
    properties.created = properties.modified = WRITTEN_AT
    for block in sample.blocks:
        _append(document, block)
    written = BytesIO()
    document.save(written)
    return without_clock(written.getvalue())


def _append(document: Document, block: Block) -> None:
    match block:
        case Heading():
            document.add_heading(block.text, block.level)
        case Paragraph():
            document.add_paragraph(block.text)
        case Bullets():
            for line in block.lines:
                document.add_paragraph(line, style="List Bullet")
        case Table():
            _append_table(document, block)
        case PageBreak():
            raise ValueError(f"no sample in this format has {block!r}")
        case _:
            assert_never(block)


def _append_table(document: Document, block: Table) -> None:
    rows = (block.header, *block.rows)
    table = document.add_table(len(rows), len(block.header), style="Table Grid")
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, content in zip(row.cells, cells, strict=True):
            cell.text = str(content)
