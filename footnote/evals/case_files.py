"""Files of cases that were written by hand."""

import tomllib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from kb.errors import Misconfigured

_Content = TypeVar("_Content")


def read_case_file(path: Path, form: TypeAdapter[_Content]) -> _Content:
    """The content of a TOML file; Misconfigured when it is missing or does not have the form."""
    try:
        return form.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise Misconfigured(f"{path.name!r} holds no cases: {error}") from error


def content_sha256(cases: Iterable[object]) -> str:
    """Names the content of the cases, which are dataclasses."""
    return sha256("\n".join(map(repr, cases)).encode()).hexdigest()
