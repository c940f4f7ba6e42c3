"""Small files that were made to hurt a reader; each is a few kilobytes that ask for gigabytes."""

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Final

from kb.media_types import ODT

NESTED: Final = 100_000

_OFFICE_NAMES: Final = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


def _zip(members: dict[str, str | bytes]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _odt(body: str) -> bytes:
    return _zip(
        {
            "mimetype": ODT,
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": f"<office:document-content {_OFFICE_NAMES}><office:body><office:text>"
            f"{body}</office:text></office:body></office:document-content>",
        }
    )


def nested_sections() -> bytes:
    """An ODT file of 100,000 sections, each in the one before: 6 KB."""
    return _odt("<text:section>" * NESTED + "<text:p>Hello.</text:p>" + "</text:section>" * NESTED)


def _sheet(cells: str) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return _zip(
        {
            "[Content_Types].xml": f'<Types xmlns="{types}">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" '
            f'ContentType="{office}.worksheet+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1" '
            f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relation}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
            f'<Relationship Id="rId1" Type="{relation}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}'
            "</sheetData></worksheet>",
        }
    )


def far_cells() -> bytes:
    """A sheet of two cells, in its first and in its last corner."""
    return _sheet(
        '<row r="1"><c r="A1" t="n"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576" t="n"><v>2</v></c></row>'
    )


def form_loop() -> bytes:
    """A PDF page that draws a form, which draws itself twice."""
    form = b"/F Do /F Do"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 9 9] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >> >>",
        b"<< /Length 5 >>\nstream\n/F Do\nendstream",
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 200 200]"
        + b" /Resources << /XObject << /F 5 0 R >> >> /Length %d >>" % len(form)
        + b"\nstream\n%s\nendstream" % form,
    ]
    content, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(content)
    content += b"xref\n0 6\n0000000000 65535 f \n" + table
    return content + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def _spaces(size: int) -> bytes:
    """So many spaces, deflated; quickly, because every part of them is the same."""
    part = 10_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(b" " * part) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed * (size // part) + packer.flush()


def _huge_member(members: dict[str, str | bytes], name: str, *, size: int, claimed: int) -> bytes:
    """An archive, one member of which unpacks to `size` bytes and says something else."""
    packed = _spaces(size)
    content = bytearray(_zip({**members, name: b""}))
    with zipfile.ZipFile(BytesIO(content)) as archive:
        header = archive.getinfo(name).header_offset
        directory = archive.start_dir
    body = header + 30 + len(name)
    entry = content.index(name.encode(), directory) - 46
    for place, sizes in ((header + 8, header + 18), (entry + 10, entry + 20)):
        content[place : place + 2] = (8).to_bytes(2, "little")
        content[sizes : sizes + 8] = struct.pack("<II", len(packed), claimed)
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = struct.pack("<I", body + len(packed))
    # What zipfile wrote for no bytes at all goes.
    return bytes(content[:body] + packed + content[directory:])


def lying_odt() -> bytes:
    """An ODT file whose text unpacks to 2.1 GB and claims to have 1,000 bytes."""
    return _huge_member({"mimetype": ODT}, "content.xml", size=2_100_000_000, claimed=1_000)


def lying_docx() -> bytes:
    """The same as a DOCX file."""
    return _huge_member({}, "word/document.xml", size=2_100_000_000, claimed=1_000)


def wide_cells() -> bytes:
    """An HTML table of 600 rows, each with a cell as wide as a thousand: 20 KB."""
    return b"<table>" + b"<tr><td colspan=1000>a</td></tr>" * 600 + b"</table>"


def short_rows() -> bytes:
    """An HTML table whose first row alone has 2,500 cells: 20 KB."""
    return b"<table><tr>" + b"<td>a" * 2_500 + b"</tr>" + b"<tr><td>x" * 1_000 + b"</table>"


def _mail(header: bytes) -> bytes:
    return b"From: a@example.com\n" + header + b"\nContent-Type: text/plain\n\nHello.\n"


def quoted_list() -> bytes:
    """A mail whose list of recipients is quotation marks."""
    return _mail(b"To: " + b'"' * 50_000)


def many_words() -> bytes:
    """A mail whose subject is made of encoded words."""
    return _mail(b"Subject: " + b" =?utf-8?q?a?=" * 30_000)


def many_parameters() -> bytes:
    """A mail whose type has parameters in pieces."""
    return b"Content-Type: text/plain; " + b'a*1*="b;' * 5_000 + b"\n\nHello.\n"


def zip_bomb() -> bytes:
    """A DOCX file that says itself that it unpacks to 1 GB."""
    return _huge_member({}, "word/document.xml", size=10**9, claimed=10**9)


def deep_json() -> bytes:
    """Lists in lists."""
    return b"[" * NESTED + b"1" + b"]" * NESTED


def endless_line() -> bytes:
    """A table of one value that never ends."""
    return b"name,other\n" + b"a" * 5_000_000


def wide_labels() -> bytes:
    """A table whose only long cell is the name of its column, repeated with every row."""
    return b"name " * 20_000 + b",other\n" + b"1,2\n" * 100_000


FILES: Final = {
    "nested.odt": nested_sections,
    "far.xlsx": far_cells,
    "loop.pdf": form_loop,
    "lying.odt": lying_odt,
    "lying.docx": lying_docx,
    "bomb.docx": zip_bomb,
    "wide.html": wide_cells,
    "short.html": short_rows,
    "list.eml": quoted_list,
    "words.eml": many_words,
    "parameters.eml": many_parameters,
    "deep.json": deep_json,
    "line.csv": endless_line,
    "labels.csv": wide_labels,
}
"""What makes each file, by the name it is uploaded under."""


def many_members() -> bytes:
    """An archive whose table of contents names a million files."""
    entry = b"PK\x01\x02" + b"\0" * 24 + struct.pack("<HHHHHII", 1, 0, 0, 0, 0, 0, 0) + b"a"
    first = b"PK\x03\x04" + b"\0" * 26
    directory = entry * 1_000_000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, len(directory), 30, 0)
    return first + directory + end
