"""Reads a file of any known type and makes one text of it.

bytes -> drafts, by the reader for the type -> normal form and offsets
"""

import re
from collections.abc import Callable
from functools import partial
from platform import python_version
from typing import Final

from ingest.normalise import normalise
from ingest.parse.decoding import decode
from ingest.parse.document import Block, ParsedDocument, Reading, compose
from ingest.parse.extraction import PARSER, PARSER_VERSION
from ingest.parse.json_document import read_json
from ingest.parse.mail import read_mail
from ingest.parse.markup import (
    MARKDOWN_PARSER,
    MARKDOWN_PARSER_VERSION,
    declared_encoding,
    read_html,
    read_markdown,
)
from ingest.parse.pdf import read_pdf
from ingest.parse.plain_text import text_drafts
from ingest.parse.presentation import read_presentation
from ingest.parse.spreadsheet import read_separated, read_spreadsheet
from ingest.parse.word import read_docx, read_odt, read_rtf
from kb.errors import DocumentEmpty, DocumentTooComplex, UnsupportedMediaType
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
    TSV,
    XLSX,
)

REVISION_BY_TYPE: Final = {
    CSV: 1,
    DOCX: 1,
    EMAIL: 1,
    HTML: 1,
    JSON: 1,
    MARKDOWN: 1,
    ODT: 1,
    PDF: 1,
    PLAIN_TEXT: 1,
    PPTX: 1,
    RTF: 1,
    TSV: 1,
    XLSX: 1,
}
"""Revision of our own code for each type, stored behind the library's version: `4.10.0+1`.

Raise it when the same bytes get another text, other blocks, another title or other warnings, also
where a shared module is the cause: versions of an older revision are those to parse again.
"""

_PYTHON: Final = python_version()

_LIBRARY_BY_TYPE: Final = {
    CSV: ("csv", _PYTHON),
    DOCX: (PARSER, PARSER_VERSION),
    EMAIL: ("email", _PYTHON),
    HTML: (PARSER, PARSER_VERSION),
    JSON: ("json", _PYTHON),
    MARKDOWN: (MARKDOWN_PARSER, MARKDOWN_PARSER_VERSION),
    ODT: (PARSER, PARSER_VERSION),
    PDF: (PARSER, PARSER_VERSION),
    PLAIN_TEXT: ("text", _PYTHON),
    PPTX: (PARSER, PARSER_VERSION),
    RTF: (PARSER, PARSER_VERSION),
    TSV: ("csv", _PYTHON),
    XLSX: (PARSER, PARSER_VERSION),
}
"""What reads each type, with its version, without reading anything."""

READABLE_TYPES: Final = frozenset(_LIBRARY_BY_TYPE)

_MAX_ATTACHMENT_DEPTH: Final = 3
"""A forwarded message in a forwarded message has its place; a chain of them is an attack."""
_MAX_TITLE_CHARS: Final = 300
_WRITING_PROGRAM: Final = re.compile(
    r"^Microsoft \w+ - |\.(?:docx?|pdf|xlsx?|pptx?|indd|rtf)$", re.IGNORECASE
)
_NO_TITLES: Final = frozenset({"untitled", "untitled document", "document", "title", "(anonymous)"})


def parse(content: bytes, media_type: str) -> ParsedDocument:
    """The normalised text of a file of type `media_type`, with its blocks.

    A pure function of its arguments, so that it can run in a process of its own.

    Raises:
        DocumentEmpty: there are no letters or digits in it.
        DocumentEncrypted, DocumentCorrupt, DocumentTooComplex, UnsupportedMediaType: as they say.
    """
    reading = _read(content, media_type)
    text, blocks = compose(reading.drafts)
    if not any(character.isalnum() for character in text):
        raise DocumentEmpty
    return ParsedDocument(
        text=text,
        blocks=blocks,
        title=_title(reading.title) or _first_heading(text, blocks, media_type),
        parser=reading.parser,
        parser_version=f"{reading.parser_version}+{REVISION_BY_TYPE[media_type]}",
        warnings=tuple(dict.fromkeys(reading.warnings)),
    )


def parser_of(media_type: str) -> tuple[str, str]:
    """The parser and the version that `parse` puts on a document of this type today."""
    parser, version = _LIBRARY_BY_TYPE[media_type]
    return parser, f"{version}+{REVISION_BY_TYPE[media_type]}"


def _read(content: bytes, media_type: str, depth: int = 0) -> Reading:
    if depth > _MAX_ATTACHMENT_DEPTH:
        raise DocumentTooComplex
    if media_type in _READER_OF_BYTES:
        return _READER_OF_BYTES[media_type](content)
    if media_type == EMAIL:
        return read_mail(content, read_attachment=partial(_read, depth=depth + 1))
    if media_type not in _READER_OF_TEXT:
        raise UnsupportedMediaType
    declared = declared_encoding(content) if media_type == HTML else None
    text, warnings = decode(content, declared=declared)
    reading = _READER_OF_TEXT[media_type](text)
    return Reading(
        drafts=reading.drafts,
        title=reading.title,
        parser=reading.parser,
        parser_version=reading.parser_version,
        warnings=(*warnings, *reading.warnings),
    )


def _read_plain_text(text: str) -> Reading:
    return Reading(drafts=tuple(text_drafts(text)), parser="text", parser_version=python_version())


_READER_OF_BYTES: Final[dict[str, Callable[[bytes], Reading]]] = {
    DOCX: read_docx,
    ODT: read_odt,
    PDF: read_pdf,
    PPTX: read_presentation,
    RTF: read_rtf,
    XLSX: read_spreadsheet,
}
_READER_OF_TEXT: Final[dict[str, Callable[[str], Reading]]] = {
    CSV: partial(read_separated, delimiter=None),
    HTML: read_html,
    JSON: read_json,
    MARKDOWN: read_markdown,
    PLAIN_TEXT: _read_plain_text,
    TSV: partial(read_separated, delimiter="\t"),
}


def _title(text: str | None) -> str | None:
    title = _WRITING_PROGRAM.sub("", " ".join(normalise(text or "").split()))
    has_letters = any(character.isalpha() for character in title)
    return title[:_MAX_TITLE_CHARS] if has_letters and title.casefold() not in _NO_TITLES else None


def _first_heading(text: str, blocks: tuple[Block, ...], media_type: str) -> str | None:
    """The first heading below none; the names of sheets and attachments are not the document's."""
    headings = (
        text[block.char_start : block.char_end]
        for block in blocks
        if block.kind == "heading" and not block.section and media_type != XLSX
    )
    return next((title for heading in headings if (title := _title(heading))), None)
