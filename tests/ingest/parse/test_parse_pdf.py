"""PDF files: pages, headings, comments, and what cannot be read."""

from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Text

from ingest.parse import parse
from kb.errors import DocumentCorrupt, DocumentEmpty, DocumentEncrypted
from kb.media_types import PDF
from tests.ingest.files.builders import encrypted_pdf_file, pdf_file, scanned_pdf_file
from tests.ingest.files.lines import outlined, texts

PROSE = "Badges are mandatory in all buildings of the company, at any time. "


def two_pages() -> bytes:
    return pdf_file(
        [
            [("Heading1", "Badges"), ("Normal", PROSE * 6)],
            [("Heading1", "Travel"), ("Normal", "Trains come first. " * 12)],
        ],
        title="Security handbook",
    )


def changed(content: bytes, *, comment: str = "", attachment: str = "", data: bytes = b"") -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    if comment:
        writer.add_annotation(0, Text(rect=(50, 50, 70, 70), text=comment))
    if attachment:
        writer.add_attachment(attachment, data)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def test_pages_and_headings_are_known() -> None:
    parsed = parse(two_pages(), PDF)

    lines = [
        (block.page, *line[:2]) for block, line in zip(parsed.blocks, outlined(parsed), strict=True)
    ]
    assert lines == [
        (1, "heading", ""),
        (1, "paragraph", "Badges"),
        (2, "heading", ""),
        (2, "paragraph", "Travel"),
    ]
    assert " ".join(texts(parsed)[1].split()) == (PROSE * 6).strip()
    assert parsed.title == "Security handbook"


def test_comments_follow_their_page() -> None:
    parsed = parse(changed(two_pages(), comment="Is this still true?"), PDF)

    comments = [
        (block.page, text)
        for block, text in zip(parsed.blocks, texts(parsed), strict=True)
        if text.startswith("Comment")
    ]
    assert comments == [(1, "Comment: Is this still true?")]


def test_attachments_are_read_below_their_name() -> None:
    parsed = parse(changed(two_pages(), attachment="notes.txt", data=b"Bring a badge."), PDF)

    assert outlined(parsed)[-2:] == [
        ("heading", "notes.txt", "notes.txt"),
        ("paragraph", "notes.txt", "Bring a badge."),
    ]


def test_attachments_that_cannot_be_read_are_listed() -> None:
    parsed = parse(changed(two_pages(), attachment="plan.png", data=b"\x89PNG\r\n\x1a\n"), PDF)

    assert parsed.warnings == ("attachment_not_read: plan.png",)


def test_pages_without_text_are_listed() -> None:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(two_pages())))
    writer.add_page(PdfReader(BytesIO(scanned_pdf_file())).pages[0])
    file = BytesIO()
    writer.write(file)

    assert parse(file.getvalue(), PDF).warnings == ("pages_without_text: 3",)


def test_a_page_with_a_few_letters_looks_scanned() -> None:
    assert parse(pdf_file([[("Normal", "31 March")]]), PDF).warnings == ("looks_scanned",)


def test_a_scan_is_empty_and_says_why() -> None:
    with pytest.raises(DocumentEmpty, match="text layer"):
        parse(scanned_pdf_file(), PDF)


def test_a_file_that_needs_a_password_is_encrypted() -> None:
    with pytest.raises(DocumentEncrypted):
        parse(encrypted_pdf_file("secret"), PDF)


def test_a_file_that_opens_without_a_password_is_read() -> None:
    assert parse(encrypted_pdf_file(""), PDF).text == "Secret plan."


@pytest.mark.parametrize("content", [b"%PDF-1.4 junk", two_pages()[:1500], b"no PDF at all"])
def test_a_damaged_file_is_corrupt(content: bytes) -> None:
    with pytest.raises(DocumentCorrupt):
        parse(content, PDF)
