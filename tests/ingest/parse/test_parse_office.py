"""Word, PowerPoint, OpenDocument and RTF files."""

import pickle
import zlib

import pytest

from ingest.parse import parse
from kb.errors import DocumentCorrupt, DocumentEmpty, DocumentEncrypted, DocumentTooComplex
from kb.media_types import DOCX, ODT, PPTX, RTF, XLSX
from tests.ingest.files.builders import (
    encrypted_office_file,
    open_document_file,
    saved,
    slides_file,
    with_member,
    word_document,
    word_file,
    zip_file,
)
from tests.ingest.files.lines import outlined, texts

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def test_word_blocks_know_the_headings_above() -> None:
    parsed = parse(word_file(), DOCX)

    assert parsed.title == "Leave rules"
    assert parsed.parser == "kreuzberg"
    assert parsed.warnings == ()
    assert outlined(parsed) == [
        ("heading", "", "Leave"),
        ("paragraph", "Leave", "Everyone has 25 days."),
        ("heading", "Leave", "Parental leave"),
        ("paragraph", "Leave / Parental leave", "Parents have: 16 weeks."),
        ("table_row", "Leave / Parental leave", "Grade: A | Days: 25"),
        ("table_row", "Leave / Parental leave", "Grade: B | Days: 30"),
        ("heading", "", "Sick leave"),
        ("paragraph", "Sick leave", "Call in before nine."),
        ("paragraph", "", "ACME internal"),
    ]


def test_a_table_of_contents_is_left_out() -> None:
    document = word_document()
    for line in ("1. Leave\t1-1", "2. Pay\t1-4", "3. Sick leave of", "teachers\t12", "4. Tax\t13"):
        document.add_paragraph(line)
    for heading in ("1. Leave", "2. Pay", "3. Sick leave of teachers", "4. Tax"):
        document.add_heading(heading, 1)
        document.add_paragraph(f"About {heading}.")

    parsed = parse(saved(document), DOCX)

    assert texts(parsed)[:2] == ["1. Leave", "About 1. Leave."]
    assert len(parsed.blocks) == 8


def test_two_lines_that_end_with_a_number_are_no_table_of_contents() -> None:
    document = word_document()
    document.add_paragraph("Leave 2")
    document.add_paragraph("Pay 3")
    document.add_heading("Leave", 1)
    document.add_heading("Pay", 1)

    assert texts(parse(saved(document), DOCX)) == ["Leave 2", "Pay 3", "Leave", "Pay"]


def test_comments_of_a_word_file_are_marked_as_such() -> None:
    comments = (
        f'<w:comments xmlns:w="{_W}"><w:comment w:author="Jane"><w:p><w:r><w:t>Still true?</w:t>'
        "</w:r></w:p></w:comment></w:comments>"
    )

    parsed = parse(with_member(word_file(), "word/comments.xml", comments.encode()), DOCX)

    assert outlined(parsed)[-1] == ("paragraph", "Comments", "Comment by Jane: Still true?")


def test_the_numbers_of_a_chart_are_read() -> None:
    def points(tag: str, *values: str) -> str:
        inner = "".join(
            f'<c:pt idx="{i}"><c:v>{value}</c:v></c:pt>' for i, value in enumerate(values)
        )
        return f"<c:{tag}><c:cache>{inner}</c:cache></c:{tag}>"

    categories = points("cat", "2024", "2025")
    ser = "".join(
        f"<c:ser>{points('tx', name)}{categories}{points('val', *values)}</c:ser>"
        for name, values in (("Ducks", ("80", "95")), ("Geese", ("7", "9")))
    )
    chart = (
        f'<c:chartSpace xmlns:c="{_C}" xmlns:a="{_A}"><c:chart><c:title><a:p><a:t>Birds</a:t></a:p>'
        f"</c:title><c:plotArea><c:barChart>{ser}</c:barChart></c:plotArea></c:chart></c:chartSpace>"
    )

    parsed = parse(with_member(word_file(), "word/charts/chart1.xml", chart.encode()), DOCX)

    assert texts(parsed)[-3:] == [
        "Birds",
        "2024 | Ducks: 80 | Geese: 7",
        "2025 | Ducks: 95 | Geese: 9",
    ]


