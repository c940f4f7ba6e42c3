"""Tells what kind of file an upload is by its bytes; its name only tells texts apart.

Not read, and why:
- images, audio, video: there is no text in them without a recogniser, which is not installed;
- DOC, XLS, PPT, MSG (before 2007) and XLSB: their readers lose headings and tables; save them in
  today's format;
- ZIP, TAR and other archives: they are many documents, each with readers of its own;
- XML and SVG: without the schema, mark-up cannot be told from text;
- EPUB, ODS, ODP and the rest: nobody has measured what is lost.

Not left to kreuzberg's detection: of 21 files, hostile ones among them, it names 9 as we do. It
takes programs and NUL for text, ODT for an archive, and its import costs the API 198 ms and 21 MB.
"""

import lzma
import zipfile
import zlib
from io import BytesIO
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Final

from kb.errors import DocumentEmpty, UnsupportedMediaType

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
PLAIN_TEXT: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"
JSON: Final = "application/json"
EMAIL: Final = "message/rfc822"
RTF: Final = "application/rtf"
PDF: Final = "application/pdf"
DOCX: Final = f"{_OFFICE}wordprocessingml.document"
PPTX: Final = f"{_OFFICE}presentationml.presentation"
XLSX: Final = f"{_OFFICE}spreadsheetml.sheet"
ODT: Final = "application/vnd.oasis.opendocument.text"

TEXT_TYPES: Final = frozenset({PLAIN_TEXT, MARKDOWN, HTML, CSV, TSV, JSON, EMAIL})
OFFICE_TYPES: Final = frozenset({DOCX, PPTX, XLSX})
SUPPORTED_TYPES: Final = TEXT_TYPES | OFFICE_TYPES | {RTF, PDF, ODT}

ACCEPTED: Final = (
    "Markdown, HTML, plain text, CSV, TSV, JSON, e-mail, RTF, PDF, DOCX, PPTX, XLSX and ODT"
)
"""What is read, in words."""

OLE_SIGNATURE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""Old binary Office files, and the envelope of encrypted new ones."""

MAX_MEMBERS: Final = 10_000
"""Of an archive: a book of a thousand pictures has two thousand."""

UNPACKED_IN_PARTS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""All that Office formats allow; what is packed in other ways unpacks to gigabytes in one step."""

