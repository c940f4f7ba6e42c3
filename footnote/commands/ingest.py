"""`footnote ingest`, as the command line takes it."""

from pathlib import Path
from typing import Annotated

import typer

from footnote.output import JsonOption, PrincipalsOption, TenantOption


def ingest(  # noqa: PLR0913  # each is an option of the command
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    tenant: TenantOption,
    collection: Annotated[str, typer.Option(help="Collection to put them in.")] = "default",
    principals: PrincipalsOption = None,
    *,
    include: Annotated[
        list[str] | None,
        typer.Option(help="Only paths that fit, such as '*.md' or 'hr/**'; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="No paths that fit, such as 'drafts/'; repeatable.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="TOML: who may read which paths."),
    ] = None,
    source_uri_prefix: Annotated[
        str, typer.Option(help="What citations link to before a file's path, such as a URL.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ingest files; folders with all that is in them. A file's path is its external id.

    It is the path below the folder given here, or the name of a file given here.
    --principals names who may read what no rule or sidecar says; without rules, unset: everybody.
    A file that has not changed since is not read again, so that a run that was stopped goes on
    where it was. Exit 1 when a file could not be read.
    """
    from footnote.commands.run_ingest import Given, ingest_files

    given = Given(
        paths=paths,
        tenant=tenant,
        collection=collection,
        principals=principals,
        include=include or (),
        exclude=exclude or (),
        rules=rules,
        source_uri_prefix=source_uri_prefix,
    )
    ingest_files(given, is_dry_run=dry_run, as_json=as_json)
