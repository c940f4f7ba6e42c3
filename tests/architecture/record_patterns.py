"""`python -m tests.architecture.record_patterns FILE`: what the service compiles at import."""

import importlib
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import regex  # type: ignore[import-untyped]  # ships no type information

from tests.architecture.patterns import Location, service_files
from tests.architecture.source import ROOT, relative


def main(target: Path) -> None:
    """Writes the pairs of location and pattern, pickled."""
    files = service_files()
    recorded: list[tuple[Location, object]] = []
    re.compile = recording(re.compile, recorded)
    regex.compile = recording(regex.compile, recorded)
    for path in files:
        # To import a __main__ is to run it.
        if path.name != "__main__.py":
            name = relative(path).removesuffix(".py").removesuffix("/__init__")
            importlib.import_module(name.replace("/", "."))
    target.write_bytes(pickle.dumps(recorded))


def recording(
    compiles: Callable[..., object], recorded: list[tuple[Location, object]]
) -> Callable[..., Any]:
    """The function, which notes who called it from within the repository."""

    def compile_and_note(*arguments: object, **named: object) -> object:
        pattern = compiles(*arguments, **named)
        caller = sys._getframe(1)
        path = Path(caller.f_code.co_filename)
        if path.is_relative_to(ROOT):
            recorded.append(((relative(path), caller.f_lineno), pattern))
        return pattern

    return compile_and_note


if __name__ == "__main__":
    main(Path(sys.argv[1]))
