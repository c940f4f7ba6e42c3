"""Every set is cut in two by its ids: what is fitted to one half is measured on the other."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import cast

from footnote.evals.datasets import json_lines
from kb.errors import Misconfigured


def is_held_back(identifier: str) -> bool:
    """True for the half that nothing was fitted to; the same for an id in every run."""
    return sha256(identifier.encode()).digest()[0] % 2 == 1


def held_back_lines(path: Path, id_field: str) -> Iterator[object]:
    """The lines of the half that nothing was fitted to; Misconfigured when the file is absent."""
    if not path.exists():
        raise Misconfigured(
            f"{path.parent.name!r} is absent: FOOTNOTE_EVALDATA must name the folder that has it."
        )
    for line in json_lines(path):
        if is_held_back(cast("dict[str, str]", line)[id_field]):
            yield line
