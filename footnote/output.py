"""Output of commands: one JSON value with --json, otherwise text for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Name of the tenant.")]
PrincipalsOption = Annotated[
    str | None,
    typer.Option("--principals", help="Comma-separated, such as user:ana,group:hr."),
]

console = Console(highlight=False, soft_wrap=True)
progress_console = Console(stderr=True)

table_console = Console(width=320, highlight=False)
"""For whole tables, also where stdout is no terminal, of which rich would assume 80 columns."""


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """The value as JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str, indent=2))


def transfer_bar() -> Progress:
    """A bar on stderr for the bytes of many files: `name` is the file in hand, `files` how many.

    Neither is read as markup.
    """
    return Progress(
        TextColumn("{task.fields[files]}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[name]}", markup=False),
        console=progress_console,
    )


def progress_bar() -> Progress:
    """A bar on stderr for work of a known length."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
    )
