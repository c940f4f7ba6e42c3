"""`footnote reindex`, as the command line takes it."""

from typing import Annotated

import typer

from footnote.output import JsonOption
from kb.errors import InvalidInput


def reindex(  # each is an option of the command
    tenant: Annotated[
        str | None, typer.Option(help="Name of the tenant; unset: all of them.")
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    only_changed: Annotated[
        bool,
        typer.Option("--only-changed/--all", help="Read again what changed, or every document."),
    ] = True,
    last: Annotated[
        bool, typer.Option("--last", help="Show the report of the last run, and run nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring documents up to date with their sources and this release, and report.

    It is what workers do every night. --json prints an object for one tenant, else a list. Exit 1
    when a run failed.
    """
    from footnote.commands.run_reindex import run_and_show, show_last
    from kb.store.reindex_runs import Asked

    if last:
        if collection or source or not only_changed:
            raise InvalidInput("--last shows a report that is stored: it takes only --tenant.")
        show_last(tenant, as_json=as_json)
    else:
        asked = Asked(collection=collection, source=source, only_changed=only_changed)
        run_and_show(tenant, asked, as_json=as_json)
