"""Whether a command line means something, without running it."""

from collections.abc import Sequence

import typer
from typer.core import TyperGroup
from typer.main import get_command

from footnote.cli import app


def check_usage(arguments: Sequence[str]) -> None:
    """Fails for a command that does not exist, and for options that it does not take."""
    command: object = get_command(app)
    remaining = list(arguments)
    while isinstance(command, TyperGroup):
        name = remaining.pop(0) if remaining else ""
        command = command.get_command(typer.Context(command), name)
        assert command is not None, f"no such command: {' '.join(arguments)!r}"
    assert isinstance(command, typer.core.TyperCommand)
    command.make_context(arguments[-len(remaining) - 1], remaining)
