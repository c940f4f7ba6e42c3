"""Commands that are imported when they are run: evaluations bring libraries nobody else needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import typer

# Typer carries a copy of click of its own and exports none of these.
from typer._click.core import Command, Context
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override


@dataclass(frozen=True, kw_only=True)
class LazyCommand:
    """`module` has a Typer application called `app`; `help` is what the list of commands says."""

    module: str
    help: str

    def load(self, name: str) -> Command:
        """The command itself."""
        command = typer.main.get_command(import_module(self.module).app)
        command.name = name
        return command


def group_of(lazy_commands: Mapping[str, LazyCommand]) -> type[TyperGroup]:
    """A group class that has these commands besides those that are registered with it."""

    class Group(TyperGroup):
        """Imports on resolving a command line, not on listing the commands."""

        @override
        def list_commands(self, ctx: Context) -> list[str]:
            return [*super().list_commands(ctx), *lazy_commands]

        @override
        def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
            lazy = lazy_commands.get(cmd_name)
            if lazy is None:
                return super().get_command(ctx, cmd_name)
            return TyperCommand(cmd_name, help=lazy.help)

        @override
        def resolve_command(
            self, ctx: Context, args: list[str]
        ) -> tuple[str | None, Command | None, list[str]]:
            lazy = lazy_commands.get(args[0])
            if lazy is None:
                return super().resolve_command(ctx, args)
            return args[0], lazy.load(args[0]), args[1:]

    return Group
