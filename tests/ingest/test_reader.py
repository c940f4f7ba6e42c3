"""The parser that a document is stored with, and its version."""

from importlib.metadata import version

import pytest

from ingest.parse import READABLE_TYPES, parse, parser_of
from ingest.parse.reader import REVISION_BY_TYPE
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
)
from tests.ingest.files.builders import (
    open_document_file,
    pdf_file,
    slides_file,
    word_file,
    workbook_file,
)

FILE_BY_TYPE = {
    CSV: b"desk,bonus\nTravel,100\n",
    DOCX: word_file(),
    EMAIL: b"Subject: Bonus\nFrom: ana@example.org\n\nIt is paid in April.\n",
    HTML: b"<h1>Bonus</h1><p>It is paid in April.</p>",
    JSON: b'{"bonus": "paid in April"}',
    MARKDOWN: b"# Bonus\n\nIt is paid in April.\n",
    ODT: open_document_file(),
    PDF: pdf_file([[("Normal", "It is paid in April.")]]),
    PLAIN_TEXT: b"It is paid in April.\n",
    PPTX: slides_file(),
    RTF: rb"{\rtf1\ansi It is paid in April.\par}",
    TSV: b"desk\tbonus\nTravel\t100\n",
    XLSX: workbook_file({"Bonus": [["desk", "bonus"], ["Travel", 100]]}),
}


def test_every_type_that_is_read_has_a_revision() -> None:
    assert set(REVISION_BY_TYPE) == SUPPORTED_TYPES == READABLE_TYPES == set(FILE_BY_TYPE)


def test_the_revision_stands_behind_the_version_of_the_library() -> None:
    parsed = parse(b"# One\n\nText.\n", MARKDOWN)

    assert parsed.parser == "markdown-it-py"
    assert parsed.parser_version == f"{version(parsed.parser)}+{REVISION_BY_TYPE[MARKDOWN]}"


@pytest.mark.parametrize("media_type", sorted(FILE_BY_TYPE))
def test_what_would_read_a_type_is_known_without_reading(media_type: str) -> None:
    """Otherwise the re-index would read every document of the type again, every night."""
    parsed = parse(FILE_BY_TYPE[media_type], media_type)

    assert (parsed.parser, parsed.parser_version) == parser_of(media_type)
