"""The source files that the rules are about."""

import ast
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
