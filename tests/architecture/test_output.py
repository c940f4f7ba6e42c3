"""Commands write through `footnote/output.py` alone, and no string of theirs is markup."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import FILES, parse, relative

DOOR = "footnote/output.py"
MARKUP = re.compile(r"\[/?(?:bold|dim|italic|red|green|yellow|blue)\b[^\]]*\]")
WRITERS = {"print", "typer.echo", "typer.secho", "click.echo", "rich.print", "Console"}


def faults(path: Path) -> Iterator[str]:
    """The writes of a file that pass the door by, and the strings that would be shown raw."""
    for node in ast.walk(parse(path)):
        match node:
            case ast.Call(func=func, args=args):
                name = ast.unparse(func)
                if name in WRITERS:
                    yield f"{relative(path)}:{node.lineno}: {name}"
                texts = [each for arg in args for each in ast.walk(arg)]
                if name.endswith("console.print") and any(
                    isinstance(each, ast.Constant) and "\n" in str(each.value) for each in texts
                ):
                    yield f"{relative(path)}:{node.lineno}: a line end, which is shown as \\n"
            case ast.Constant(value=str(text)) if MARKUP.search(text):
                yield f"{relative(path)}:{node.lineno}: markup, which is shown raw"
            case ast.ImportFrom(module="rich.markup" | "rich.prompt"):
                yield f"{relative(path)}:{node.lineno}: {node.module}"
            case _:
                pass


def test_commands_write_through_one_door() -> None:
    commands = [
        path
        for path in FILES
        if relative(path).startswith("footnote/")
        and not relative(path).startswith(("footnote/evals/", "footnote/samples/"))
        and relative(path) != DOOR
    ]

    found = [fault for path in commands for fault in faults(path)]

    assert commands
    assert found == []
