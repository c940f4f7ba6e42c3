"""Whether a command line means something, without running it."""

from collections.abc import Sequence
from importlib import import_module

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from footnote.cli import MODULE_BY_LATE_COMMAND, app


def find_command(arguments: Sequence[str]) -> tuple[TyperCommand, list[str]]:
    """The command that the first words name, and the words after it."""
    command: object = get_command(app)
    remaining = list(arguments)
    if remaining and remaining[0] in MODULE_BY_LATE_COMMAND:
        command = get_command(import_module(MODULE_BY_LATE_COMMAND[remaining.pop(0)]).app)
    while isinstance(command, TyperGroup):
        name = remaining.pop(0) if remaining else ""
        command = command.get_command(typer.Context(command), name)
    assert isinstance(command, TyperCommand), f"no such command: {' '.join(arguments)!r}"
    return command, remaining


def check_usage(arguments: Sequence[str]) -> None:
    """Fails for a command that does not exist, and for options that it does not take."""
    command, options = find_command(arguments)
    command.make_context(" ".join(arguments), options)
