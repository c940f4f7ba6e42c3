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
    """Name and content of each, in turn by file; the same in each run."""
    for number in range(count):
        path = paths[number % len(paths)]
        random = random_for(f"mutation {number}")
        yield f"{number}-{path.name}", mutated(path.read_bytes(), random)


def mutated(content: bytes, random: Random) -> bytes:
    """The content with a few changes; half of the archives are changed inside a member."""
    if content.startswith(b"PK\x03\x04") and random.random() < 0.5:  # noqa: PLR2004  # half
        return _with_changed_member(content, random)
    return _changed(content, random)


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
    changed = bytearray(content)
    for _ in range(random.randint(1, MOST_CHANGES)):
        _change(changed, random)
    return bytes(changed)


def _change(content: bytearray, random: Random) -> None:
    """One change in place: a byte, a cut, a repetition, or something that does not belong."""
    at = random.randrange(len(content) + 1)
    length = random.randint(1, 200)
    match random.randrange(5):
        case 0 if at < len(content):
            content[at] = random.randrange(256)
        case 1:
            del content[at : at + length]
        case 2:
            content[at:at] = content[at : at + length] * random.randint(1, 20)
        case 3:
            content[at:at] = random.choice(UNREAL)
        case _:
            del content[max(1, at) :]
