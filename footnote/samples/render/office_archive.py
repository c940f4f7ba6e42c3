"""Make the bytes of an Office file independent of when it was written."""

import re
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

COMPANY = "Tarn & Quist Instruments"
WRITTEN_AT = datetime(2025, 5, 1, 8, 0, tzinfo=UTC)
"""Stands in every file as the time of writing, so that a second build changes nothing."""

_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")
_CORE_PROPERTIES = "docProps/core.xml"


def without_clock(archive: bytes) -> bytes:
    """The same Office file with all its times set to `WRITTEN_AT`.

    The libraries stamp each member with the current time, and openpyxl also overwrites the
    modification date when it saves.
    """
    rewritten = BytesIO()
    with ZipFile(BytesIO(archive)) as source, ZipFile(rewritten, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == _CORE_PROPERTIES:
                content = _with_fixed_modification(content)
            member = ZipInfo(name, date_time=WRITTEN_AT.timetuple()[:6])
            member.compress_type = ZIP_DEFLATED
            target.writestr(member, content)
    return rewritten.getvalue()


def _with_fixed_modification(core_properties: bytes) -> bytes:
    stamp = WRITTEN_AT.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return _MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<2>", core_properties)
