"""Small files that are large, deep or slow once they are read; each is made in memory."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping

WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
WORD_NAMES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET_NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

NESTED = 100_000
UNPACKED_BYTES = 1_000_000_000
"""The size of a bomb of one megabyte once it is unpacked."""

SPACES = b" " * 1_000_000
LOCAL_SIZE_AT, CENTRAL_SIZE_AT = 22, 24
"""The offsets of the unpacked size in the headers of a zip member."""


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """Name and content of each, one after the other: some are large while they are made."""
    for name, make in ARCHIVES.items():
        yield name, make()
    for name, write in TEXTS.items():
        yield name, write().encode()


def _zip(members: Mapping[str, str | Iterator[bytes]]) -> bytes:
    """An archive; a member given in pieces is never in memory as a whole."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            pieces = iter([content.encode()]) if isinstance(content, str) else content
            # Without a date of its own, so that the archive is the same in each run.
            described = zipfile.ZipInfo(name)
            described.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(described, "w") as member:
                for piece in pieces:
                    member.write(piece)
    return buffer.getvalue()


def _blown_up(start: str, end: str) -> Iterator[bytes]:
    """A gigabyte of spaces between the two."""
    yield start.encode()
    for _ in range(UNPACKED_BYTES // len(SPACES)):
        yield SPACES
    yield end.encode()


def _odt(body: str | None) -> bytes:
    """A text with this body; None: a gigabyte of spaces."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    start = (
        f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:text="{names}:text:1.0" '
        f'xmlns:table="{names}:table:1.0"><office:body><office:text>'
    )
    end = "</office:text></office:body></office:document-content>"
    content = _blown_up(start, end) if body is None else start + body + end
    kind = "application/vnd.oasis.opendocument.text"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"><manifest:file-entry '
        f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return _zip({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def _docx(document: str | Iterator[bytes]) -> bytes:
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{WORD_TYPE}"/></Types>'
    )
    relations = (
        f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    )
    return _zip(
        {"[Content_Types].xml": types, "_rels/.rels": relations, "word/document.xml": document}
    )


def _word(body: str, *, doctype: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{doctype}<w:document {WORD_NAMES}><w:body>{body}</w:body>'
        "</w:document>"
    )


def _word_text(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _xlsx(sheet: str, shared: str | Iterator[bytes] = "") -> bytes:
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{main}.worksheet+xml"/>'
        "</Types>"
    )
    members: dict[str, str | Iterator[bytes]] = {
        "[Content_Types].xml": types,
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {SHEET_NAMES} xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Far" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" '
        f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {SHEET_NAMES}>{sheet}</worksheet>",
    }
    if shared:
        members["xl/sharedStrings.xml"] = shared
    return _zip(members)


def two_far_cells() -> bytes:
    """A1 and the last cell there is."""
    return _xlsx(
        "<sheetData>"
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c>'
        "</row></sheetData>"
    )


def merged_sheet() -> bytes:
    """One cell merged over the whole sheet."""
    return _xlsx(
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
        '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    )


def lying_size(inner: bytes, member: str) -> bytes:
    """The archive, whose headers now say that the member has 100 bytes unpacked."""
    content = bytearray(inner)
    for signature, offset in ((b"PK\x03\x04", LOCAL_SIZE_AT), (b"PK\x01\x02", CENTRAL_SIZE_AT)):
        start = content.find(signature)
        while start >= 0:
            header = content[start : start + 400]
            if member.encode() in header[30:100]:
                struct.pack_into("<I", content, start + offset, 100)
            start = content.find(signature, start + 4)
    return bytes(content)


def word_bomb() -> bytes:
    """A document of a gigabyte, in a megabyte."""
    start, end = _word("<w:p/>").split("<w:p/>")
    return _docx(_blown_up(start, end))


def pdf(objects: Mapping[int, bytes]) -> bytes:
    """A PDF of these objects; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, content in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number in sorted(objects):
        out += b"%010d 00000 n \n" % places[number]
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(content), content)


def pdf_of_page(content: bytes, *, others: Mapping[int, bytes], resources: bytes = b"") -> bytes:
    """A PDF with one page; its content is object 4."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<%b>>>>"
    return pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: page % resources,
            4: content,
            **others,
        }
    )


def pdf_form_loops() -> bytes:
    """Forms that each draw the next twice, forty deep, and at last themselves."""
    forms = {}
    for number in range(10, 50):
        following = number + 1 if number < 49 else 10  # noqa: PLR2004  # the last one
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>"
        forms[number] = _stream(b"/F Do /F Do", entries % following)
    return pdf_of_page(_stream(b"/F Do /F Do"), others=forms, resources=b"/XObject<</F 10 0 R>>")


def pdf_page_loop() -> bytes:
    """A tree of pages that contains itself."""
    kids = b" ".join([b"2 0 R"] * 10)
    return pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[%b]/Count 1000000/Parent 2 0 R>>" % kids,
        }
    )


def pdf_stream_bomb() -> bytes:
    """Drawing commands of a gigabyte, packed."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(SPACES) for _ in range(1000)) + packer.flush()
    return pdf_of_page(_stream(packed, b"/Filter/FlateDecode"), others={})


