"""Small real files of every binary format, made by the libraries that office people's tools use."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

import docx
import openpyxl
import pptx
from docx.document import Document as WordDocument
from openpyxl.workbook import Workbook
from pptx.presentation import Presentation
from pptx.util import Inches
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

ODT_TYPE = "application/vnd.oasis.opendocument.text"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def word_document() -> WordDocument:
    return docx.Document()


def saved(document: WordDocument | Presentation | Workbook) -> bytes:
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def word_file() -> bytes:
    """Title, two levels of headings, a table of two rows, a running head."""
    document = word_document()
    document.core_properties.title = "Leave rules"
    document.add_heading("Leave", 1)
    document.add_paragraph("Everyone has 25 days.")
    document.add_heading("Parental leave", 2)
    document.add_paragraph("Parents have:\t16 weeks.")
    table = document.add_table(3, 2)
    for row, cells in enumerate([("Grade", "Days"), ("A", "25"), ("B", "30")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.add_heading("Sick leave", 1)
    document.add_paragraph("Call in before nine.")
    document.sections[0].header.paragraphs[0].text = "ACME internal"
    return saved(document)


def slides_file() -> bytes:
    """A titled slide with bullets and notes, an empty one, and one with a table."""
    presentation = pptx.Presentation()
    first = presentation.slides.add_slide(presentation.slide_layouts[1])
    first.shapes.title.text = "Roadmap"
    first.placeholders[1].text = "Ship in March\nHire three"
    first.notes_slide.notes_text_frame.text = "Do not promise a date."
    presentation.slides.add_slide(presentation.slide_layouts[6])
    last = presentation.slides.add_slide(presentation.slide_layouts[5])
    last.shapes.title.text = "Übersicht"
    inch = Inches(1)
    table = last.shapes.add_table(2, 2, inch, inch, inch, inch).table
    for row, cells in enumerate([("Team", "Head"), ("Sales", "Ana")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    return saved(presentation)


def workbook_file(sheets: Mapping[str, Iterable[Sequence[object]]], *, hidden: str = "") -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name == hidden else "visible"
    return saved(workbook)


def pdf_file(pages: Sequence[Sequence[tuple[str, str]]], *, title: str = "") -> bytes:
    """Pages of (style, text), where style is one of Heading1, Heading2, Normal."""
    styles = getSampleStyleSheet()
    story = []
    for page in pages:
        story += [Paragraph(text, styles[style]) for style, text in page]
        story.append(PageBreak())
    file = BytesIO()
    SimpleDocTemplate(file, pagesize=A4, title=title, invariant=1).build(story)
    return file.getvalue()


def scanned_pdf_file() -> bytes:
    """A page with a drawing and no text."""
    file = BytesIO()
    canvas = Canvas(file)
    canvas.rect(100, 100, 200, 200, fill=1)
    canvas.save()
    return file.getvalue()


def encrypted_pdf_file(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf_file([[("Normal", "Secret plan.")]]))))
    writer.encrypt(password, algorithm="RC4-128")
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def encrypted_office_file() -> bytes:
    """The envelope that Office puts around an encrypted package, without the package."""
    name = "EncryptedPackage".encode("utf-16-le")
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1016) + name + bytes(480)


def zip_file(members: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def with_member(package: bytes, name: str, content: bytes) -> bytes:
    """The package with one more member, or with another content of it."""
    with zipfile.ZipFile(BytesIO(package)) as archive:
        members = {old: archive.read(old) for old in archive.namelist()}
    return zip_file(members | {name: content})


def open_document_file() -> bytes:
    """A heading, a paragraph and a nested list."""
    body = (
        '<text:h text:outline-level="1">Leave</text:h><text:p>Everyone has 25 days.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner"
        "</text:p></text:list-item></text:list></text:list-item></text:list>"
    )
    content = (
        f'<office:document-content xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return zip_file({"mimetype": ODT_TYPE.encode(), "content.xml": content.encode()})
