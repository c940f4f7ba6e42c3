"""Folders that are their owner's alone: tightened at the start, looked through by the doctor."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077
"""What group and everybody else may do."""

PASS = 0o010
"""The embedded Postgres of root is an account of its own, which has to get through the home."""


def make_private(folder: Path) -> None:
    """Makes it, or takes away what others may do there: nobody then gets at what is below.

    A folder that is somebody else's, or everybody's (such as /tmp), is left as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        folder.chmod(stat.S_IMODE(found.st_mode) & ~_excess(found.st_mode))


def open_to_others(folder: Path) -> Iterator[Path]:
    """What others may read, write or enter: the folder and what is in it, links not followed."""
    if folder.stat().st_mode & _excess(folder.stat().st_mode):
        yield folder
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                # Of a service that runs meanwhile.
                continue
            if mode & OTHERS and not stat.S_ISLNK(mode):
                yield path


def _excess(mode: int) -> int:
    """The bits that a private folder must not have, of those it may have."""
    return mode & (OTHERS & ~PASS if os.geteuid() == 0 else OTHERS)
