"""Small files that are large, deep or slow once they are read; each is made in memory."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping

WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
WORD_NAMES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET_NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

NESTED = 100_000
UNPACKED_BYTES = 1_000_000_000
"""The size of a bomb of one megabyte once it is unpacked; a test makes them smaller."""

SPACES = b" " * 1_000_000
LOCAL_SIZE_AT, CENTRAL_SIZE_AT = 22, 24
"""The offsets of the unpacked size in the headers of a zip member."""


def hostile_files(*, unpacked_bytes: int = UNPACKED_BYTES) -> Iterator[tuple[str, bytes]]:
    """Name and content of each, one after the other: some are large while they are made."""
    yield from office_texts(unpacked_bytes)
    yield from sheets(unpacked_bytes)
    yield from pdfs(unpacked_bytes)
    for name, text in texts():
        yield name, text.encode()


def office_texts(unpacked_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Documents of a word processor: too deep, too large, or with entities."""
    sections = _nested("<text:section>", "</text:section>", "<text:p>in</text:p>")
    yield "nested-sections.odt", _odt(sections)
    lists = _nested("<text:list><text:list-item>", "</text:list-item></text:list>", "", 50_000)
    yield "nested-lists.odt", _odt(lists)
    repeated = (
        "<table:table><table:table-row table:number-rows-repeated='1048576'>"
        "<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    yield "repeated-cells.odt", _odt(repeated)

    tables = _nested("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", "<w:p/>", 50_000)
    yield "nested-tables.docx", _docx(_word(tables))
    text = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    controls = _nested("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>", text.format("in"))
    yield "nested-controls.docx", _docx(_word(controls))

    # A megabyte that unpacks to a gigabyte, and then one that says that it does not.
    start, end = _word("<w:p/>").split("<w:p/>")
    bomb = _docx(_blown_up(start, end, unpacked_bytes))
    yield "bomb.docx", bomb
    yield "lying-bomb.docx", lying_size(bomb, "word/document.xml")
    yield "lying-bomb.odt", lying_size(_odt(None, unpacked_bytes), "content.xml")

    # Ten thousand million laughs, one long entity many times, and a file of the host.
    laughs = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    for name, entities, shown in (
        ("laughs.docx", f'<!ENTITY e0 "ha">{laughs}', "&e9;"),
        ("quadratic.docx", f'<!ENTITY long "{"x" * 100_000}">', "&long;" * 50_000),
        (
            "outside-entity.docx",
            '<!ENTITY file SYSTEM "file:///etc/passwd">',
            "This host has &file;.",
        ),
    ):
        yield name, _docx(_word(text.format(shown), doctype=f"<!DOCTYPE d [{entities}]>"))


def sheets(unpacked_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Spreadsheets of few cells that span everything, and one with a gigabyte of shared texts."""
    first = '<row r="1"><c r="A1"><v>1</v></c></row>'
    last = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    yield "two-far-cells.xlsx", _xlsx(f"<sheetData>{first}{last}</sheetData>")
    merged = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    yield "merged-sheet.xlsx", _xlsx(f"<sheetData>{first}</sheetData>{merged}")
    shared = _blown_up("<sst>", "</sst>", unpacked_bytes)
    yield "shared-bomb.xlsx", _xlsx("<sheetData/>", shared)


def pdfs(unpacked_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Forms and pages that contain themselves, packed drawing commands, and deep arrays."""
    # Forms that each draw the next twice, forty deep, and at last the first again.
    forms, draw_twice = {}, _stream(b"/F Do /F Do")
    for number in range(10, 50):
        following = number + 1 if number < 49 else 10  # noqa: PLR2004  # the last one
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>"
        forms[number] = _stream(b"/F Do /F Do", entries % following)
    resources = b"/XObject<</F 10 0 R>>"
    yield "form-loops.pdf", _pdf_of_page(draw_twice, others=forms, resources=resources)

    # A tree of pages that contains itself.
    kids = b" ".join([b"2 0 R"] * 10)
    pages = b"<</Type/Pages/Kids[%b]/Count 1000000/Parent 2 0 R>>" % kids
    yield "page-loop.pdf", _pdf({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: pages})

    packer = zlib.compressobj(9)
    pieces = [packer.compress(SPACES) for _ in range(unpacked_bytes // len(SPACES))]
    packed = _stream(b"".join(pieces) + packer.flush(), b"/Filter/FlateDecode")
    yield "stream-bomb.pdf", _pdf_of_page(packed, others={})

    arrays = b"[" * NESTED + b"]" * NESTED
    yield "nested-arrays.pdf", _pdf_of_page(_stream(arrays), others={9: arrays})


def texts() -> Iterator[tuple[str, str]]:
    """Files that are text: too deep, with many of what is usually few, or without an end."""
    yield "nested-tables.html", _nested("<table><tr><td>", "", "in", 1_400)
    wide = "<tr>" + "<td colspan=1000 rowspan=65534>x</td>" * 250 + "</tr>"
    yield "wide-cells.html", f"<table>{wide * 2}</table>"
    yield "nested-divs.html", _nested("<div>", "</div>", "in")
    yield "many-attributes.html", f"<p {' '.join(f'a{n}=1' for n in range(200_000))}>in</p>"
    yield "nested-quotes.md", ">" * NESTED + " in"
    yield "nested-brackets.md", "[" * NESTED + "in" + "](" * NESTED
    yield "stars.md", "*a_ **b__ " * 50_000
    yield "nested-groups.rtf", r"{\rtf1 " + _nested("{", "}", "in") + "}"
    yield "deep.json", _nested("[", "]", "", 1_000_000)
    yield "wide-numbers.json", f"[{'9' * 4_000_000}]"
    yield "many-keys.json", json.dumps({f"k{n}": n for n in range(10_000)})
    yield "one-line.csv", "a," * 200_000
    yield "never-closed.csv", 'a,b\n1,"' + "x\n" * 2_000_000
    yield "one-word.txt", "a" * 4_000_000
    yield "combining.txt", "a" + "\u0300" * 1_000_000

    parameters = "".join(f" a*{n}*=x;" for n in range(50_000))
    for name, header in (
        ("long-subject.eml", "X-Long: " + "=?utf-8?q?a?= " * 100_000),
        ("long-addresses.eml", "To: " + "<(" * 200_000),
        ("long-parameters.eml", f"Content-Type: text/plain;{parameters}"),
    ):
        yield name, f"From: a@example.org\r\nSubject: Hello\r\n{header}\r\n\r\nHello."
    parts = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n'
        for level in range(5_000)
    )
    yield "nested-parts.eml", f"From: a@example.org\r\nMIME-Version: 1.0\r\n{parts}\r\nHello."


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


def _nested(opening: str, closing: str, inner: str, depth: int = NESTED) -> str:
    return opening * depth + inner + closing * depth


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


def _blown_up(start: str, end: str, size_bytes: int) -> Iterator[bytes]:
    """So many spaces between the two."""
    yield start.encode()
    for _ in range(size_bytes // len(SPACES)):
        yield SPACES
    yield end.encode()


def _odt(body: str | None, unpacked_bytes: int = UNPACKED_BYTES) -> bytes:
    """A text with this body; None: so many spaces."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    start = (
        f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:text="{names}:text:1.0" '
        f'xmlns:table="{names}:table:1.0"><office:body><office:text>'
    )
    end = "</office:text></office:body></office:document-content>"
    content = _blown_up(start, end, unpacked_bytes) if body is None else start + body + end
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


def _pdf(objects: Mapping[int, bytes]) -> bytes:
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


def _pdf_of_page(content: bytes, *, others: Mapping[int, bytes], resources: bytes = b"") -> bytes:
    """A PDF with one page; its content is object 4."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<%b>>>>"
    return _pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: page % resources,
            4: content,
            **others,
        }
    )