def test_slides_have_their_numbers_titles_tables_and_notes() -> None:
    parsed = parse(slides_file(), PPTX)

    lines = [
        (block.slide, *line) for block, line in zip(parsed.blocks, outlined(parsed), strict=True)
    ]
    assert lines == [
        (1, "heading", "", "Roadmap"),
        (1, "paragraph", "Roadmap", "Ship in March"),
        (1, "paragraph", "Roadmap", "Hire three"),
        (1, "paragraph", "Roadmap", "Do not promise a date."),
        (3, "heading", "", "Übersicht"),
        (3, "table_row", "Übersicht", "Team: Sales | Head: Ana"),
    ]
    assert parsed.title == "Roadmap"


def test_open_document_lists_keep_every_item() -> None:
    assert outlined(parse(open_document_file(), ODT)) == [
        ("heading", "", "Leave"),
        ("paragraph", "Leave", "Everyone has 25 days."),
        ("list_item", "Leave", "one"),
        ("list_item", "Leave", "inner"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rb"{\rtf1\ansi Hello \b bold\b0\par Gr\'fc\'dfe \u228? \par}", "Hello bold\n\nGrüße ä"),
        (
            rb"{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset128 B;}}\f1 \'83\'5d\'83]\f0 \'e9t}",
            "ゾゾét",
        ),
        (
            rb"{\rtf1\ansicpg1251{\fonttbl{\f0\fcharset204 A;}}\f0 \'ce\'f2\'ef\'f3\'f1\'ea}",
            "Отпуск",
        ),
    ],
)
def test_rtf_letters_are_read_in_the_code_page_of_their_font(content: bytes, expected: str) -> None:
    assert parse(content, RTF).text == expected


@pytest.mark.parametrize("media_type", [DOCX, PPTX, XLSX])
def test_an_encrypted_office_file_is_encrypted(media_type: str) -> None:
    with pytest.raises(DocumentEncrypted):
        parse(encrypted_office_file(), media_type)


@pytest.mark.parametrize("media_type", [DOCX, PPTX, XLSX, ODT])
@pytest.mark.parametrize(
    "content",
    [
        word_file()[:3000],
        b"PK\x03\x04 and then nothing",
        zip_file({"a.txt": b"a"}),
        with_member(word_file(), "word/document.xml", b"<w:document><w:body"),
    ],
)
def test_a_damaged_package_is_corrupt(content: bytes, media_type: str) -> None:
    with pytest.raises((DocumentCorrupt, DocumentEmpty)):
        parse(content, media_type)


def test_a_member_with_damaged_bytes_is_corrupt() -> None:
    content = bytearray(word_file())
    start = content.index(b"word/document.xml") + len(b"word/document.xml")
    content[start : start + 40] = bytes(40)

    with pytest.raises(DocumentCorrupt):
        parse(bytes(content), DOCX)


def test_a_part_in_an_unknown_encoding_is_corrupt() -> None:
    presentation = b"<?xml version='1.0' encoding='no-such'?><a/>"

    with pytest.raises(DocumentCorrupt):
        parse(with_member(slides_file(), "ppt/presentation.xml", presentation), PPTX)


def test_a_package_that_unpacks_to_gigabytes_is_too_complex() -> None:
    package = with_member(word_file(), "word/document.xml", b"")
    claim = (600 * 1024**2).to_bytes(4, "little")
    # The size that the central directory claims for the empty member: 16 bytes after its checksum.
    entry = package.rindex(b"PK\x01\x02", 0, package.rindex(b"word/document.xml"))
    bomb = package[: entry + 24] + claim + package[entry + 28 :]
    assert zlib.crc32(b"") == 0

    with pytest.raises(DocumentTooComplex):
        parse(bomb, DOCX)


def test_an_encrypted_open_document_is_encrypted() -> None:
    content = with_member(
        open_document_file(), "META-INF/manifest.xml", b"<manifest:encryption-data/>"
    )

    with pytest.raises(DocumentEncrypted):
        parse(content, ODT)


def test_a_word_file_without_text_is_empty() -> None:
    with pytest.raises(DocumentEmpty):
        parse(saved(word_document()), DOCX)


def test_the_result_can_cross_a_process_border() -> None:
    parsed = parse(word_file(), DOCX)

    assert pickle.loads(pickle.dumps(parsed)) == parsed  # noqa: S301 - our own bytes
