"""Files that were good before something happened to them."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from evals.attack.seeding import random_for

MOST_BYTES = 120_000
"""Of a file to mutate: a thousand larger ones would take hours to read."""

MOST_CHANGES = 12
UNREAL = (
    b"\x00",
    b"\xff\xfe",
    b"%s%n",
    b"<![CDATA[",
    b"\r\n\r\n",
    b"99999999999",
    b"</",
    b"endobj",
)
"""Bytes that parsers stumble over, put in the middle of a text."""


def samples(folders: Sequence[Path]) -> list[Path]:
    """The files to start from, in a stable order."""
    found = [path for folder in folders for path in sorted(folder.iterdir())]
    return [path for path in found if path.is_file() and path.stat().st_size <= MOST_BYTES]


def mutated_files(paths: Sequence[Path], count: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each, in turn by file; the same in each run.

    Half of the archives are changed inside a member.
    """
    for number in range(count):
        path = paths[number % len(paths)]
        random, content = random_for(f"mutation {number}"), path.read_bytes()
        is_archive = content.startswith(b"PK\x03\x04")
        if is_archive and random.random() < 0.5:  # noqa: PLR2004  # half
            yield f"{number}-{path.name}", _with_changed_member(content, random)
        else:
            yield f"{number}-{path.name}", _changed(content, random)


def _with_changed_member(content: bytes, random: Random) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(buffer, "w") as after,
    ):
        # With their dates, so that the archive is the same in each run.
        members = before.infolist()
        chosen = random.choice(members)
        for member in members:
            inner = before.read(member)
            after.writestr(member, _changed(inner, random) if member is chosen else inner)
    return buffer.getvalue()


def _changed(content: bytes, random: Random) -> bytes:
    """The content after a few changes: a byte, a cut, a repetition, or what does not belong."""
    changed = bytearray(content)
    for _ in range(random.randint(1, MOST_CHANGES)):
        at = random.randrange(len(changed) + 1)
        length = random.randint(1, 200)
        match random.randrange(5):
            case 0 if at < len(changed):
                changed[at] = random.randrange(256)
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length] * random.randint(1, 20)
            case 3:
                changed[at:at] = random.choice(UNREAL)
            case _:
                del changed[max(1, at) :]
    return bytes(changed)
