"""Write a sample as a PDF."""

from functools import partial
from io import BytesIO
from typing import assert_never
from xml.sax.saxutils import escape

from reportlab.lib.colors import grey
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import StyleSheet1, getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, ListFlowable, SimpleDocTemplate
from reportlab.platypus import PageBreak as NewPage
from reportlab.platypus import Paragraph as TextFlow
from reportlab.platypus import Table as TableFlow

from footnote.samples.blocks import Block, Bullets, Heading, PageBreak, Paragraph, Sample, Table
from footnote.samples.render.office_archive import COMPANY

_FOOTER_SIZE = 8


def render_pdf(sample: Sample) -> bytes:
    """The sample on A4 with headings in larger type and a footer on every page."""
    written = BytesIO()
    template = SimpleDocTemplate(
        written,
        pagesize=A4,
        title=sample.entry.title,
        author=COMPANY,
        # Leaves the clock and the random document id out of the file.
        invariant=1,
    )
    styles = getSampleStyleSheet()
    footer = partial(_draw_footer, sample.entry.external_id)
    template.build(
        [_flow(block, styles) for block in sample.blocks], onFirstPage=footer, onLaterPages=footer
    )
    return written.getvalue()


def _draw_footer(external_id: str, canvas: Canvas, template: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", _FOOTER_SIZE)
    canvas.drawString(2.5 * cm, 1.2 * cm, f"{COMPANY} - {external_id} - page {template.page}")


def _flow(block: Block, styles: StyleSheet1) -> Flowable:
    match block:
        case Heading():
            return TextFlow(escape(block.text), styles[f"Heading{block.level}"])
        case Paragraph():
            return TextFlow(escape(block.text), styles["BodyText"])
        case Bullets():
            lines = [TextFlow(escape(line), styles["BodyText"]) for line in block.lines]
            return ListFlowable(lines, bulletType="bullet", start="-")
        case Table():
            grid = [("GRID", (0, 0), (-1, -1), 0.5, grey)]
            return TableFlow([block.header, *block.rows], style=grid, spaceBefore=8, spaceAfter=8)
        case PageBreak():
            return NewPage()
        case _:
            assert_never(block)
