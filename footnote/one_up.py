"""One `footnote up` for a home: a second one would work beside it, and stop its parts."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kb.disk import home_failures_told
from kb.errors import AlreadyRuns

_FILE: Final = ".up"


@contextmanager
def only_one_up(home: Path, url: str) -> Iterator[None]:
    """Holds the home inside the block; AlreadyRuns says which process holds it, and its URL.

    The kernel takes the lock back however the process ends.
    """
    path = home / _FILE
    with home_failures_told(home):
        held = path.open("a+")
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held.seek(0)
            raise AlreadyRuns(
                f"'footnote up' runs already for the home {str(home)!r}{_described(held.read())}: "
                "use that one, stop it first, or set FOOTNOTE_HOME to another folder."
            ) from error
        with home_failures_told(home):
            held.truncate(0)
            held.write(json.dumps({"pid": os.getpid(), "url": url}))
            held.flush()
        yield


def _described(written: str) -> str:
    try:
        holder = json.loads(written)
    except ValueError:
        # It is about to write.
        return ""
    return f" (process {holder['pid']}, {holder['url']})"
