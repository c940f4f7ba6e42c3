"""Keeps folders private: tightens them at the start, and finds what is open to others."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077
"""The permissions of the group and of everybody else."""

PASS = 0o010
"""The embedded Postgres of root is an account of its own, which has to get through the home."""


def make_private(folder: Path) -> None:
    """Makes the folder, or takes the permissions of others away: what is below is then private.

    A folder that belongs to somebody else, or to everybody (such as /tmp), is left as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        folder.chmod(stat.S_IMODE(found.st_mode) & ~_excess(found.st_mode))


def open_to_others(folder: Path) -> Iterator[Path]:
    """The paths in and of the folder that others may read, write or enter; links not followed."""
    if folder.stat().st_mode & _excess(folder.stat().st_mode):
        yield folder
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                # A running service has deleted it.
                continue
            if mode & OTHERS and not stat.S_ISLNK(mode):
                yield path


def _excess(mode: int) -> int:
    """The bits that a private folder must not have, of those it may have."""
    return mode & (OTHERS & ~PASS if os.geteuid() == 0 else OTHERS)
