"""Files and functions stay small enough to read in one sitting."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import FILES, PACKAGES, parse, relative

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
ALLOWED: dict[str, str] = {"kb/errors.py": "the whole tree of errors, each a line or two"}
"""`path` or `path:function` -> the reason why it may be longer."""


def too_long(path: Path) -> set[str]:
    name = relative(path)
    longer = set()
    if len(path.read_text(encoding="utf-8").splitlines()) > MAX_FILE_LINES:
        longer.add(name)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last_line = node.end_lineno or node.lineno
            if last_line - node.lineno + 1 >= MAX_FUNCTION_LINES:
                longer.add(f"{name}:{node.name}")
    return longer


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_stay_small(package: str) -> None:
    files = [path for path in FILES if relative(path).startswith(f"{package}/")]

    longer = set().union(*map(too_long, files))

    assert files
    assert sorted(longer - ALLOWED.keys()) == []


def test_no_exception_outlives_its_reason() -> None:
    assert ALLOWED.keys() <= set().union(*map(too_long, FILES))
