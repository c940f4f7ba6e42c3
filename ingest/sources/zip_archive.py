"""The members of a zip file."""

import stat
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from threading import Lock
from typing import Final

from ingest.sources.files import MAX_FILES, SourceFile, is_shown
from ingest.sources.permissions import says_who_reads
from kb.errors import DocumentEncrypted, SourceTooLarge, UploadTooLarge

MAX_ARCHIVE_BYTES: Final = 200_000_000
"""It is held in memory while the source is synchronised."""

MAX_HEADERS: Final = 5 * MAX_FILES
"""In the archive's directory, and in those of archives in it: `zipfile` makes an object of each."""

HEADER: Final = b"PK\x01\x02"

IS_ENCRYPTED: Final = 0x1

BOUNDED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Methods of compression that are unpacked no further than asked for; `zipfile` unpacks others, of
which a few kilobytes hold gigabytes, as far as they go."""


class ZipArchive:
    """The members of a zip file, by its bytes; implements `DocumentSource`.

    Nothing is unpacked to a disk: a name is only ever a name.
    """

    def __init__(self, content: bytes, *, uri: str, max_bytes: int) -> None:
        """`uri` is the archive's own address; OSError for no zip file, SourceTooLarge."""
        if content.count(HEADER) > MAX_HEADERS:
            raise SourceTooLarge(f"A zip file has at most {MAX_FILES:,} members.")
        try:
            self._archive = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise OSError("This is no zip file, or it is damaged.") from error
        self._uri = uri
        self._max_bytes = max_bytes
        self._reading = Lock()

    def files(self) -> list[SourceFile]:
        """The members in the order of their names; links are left out, but for those of rights."""
        return [
            SourceFile(
                id=name,
                path=PurePosixPath(name),
                uri=self._uri,
                etag=f"{member.CRC:08x}-{member.file_size}",
                size_bytes=member.file_size,
            )
            for name, member in sorted(self._archive.NameToInfo.items())
            if not member.is_dir()
            # Listed, such a link is a rule file or sidecar that is malformed, and not none.
            and (not stat.S_ISLNK(member.external_attr >> 16) or says_who_reads(name))
            and is_shown(name)
        ]

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a member; OSError, DocumentEncrypted, UploadTooLarge beyond `max_bytes`."""
        member = self._archive.getinfo(file.id)
        if member.flag_bits & IS_ENCRYPTED:
            raise DocumentEncrypted
        # What it says of its size may be a lie in both directions.
        if member.file_size > self._max_bytes:
            raise UploadTooLarge
        if member.compress_type not in BOUNDED:
            raise OSError(
                "This member of the zip file is compressed by another method than deflate."
            )
        try:
            with self._reading, self._archive.open(member) as opened:
                content = opened.read(self._max_bytes + 1)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error) as error:
            raise OSError("This member of the zip file is damaged.") from error
        if len(content) > self._max_bytes:
            raise UploadTooLarge
        return content
