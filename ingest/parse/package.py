"""Opens the ZIP package of an Office file: refuses bombs and encryption, reads its side parts.

kreuzberg 4.10 leaves out charts and the comments of DOCX files, and glues the words around a tab.
"""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from posixpath import join, normpath
from typing import Final
from xml.etree import ElementTree as ET

from ingest.parse.document import Draft
from ingest.parse.tables import table_drafts
from kb.errors import DocumentCorrupt, DocumentEncrypted, DocumentTooComplex
from kb.media_types import (
    MAX_MEMBERS,
    OLE_SIGNATURE,
    UNPACKED_IN_PARTS,
    UNPACKING_FAILURES,
    member_count,
)

MAX_UNPACKED_BYTES: Final = 512 * 1024**2
"""A manual of 872 pages unpacks to 6 MB; parsing needs several times this much memory."""
_CHART: Final = re.compile(r"(?:word|xl|ppt)/charts/chart\d*\.xml")
_TEXT_PARTS: Final = re.compile(r"word/(?:document|footnotes|endnotes|header\d*|footer\d*)\.xml")
_TAB: Final = b"<w:tab/>"
_SPACE: Final = b'<w:t xml:space="preserve"> </w:t>'
_NAMES: Final = {
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
}


def open_package(content: bytes) -> zipfile.ZipFile:
    """The package in `content`, whose members have a bearable size.

    Raises:
        DocumentCorrupt, DocumentEncrypted, DocumentTooComplex: as they say.
    """
    if content.startswith(OLE_SIGNATURE):
        raise DocumentEncrypted
    if member_count(content) > MAX_MEMBERS:
        raise DocumentTooComplex
    try:
        package = zipfile.ZipFile(BytesIO(content))
    except UNPACKING_FAILURES as error:
        raise DocumentCorrupt from error
    members = package.infolist()
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise DocumentTooComplex
    if any(member.flag_bits & 1 for member in members):
        raise DocumentEncrypted
    if any(member.compress_type not in UNPACKED_IN_PARTS for member in members):
        raise DocumentCorrupt
    if b"encryption-data" in read_member(package, "META-INF/manifest.xml"):
        raise DocumentEncrypted
    return package


def read_member(package: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member; empty when there is none of that name."""
    if name not in package.namelist():
        return b""
    try:
        with package.open(name) as member:
            # Asked for everything at once it unpacks far more than the file says there is.
            return member.read(package.getinfo(name).file_size)
    except UNPACKING_FAILURES as error:
        raise DocumentCorrupt from error


def read_xml(package: zipfile.ZipFile, name: str) -> ET.Element:
    """The root of a member; an empty element when there is none of that name."""
    member = read_member(package, name)
    if not member:
        return ET.Element("none")
    try:
        # Expat limits the expansion of entities since 2.4.0, and loads nothing from outside.
        return ET.fromstring(member)  # noqa: S314
    except (ET.ParseError, LookupError, ValueError) as error:
        # The last two are for encodings that Expat does not know or cannot use.
        raise DocumentCorrupt from error


_STAND_INS: Final = {b"&amp;": "\ue000", b"&lt;": "\ue001", b"&gt;": "\ue002"}
"""kreuzberg 4.10 drops these characters from DOCX text: private ones take their places."""
_RESTORED: Final = str.maketrans({"\ue000": "&", "\ue001": "<", "\ue002": ">"})


def restored(text: str) -> str:
    """The text with its own characters where `with_spaces_for_tabs` put stand-ins."""
    return text.translate(_RESTORED)


def with_spaces_for_tabs(package: zipfile.ZipFile) -> bytes:
    """The DOCX file again, with a space where a tab stood between two words, and stand-ins."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as copy:
        for name in dict.fromkeys(package.namelist()):
            member = read_member(package, name)
            if _TEXT_PARTS.match(name):
                for escaped, stand_in in _STAND_INS.items():
                    member = member.replace(escaped, stand_in.encode())
                member = member.replace(_TAB, _SPACE)
            copy.writestr(name, member)
    return target.getvalue()


def comment_drafts(package: zipfile.ZipFile) -> Iterator[Draft]:
    """The comments of a DOCX file, each with the name of who wrote it."""
    for comment in read_xml(package, "word/comments.xml").iterfind("w:comment", _NAMES):
        author = comment.get(f"{{{_NAMES['w']}}}author")
        text = "\n".join(_text(paragraph, "w:t") for paragraph in comment.iterfind("w:p", _NAMES))
        yield Draft(
            kind="paragraph",
            text=f"Comment by {author}: {text}" if author else f"Comment: {text}",
            section=("Comments",),
        )


def chart_names(package: zipfile.ZipFile) -> list[str]:
    """The members that are charts."""
    return sorted(name for name in package.namelist() if _CHART.fullmatch(name))


def chart_drafts(package: zipfile.ZipFile, name: str) -> Iterator[Draft]:
    """The title of a chart, and a row for each category with the value of every series."""
    root = read_xml(package, name)
    title = root.find("c:chart/c:title", _NAMES)
    if title is not None:
        yield Draft(kind="paragraph", text=_text(title, "a:t"))
    series = list(root.iterfind(".//c:ser", _NAMES))
    categories = {key: text for one in series for key, text in _points(one, "c:cat").items()}
    columns = [_points(one, "c:val") for one in series]
    names = ["".join(_points(one, "c:tx").values()) for one in series]
    keys = sorted(categories.keys() | {key for column in columns for key in column})
    rows = [[categories.get(key, ""), *(column.get(key, "") for column in columns)] for key in keys]
    if rows:
        yield from table_drafts([["", *names], *rows], is_labelled=True)


def relations(package: zipfile.ZipFile, part: str) -> dict[str, str]:
    """The members that `part` refers to, by the id it uses for them."""
    folder, _, name = part.rpartition("/")
    root = read_xml(package, f"{folder}/_rels/{name}.rels")
    return {
        # From the package's root, which no path leaves; a target may begin there itself.
        relation.get("Id", ""): normpath(join("/", folder, relation.get("Target", ""))).lstrip("/")
        for relation in root
    }


def relation_id(element: ET.Element) -> str:
    """The id by which an element refers to a member."""
    return element.get(f"{{{_NAMES['r']}}}id", "")


def _points(series: ET.Element, kind: str) -> dict[int, str]:
    return {
        int(point.get("idx", "0")): _text(point, "c:v")
        for point in series.iterfind(f"{kind}//c:pt", _NAMES)
    }


def _text(element: ET.Element, tag: str) -> str:
    return "".join(leaf.text or "" for leaf in element.iterfind(f".//{tag}", _NAMES))
