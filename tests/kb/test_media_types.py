"""What a file is, whatever it is called."""

import pytest

from kb.errors import DocumentEmpty, UnsupportedMediaType
from kb.media_types import (
    CSV,
    DOCX,
    EMAIL,
    HTML,
    JSON,
    MARKDOWN,
    ODT,
    PDF,
    PLAIN_TEXT,
    PPTX,
    RTF,
    SUPPORTED_TYPES,
    TSV,
    XLSX,
    sniff,
)
from tests.ingest.files.builders import (
    encrypted_office_file,
    open_document_file,
    pdf_file,
    slides_file,
    word_file,
    workbook_file,
    zip_file,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
ELF = b"\x7fELF\x02\x01\x01" + bytes(64)
SHEETS: dict[str, list[list[object]]] = {"Budget": [["Team", "Cost"], ["Sales", 12]]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (word_file(), DOCX),
        (slides_file(), PPTX),
        (workbook_file(SHEETS), XLSX),
        (open_document_file(), ODT),
        (pdf_file([[("Normal", "Text.")]]), PDF),
        (b"\r\n\r\n%PDF-1.4 after some bytes", PDF),
        (b"{\\rtf1 Text}", RTF),
        (b"<!DOCTYPE html><p>Text", HTML),
        (b"\xef\xbb\xbf<html><p>Text", HTML),
        (b"Text", PLAIN_TEXT),
    ],
)
def test_bytes_alone_tell_the_type(content: bytes, expected: str) -> None:
    assert sniff(content, filename=None, declared=None) == expected


@pytest.mark.parametrize(
    ("filename", "declared", "expected"),
    [
        ("page.md", None, MARKDOWN),
        ("PAGE.MD", "text/plain", MARKDOWN),
        ("page.html", None, HTML),
        ("rows.csv", "application/vnd.ms-excel", CSV),
        ("rows.tsv", None, TSV),
        ("record.json", None, JSON),
        ("message.eml", None, EMAIL),
        ("C:\\notes\\page.md", None, MARKDOWN),
        ("script.py", None, PLAIN_TEXT),
        ("README", None, PLAIN_TEXT),
        (None, "text/markdown; charset=utf-8", MARKDOWN),
        (None, "text/x-markdown", MARKDOWN),
        ("README", "application/octet-stream", PLAIN_TEXT),
    ],
)
def test_name_and_declared_type_tell_texts_apart(
    filename: str | None, declared: str | None, expected: str
) -> None:
    assert sniff(b"# Text", filename=filename, declared=declared) == expected


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (PNG, "report.pdf"),
        (ELF, "report.pdf"),
        (b"just text", "report.pdf"),
        (b"just text", "report.docx"),
        (b"just text", "picture.png"),
        (b"%PDF-1.4", "report.docx"),
        (b"%PDF-1.4", "picture.png"),
        (word_file(), "report.xlsx"),
        (word_file(), "notes.txt"),
        (zip_file({"malware.exe": b"MZ"}), "report.docx"),
        (b"{\\rtf1 Text}", "notes.txt"),
        (ELF, "notes.txt"),
        (PNG, "notes.txt"),
        (PNG[:8], "notes.txt"),
        (b"text with a \0 byte", "notes.txt"),
        (bytes(range(256)) * 8, "notes.md"),
    ],
)
def test_a_disguised_file_is_refused(content: bytes, filename: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        sniff(content, filename=filename, declared=None)


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (PNG, "picture.png"),
        (ELF, None),
        (zip_file({"a.txt": b"a"}), "archive.zip"),
        (b"<?xml version='1.0'?><a/>", "data.xml"),
        (b"<svg/>", "picture.svg"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "old.doc"),
    ],
)
def test_an_honest_file_of_another_type_is_refused(content: bytes, filename: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        sniff(content, filename=filename, declared=None)


@pytest.mark.parametrize("content", [b"", b" \r\n\t "])
def test_no_content_is_empty(content: bytes) -> None:
    with pytest.raises(DocumentEmpty):
        sniff(content, filename="page.md", declared=None)


@pytest.mark.parametrize(("filename", "expected"), [("plan.xlsx", XLSX), (None, DOCX)])
def test_an_encrypted_file_keeps_the_type_it_has_inside(
    filename: str | None, expected: str
) -> None:
    assert sniff(encrypted_office_file(), filename=filename, declared=None) == expected


def test_a_damaged_file_keeps_the_type_of_its_name() -> None:
    assert sniff(word_file()[:2000], filename="rules.docx", declared=None) == DOCX


def test_rich_text_may_be_called_doc() -> None:
    assert sniff(b"{\\rtf1 Text}", filename="letter.doc", declared=None) == RTF


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "euc-kr"])
def test_text_is_text_in_every_encoding(codec: str) -> None:
    text = (
        "Employees get 25 days. " * 20 if codec != "euc-kr" else "\uc9c1\uc6d0\uc740 \uc5f0\uac04"
    )

    assert sniff(text.encode(codec), filename="page.txt", declared=None) == PLAIN_TEXT


def test_a_text_about_pdf_files_is_a_text() -> None:
    assert sniff(b"Files begin with %PDF-1.7.", filename="a.md", declared=None) == MARKDOWN


def test_every_answer_is_a_supported_type() -> None:
    assert {PLAIN_TEXT, MARKDOWN, HTML, CSV, TSV, JSON, EMAIL, RTF, PDF} < SUPPORTED_TYPES
