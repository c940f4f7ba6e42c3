"""The source files that the rules are about."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("evals", "footnote", "app", "ingest", "models", "kb", "language", "migrations")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


def relative(path: Path) -> str:
    """The path as a person writes it."""
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def table_rows(markdown: str) -> Iterator[list[str]]:
    """The cells of every row of every table; code fences are no tables."""
    is_code = False
    for line in markdown.splitlines():
        is_code ^= line.startswith("```")
        if not is_code and line.startswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]
