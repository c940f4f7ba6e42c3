"""A sample that a format cannot hold is refused, and Office files carry no clock."""

from collections.abc import Callable
from io import BytesIO
from zipfile import ZipFile

import pytest

from footnote.samples.blocks import (
    Block,
    PageBreak,
    Sample,
    bullets,
    heading,
    paragraph,
    sections,
    table,
)
from footnote.samples.manifest import EVERYBODY, ManifestEntry
from footnote.samples.render.as_csv import render_csv
from footnote.samples.render.as_docx import render_docx
from footnote.samples.render.as_html import render_html
from footnote.samples.render.as_markdown import render_markdown
from footnote.samples.render.as_pptx import render_pptx
from footnote.samples.render.as_text import render_text
from footnote.samples.render.as_xlsx import render_xlsx
from footnote.samples.render.office_archive import without_clock


def sample_of(*blocks: Block) -> Sample:
    entry = ManifestEntry(
        file="a.txt", external_id="A-1", title="A", principals=(EVERYBODY,), collection="default"
    )
    return Sample(entry=entry, blocks=blocks)


def test_paragraph_is_put_on_one_line() -> None:
    assert paragraph("one\n        two").text == "one two"


def test_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 cells"):
        table(("a", "b"), ("only one",))


def test_section_holds_everything_up_to_the_next_heading() -> None:
    first, second = heading(2, "First"), heading(2, "Second")
    text, lines = paragraph("text"), bullets("line")

    found = sections(sample_of(first, text, lines, second))

    assert [(section.heading, section.blocks) for section in found] == [
        (first, (text, lines)),
        (second, ()),
    ]


def test_text_before_the_first_heading_has_no_section() -> None:
    with pytest.raises(ValueError, match="must start with a heading"):
        sections(sample_of(paragraph("text")))


@pytest.mark.parametrize(
    ("render", "blocks"),
    [
        (render_csv, (heading(1, "Title"), table(("a",), ("1",)))),
        (render_docx, (PageBreak(),)),
        (render_xlsx, (heading(2, "Sheet"), PageBreak())),
        (render_pptx, (heading(2, "Slide"), paragraph("text"), table(("a",), ("1",)))),
    ],
)
def test_block_that_the_format_cannot_hold_is_refused(
    render: Callable[[Sample], bytes], blocks: tuple[Block, ...]
) -> None:
    with pytest.raises(ValueError, match=r"hold|has|must be"):
        render(sample_of(*blocks))


@pytest.mark.parametrize(
    ("render", "expected"),
    [
        (render_markdown, "## A & B\n\n- one\n\n| x |\n| --- |\n| 1.5 |\n"),
        (render_text, "A & B\n-----\n\n  * one\n\nx\n1.5\n"),
    ],
)
def test_plain_formats_are_written_as_people_write_them(
    render: Callable[[Sample], bytes], expected: str
) -> None:
    sample = sample_of(heading(2, "A & B"), bullets("one"), table(("x",), (1.5,)))

    assert render(sample).decode() == expected


def test_html_escapes_marks_of_the_language() -> None:
    page = render_html(sample_of(paragraph("a < b & c"))).decode()

    assert "<p>a &lt; b &amp; c</p>" in page


def test_office_file_loses_the_time_of_writing() -> None:
    written = BytesIO()
    stamp = '<dcterms:modified xsi:type="dcterms:W3CDTF">{}</dcterms:modified>'
    with ZipFile(written, "w") as archive:
        archive.writestr("docProps/core.xml", stamp.format("2031-12-24T18:00:00Z"))
        archive.writestr("other.xml", "kept")

    with ZipFile(BytesIO(without_clock(written.getvalue()))) as archive:
        dates = {member.date_time for member in archive.infolist()}
        core_properties = archive.read("docProps/core.xml").decode()
        other = archive.read("other.xml").decode()

    assert dates == {(2025, 5, 1, 8, 0, 0)}
    assert core_properties == stamp.format("2025-05-01T08:00:00Z")
    assert other == "kept"