def many_laughs() -> bytes:
    """Entities that expand to ten thousand million."""
    entities = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    doctype = f'<!DOCTYPE d [<!ENTITY e0 "ha">{entities}]>'
    return _docx(_word(_word_text("&e9;"), doctype=doctype))


def quadratic_entities() -> bytes:
    """One long entity, many times."""
    doctype = f'<!DOCTYPE d [<!ENTITY long "{"x" * 100_000}">]>'
    return _docx(_word(_word_text("&long;" * 50_000), doctype=doctype))


def outside_entity() -> bytes:
    """An entity that names a file of the host."""
    doctype = '<!DOCTYPE d [<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    return _docx(_word(_word_text("This host has &file;."), doctype=doctype))


def _nested(opening: str, closing: str, inner: str, depth: int = NESTED) -> str:
    return opening * depth + inner + closing * depth


def _mail(headers: str, body: str = "Hello.") -> str:
    return f"From: a@example.org\r\nSubject: Hello\r\n{headers}\r\n{body}"


def _mail_parts(depth: int) -> str:
    opening = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n'
        for level in range(depth)
    )
    return f"From: a@example.org\r\nMIME-Version: 1.0\r\n{opening}\r\nHello."


ARCHIVES: Mapping[str, Callable[[], bytes]] = {
    "nested-sections.odt": lambda: _odt(
        _nested("<text:section>", "</text:section>", "<text:p>in</text:p>")
    ),
    "nested-lists.odt": lambda: _odt(
        _nested("<text:list><text:list-item>", "</text:list-item></text:list>", "", 50_000)
    ),
    "repeated-cells.odt": lambda: _odt(
        "<table:table><table:table-row table:number-rows-repeated='1048576'>"
        "<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    ),
    "nested-tables.docx": lambda: _docx(
        _word(_nested("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", "<w:p/>", 50_000))
    ),
    "nested-controls.docx": lambda: _docx(
        _word(_nested("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>", _word_text("in")))
    ),
    "bomb.docx": word_bomb,
    "lying-bomb.docx": lambda: lying_size(word_bomb(), "word/document.xml"),
    "lying-bomb.odt": lambda: lying_size(_odt(None), "content.xml"),
    "laughs.docx": many_laughs,
    "quadratic.docx": quadratic_entities,
    "outside-entity.docx": outside_entity,
    "two-far-cells.xlsx": two_far_cells,
    "merged-sheet.xlsx": merged_sheet,
    "shared-bomb.xlsx": lambda: _xlsx("<sheetData/>", _blown_up("<sst>", "</sst>")),
    "form-loops.pdf": pdf_form_loops,
    "page-loop.pdf": pdf_page_loop,
    "stream-bomb.pdf": pdf_stream_bomb,
    "nested-arrays.pdf": lambda: pdf_of_page(
        _stream(b"[" * NESTED + b"]" * NESTED), others={9: b"[" * NESTED + b"]" * NESTED}
    ),
}
TEXTS: Mapping[str, Callable[[], str]] = {
    "nested-tables.html": lambda: _nested("<table><tr><td>", "", "in", 1_400),
    "wide-cells.html": lambda: (
        f"<table>{('<tr>' + '<td colspan=1000 rowspan=65534>x</td>' * 250 + '</tr>') * 2}</table>"
    ),
    "nested-divs.html": lambda: _nested("<div>", "</div>", "in"),
    "many-attributes.html": lambda: f"<p {' '.join(f'a{n}=1' for n in range(200_000))}>in</p>",
    "nested-quotes.md": lambda: ">" * NESTED + " in",
    "nested-brackets.md": lambda: "[" * NESTED + "in" + "](" * NESTED,
    "stars.md": lambda: "*a_ **b__ " * 50_000,
    "nested-groups.rtf": lambda: r"{\rtf1 " + _nested("{", "}", "in") + "}",
    "deep.json": lambda: _nested("[", "]", "", 1_000_000),
    "wide-numbers.json": lambda: f"[{'9' * 4_000_000}]",
    "many-keys.json": lambda: json.dumps({f"k{n}": n for n in range(10_000)}),
    "one-line.csv": lambda: "a," * 200_000,
    "never-closed.csv": lambda: 'a,b\n1,"' + "x\n" * 2_000_000,
    "one-word.txt": lambda: "a" * 4_000_000,
    "combining.txt": lambda: "a" + "\u0300" * 1_000_000,
    "long-subject.eml": lambda: _mail("X-Long: " + "=?utf-8?q?a?= " * 100_000 + "\r\n"),
    "long-addresses.eml": lambda: _mail("To: " + "<(" * 200_000 + "\r\n"),
    "long-parameters.eml": lambda: _mail(
        "Content-Type: text/plain;" + "".join(f" a*{n}*=x;" for n in range(50_000)) + "\r\n"
    ),
    "nested-parts.eml": lambda: _mail_parts(5_000),
}
