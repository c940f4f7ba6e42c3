"""The identity of a home folder: processes that share it are one node."""

import os
from pathlib import Path
from typing import Final
from uuid import UUID

from kb.ids import new_uuid

_FILE: Final = "node"


def node_id(home: Path) -> UUID:
    """The id of the home, made when it has none; that of a copied home is made anew.

    The file holds its own inode, which a copy of it does not have.
    """
    path = home / _FILE
    while True:
        try:
            written, inode = path.read_text().split()
            if int(inode) == path.stat().st_ino:
                return UUID(written)
            path.unlink(missing_ok=True)
        except (FileNotFoundError, ValueError):
            pass
        home.mkdir(parents=True, exist_ok=True)
        aside = home / f"{_FILE}.{new_uuid()}"
        try:
            with aside.open("x") as file:
                file.write(f"{new_uuid()} {os.fstat(file.fileno()).st_ino}")
            # Another process may be first: its id counts, whole.
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink(missing_ok=True)
