"""Output of commands: one JSON value with --json, otherwise text for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Name of the tenant.")]
PrincipalsOption = Annotated[
    str | None,
    typer.Option("--principals", help="Comma-separated, such as user:ana,group:hr."),
]

console = Console(highlight=False, soft_wrap=True)
progress_console = Console(stderr=True)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """The value as JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str, indent=2))


def split_names(names: str | None) -> list[str]:
    """The parts of a comma-separated option."""
    return [name.strip() for name in (names or "").split(",") if name.strip()]
