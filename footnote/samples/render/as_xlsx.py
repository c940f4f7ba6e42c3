"""Write a sample as an Excel workbook."""

from io import BytesIO
from typing import assert_never

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from footnote.samples.blocks import (
    Block,
    Bullets,
    Heading,
    PageBreak,
    Paragraph,
    Sample,
    Table,
    sections,
)
from footnote.samples.render.office_archive import COMPANY, WRITTEN_AT, without_clock


def render_xlsx(sample: Sample) -> bytes:
    """One sheet for each section, named by its heading; numbers stay numbers."""
    workbook = Workbook(write_only=True)
    workbook.properties.title = sample.entry.title
    workbook.properties.creator = COMPANY
    # The library writes this time as it stands and takes it for UTC.
    workbook.properties.created = WRITTEN_AT.replace(tzinfo=None)
    for section in sections(sample):
        sheet = workbook.create_sheet(section.heading.text)
        for block in section.blocks:
            _append(sheet, block)
    written = BytesIO()
    workbook.save(written)
    return without_clock(written.getvalue())


def _append(sheet: Worksheet, block: Block) -> None:
    match block:
        case Paragraph():
            sheet.append((block.text,))
        case Bullets():
            for line in block.lines:
                sheet.append((line,))
        case Table():
            for row in (block.header, *block.rows):
                sheet.append(row)
        case PageBreak() | Heading():
            raise ValueError(f"a sheet cannot hold {block!r}")
        case _:
            assert_never(block)
