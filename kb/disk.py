"""The disk below a folder: whether it has room, and what its refusals mean."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kb.errors import DiskFull, HomeUnusable, KnowledgeBaseError

LEAST_FREE_BYTES: Final = 100_000_000
"""Below it a disk counts as full, before it is: Postgres ends when it cannot write the next 16 MB
of its log, and workers have documents in hand."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_disk_full(error: BaseException) -> bool:
    """True for an error of the system that says that a disk or a quota has no space left."""
    return isinstance(error, OSError) and error.errno in _FULL


def has_room(folder: Path, *, besides: int = 0) -> bool:
    """False once the disk below the folder counts as full, or has no room for another file.

    `besides` are bytes that are to be written there.
    """
    try:
        while not folder.exists():
            folder = folder.parent
        free = os.statvfs(folder)
    except OSError:
        # What is wrong with the folder is not that it is full.
        return True
    # Some file systems do not count files: they have 0 in all.
    has_files = free.f_files == 0 or free.f_favail > 0
    return has_files and free.f_bavail * free.f_frsize >= LEAST_FREE_BYTES + besides


def home_failure(home: Path, error: OSError) -> KnowledgeBaseError:
    """The error of the system as one line that says what to do about the home."""
    if is_disk_full(error):
        return DiskFull(
            f"The disk of the home {str(home)!r} is full: free some space, or set FOOTNOTE_HOME "
            "to a folder on another disk."
        )
    match error.errno:
        case errno.EEXIST | errno.ENOTDIR:
            fault = "is no folder, or lies below a file"
        case errno.EROFS:
            fault = "is on a read-only file system"
        case errno.EACCES | errno.EPERM:
            fault = "may not be written by this user"
        case _:
            fault = f"cannot be used ({error.strerror})"
    return HomeUnusable(
        f"The home {str(home)!r} {fault}: set FOOTNOTE_HOME to a folder that can be written."
    )


@contextmanager
def home_failures_told(home: Path) -> Iterator[None]:
    """Raises what the system refuses below the home as DiskFull or HomeUnusable."""
    try:
        yield
    except OSError as error:
        raise home_failure(home, error) from error


def require_writable(home: Path) -> None:
    """Returns when files can be made in the folder; HomeUnusable when not."""
    if not os.access(home, os.W_OK | os.X_OK):
        # What it says for a file system that is read-only differs from what it says for others.
        is_read_only = bool(os.statvfs(home).f_flag & os.ST_RDONLY)
        number = errno.EROFS if is_read_only else errno.EACCES
        raise home_failure(home, OSError(number, os.strerror(number)))


def system_failure(error: OSError) -> str:
    """An error of the system that nothing has foreseen, as one line for people."""
    place = f": {error.filename!r}" if error.filename else ""
    if is_disk_full(error):
        return f"A disk is full, free some space{place} [{DiskFull.code}]"
    return f"{error.strerror}{place}"