UNPACKING_FAILURES: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""The errors that `zipfile` raises for damaged, encrypted or exotic archives."""

_TYPE_BY_EXTENSION: Final = {
    ".txt": PLAIN_TEXT,
    ".text": PLAIN_TEXT,
    ".log": PLAIN_TEXT,
    ".rst": PLAIN_TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdx": MARKDOWN,
    ".htm": HTML,
    ".html": HTML,
    ".xhtml": HTML,
    ".csv": CSV,
    ".tsv": TSV,
    ".json": JSON,
    ".eml": EMAIL,
    ".rtf": RTF,
    ".pdf": PDF,
    ".docx": DOCX,
    ".docm": DOCX,
    ".pptx": PPTX,
    ".pptm": PPTX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".odt": ODT,
}
_TYPE_BY_ALIAS: Final = {
    "text/x-markdown": MARKDOWN,
    "application/xhtml+xml": HTML,
    "application/csv": CSV,
    "text/json": JSON,
    "text/rtf": RTF,
    "application/x-pdf": PDF,
}
_TYPES_THAT_SAY_NOTHING: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_MARKUP_TYPES: Final = frozenset({"text/xml", "application/xml", "image/svg+xml"})
_SOURCE_CODE_TYPES: Final = frozenset(
    {"application/javascript", "application/x-sh", "application/x-tex", "application/yaml"}
)
_TYPE_BY_MEMBER: Final = {
    "word/document.xml": DOCX,
    "ppt/presentation.xml": PPTX,
    "xl/workbook.xml": XLSX,
}
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL_BYTES: Final = bytes(set(range(0x20)) - set(b"\t\n\f\r\x1b"))
_MAX_CONTROL_SHARE: Final = 1 / 200
"""Compressed data holds about one control byte in ten, text a stray one in a page."""
_PDF_HEADER_WINDOW: Final = 1024
"""Readers accept leading bytes before `%PDF-`, up to here (ISO 32000-1, annex H.3.4.1)."""

# Only the table that ships with Python: the machine's own files must not change an answer.
_WELL_KNOWN = MimeTypes(filenames=())


def sniff(content: bytes, *, filename: str | None, declared: str | None) -> str:
    """The media type of `content`, one of `SUPPORTED_TYPES`.

    The bytes decide; the name's extension, else the declared type, tells texts apart. A damaged or
    encrypted file has the type it would have if it were sound: `parse` says what is wrong with it.

    Raises:
        DocumentEmpty: there are no bytes, or only white space.
        UnsupportedMediaType: Footnote does not read this type, or the name says something else
            than the bytes.
    """
    if not content or content.isspace():
        raise DocumentEmpty
    extension = PurePosixPath((filename or "").replace("\\", "/")).suffix.lower()
    named = _TYPE_BY_EXTENSION.get(extension) or _WELL_KNOWN.guess_type(f"x{extension}")[0]
    declared_type = (declared or "").partition(";")[0].strip().lower()
    expected = named
    if expected is None and declared_type not in _TYPES_THAT_SAY_NOTHING:
        expected = _TYPE_BY_ALIAS.get(declared_type, declared_type)
    found = _binary_type(content, expected=expected)
    if found is None:
        return _text_type(content, expected=expected)
    # Word writes RTF under the name .doc, and every reader accepts that.
    if named not in {None, found} and (named, found) != ("application/msword", RTF):
        raise UnsupportedMediaType(f"The file is named like {named!r} but holds {found!r}.")
    return found


def looks_like_text(content: bytes) -> bool:
    """True when `content` can be text in some encoding: it has hardly any control bytes."""
    if content.startswith(_BYTE_ORDER_MARKS):
        return True
    if unmarked_utf16(content):
        return True
    control_count = len(content) - len(content.translate(None, _CONTROL_BYTES))
    return b"\0" not in content and control_count <= len(content) * _MAX_CONTROL_SHARE


def unmarked_utf16(content: bytes) -> str | None:
    """The codec of Western text in UTF-16 without a mark: almost every second byte is zero."""
    if len(content) % 2:
        return None
    low, high = content[0::2], content[1::2]
    if high.count(0) > 0.9 * len(high) and 0 not in low:
        return "utf-16-le"
    if low.count(0) > 0.9 * len(low) and 0 not in high:
        return "utf-16-be"
    return None


def member_count(content: bytes) -> int:
    """The number of members of an archive, or a few more; reading their names takes 10 us each."""
    return content.count(b"PK\x01\x02")


def _binary_type(content: bytes, *, expected: str | None) -> str | None:
    """The type that the signature tells, None when there is no signature of ours."""
    if content.startswith(b"PK\x03\x04"):
        return _zip_type(content, expected=expected)
    if content.startswith(OLE_SIGNATURE):
        if "EncryptedPackage".encode("utf-16-le") not in content:
            raise UnsupportedMediaType(
                "Files of Office before 2007 are not read: save as DOCX, XLSX."
            )
        # Which of the three is inside cannot be seen without the password.
        return expected if expected in OFFICE_TYPES else DOCX
    if content.startswith(b"{\\rtf"):
        return RTF
    if b"%PDF-" in content[:_PDF_HEADER_WINDOW] and expected in {None, PDF}:
        return PDF
    return PDF if content.startswith(b"%PDF-") else None


def _zip_type(content: bytes, *, expected: str | None) -> str:
    if member_count(content) > MAX_MEMBERS:
        raise UnsupportedMediaType("The file is an archive of too many files.")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = archive.namelist()
            # What is packed in other ways is left alone: its first bytes would unpack all of it.
            member = archive.NameToInfo.get("mimetype")
            declared = b""
            if member is not None and member.compress_type in UNPACKED_IN_PARTS:
                with archive.open(member) as opened:
                    declared = opened.read(100)
    except UNPACKING_FAILURES as error:
        if expected in OFFICE_TYPES | {ODT}:
            return str(expected)
        raise UnsupportedMediaType("The file is a damaged archive.") from error
    if declared.strip() == ODT.encode():
        return ODT
    for name, media_type in _TYPE_BY_MEMBER.items():
        if name in names:
            return media_type
    raise UnsupportedMediaType("The file is an archive: upload the documents inside it.")


def _text_type(content: bytes, *, expected: str | None) -> str:
    if not looks_like_text(content):
        raise UnsupportedMediaType
    if expected in TEXT_TYPES:
        return str(expected)
    if expected in _MARKUP_TYPES:
        raise UnsupportedMediaType("XML is not read: upload HTML, Markdown or plain text.")
    if expected is None:
        start = content[:_PDF_HEADER_WINDOW].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return HTML if start.startswith((b"<!doctype html", b"<html")) else PLAIN_TEXT
    if expected.startswith("text/") or expected in _SOURCE_CODE_TYPES:
        return PLAIN_TEXT
    raise UnsupportedMediaType(f"The file says it is {expected!r} but holds plain text.")
