"""Write a sample as a PowerPoint presentation."""

from io import BytesIO
from typing import assert_never

import pptx
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Cm

from footnote.samples.blocks import (
    Block,
    Bullets,
    Heading,
    PageBreak,
    Paragraph,
    Sample,
    Section,
    Table,
    sections,
)
from footnote.samples.render.office_archive import COMPANY, WRITTEN_AT, without_clock

_TITLE_LAYOUT = 0
_CONTENT_LAYOUT = 1
_TITLE_ONLY_LAYOUT = 5


def render_pptx(sample: Sample) -> bytes:
    """One slide for each section; a section holds either one table or text."""
    presentation = pptx.Presentation()
    properties = presentation.core_properties
    properties.title = sample.entry.title
    properties.author = properties.last_modified_by = COMPANY
    properties.created = properties.modified = WRITTEN_AT
    for section in sections(sample):
        _append_slide(presentation, section)
    written = BytesIO()
    presentation.save(written)
    return without_clock(written.getvalue())


def _append_slide(presentation: Presentation, section: Section) -> None:
    match section.blocks:
        case (Table() as table,):
            slide = _titled_slide(presentation, _TITLE_ONLY_LAYOUT, section)
            _fill_table(slide, table)
        case blocks:
            layout = _TITLE_LAYOUT if section.heading.level == 1 else _CONTENT_LAYOUT
            slide = _titled_slide(presentation, layout, section)
            frame = slide.placeholders[1].text_frame
            frame.text = "\n".join(line for block in blocks for line in _lines(block))


def _titled_slide(presentation: Presentation, layout: int, section: Section) -> Slide:
    slide: Slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
    slide.placeholders[0].text_frame.text = section.heading.text
    return slide


def _lines(block: Block) -> tuple[str, ...]:
    match block:
        case Paragraph():
            return (block.text,)
        case Bullets():
            return block.lines
        case Table() | PageBreak() | Heading():
            raise ValueError(f"a slide with text cannot hold {block!r}")
        case _:
            assert_never(block)


def _fill_table(slide: Slide, table: Table) -> None:
    rows = (table.header, *table.rows)
    frame = slide.shapes.add_table(
        len(rows), len(table.header), left=Cm(2), top=Cm(5), width=Cm(21), height=Cm(len(rows))
    )
    for row, cells in zip(frame.table.rows, rows, strict=True):
        for cell, content in zip(row.cells, cells, strict=True):
            cell.text = str(content)
