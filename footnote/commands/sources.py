"""Sources of documents, as the operator of this machine manages them."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from footnote.output import (
    JsonOption,
    PrincipalsOption,
    TenantOption,
    console,
    print_json,
    table_console,
)
from kb.errors import InvalidInput, NothingHeld
from kb.store.choices import DEFAULT_VANISH_SHARE

if TYPE_CHECKING:
    from ingest.sources.run import SourceTools
    from ingest.sources.sync import ReportProgress
    from kb.ids import TenantId
    from kb.store.sources import Rule, Source

MAX_LISTED = 1_000
"""Sources of one tenant."""

Result = TypeVar("Result")

RulesOption = Annotated[
    list[str] | None,
    typer.Option("--rule", help="PATTERN=PRINCIPALS, as in 'hr/**=group:hr'; the first wins."),
]
VanishOption = Annotated[
    float, typer.Option(min=0, max=1, help="More files gone than this share are held, not deleted.")
]
NameArgument = Annotated[str, typer.Argument(help="Name of the source.")]


def add(  # noqa: PLR0913, PLR0917  # each is an option of the command
    name: NameArgument,
    uri: Annotated[
        str,
        typer.Argument(
            help="file:///..., s3://, gs://, sftp://, https:// (a list of URLs or a sitemap), "
            "git+https://...@ref, git+file://, or zip+ and one that is not git."
        ),
    ],
    tenant: TenantOption,
    principals: PrincipalsOption = None,
    rules: RulesOption = None,
    collection: Annotated[str, typer.Option(help="Collection of its documents.")] = "default",
    cron: Annotated[
        str | None, typer.Option(help="When it is synchronised, such as '0 2 * * *' (UTC).")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only files that fit, such as '*.md'.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No files that fit.")] = None,
    max_vanish_share: VanishOption = DEFAULT_VANISH_SHARE,
    as_json: JsonOption = False,
) -> None:
    """Add a source. --principals or --rule must say who may read its documents.

    Credentials come from the environment of the worker; an address holds none.
    """
    from footnote.on_database import COMMAND_LINE, on_tenant, utc_now
    from kb.postgres.database import TenantSession
    from kb.principals import split_principals
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.sources import SourceSettings, create_source

    settings = SourceSettings(
        uri=uri,
        collection=collection,
        principals=tuple(split_principals(principals) or [""]) if principals is not None else (),
        rules=tuple(_rule(text) for text in rules or ()),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        cron=cron,
        max_vanish_share=max_vanish_share,
    )

    async def act(scope: TenantSession) -> "Source":
        source = await create_source(scope, name, settings, is_operators=True, now=utc_now())
        await record_event(scope, COMMAND_LINE, "source.create", str(source.id))
        return source

    source = on_tenant(Settings(), tenant, act)
    if as_json:
        print_json(_shown(source))
    else:
        console.print(f"Added the source {name!r}: {source.settings.uri}")


def list_(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List the sources of a tenant with their last runs."""
    from rich.table import Table

    from footnote.on_database import on_tenant
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.sources import list_sources

    async def act(scope: TenantSession) -> "list[Source]":
        return await list_sources(scope, after=None, limit=MAX_LISTED)

    found = on_tenant(Settings(), tenant, act)
    if as_json:
        print_json([_shown(source) for source in found])
        return
    table = Table("name", "address", "cron", "last run", "ended", "seen", "failed", "held")
    for source in found:
        run = source.last_run
        counts = run["counts"] if run else {}
        table.add_row(
            source.name,
            source.settings.uri,
            source.settings.cron or "",
            run["status"] if run else "never",
            run["finished_at"] if run else "",
            *(str(counts.get(number, "")) for number in ("seen", "failed", "held")),
        )
    table_console.print(table)


def sync(name: NameArgument, tenant: TenantOption, as_json: JsonOption = False) -> None:
    """Synchronise a source now, in this process; a worker reads what it uploads.

    Exit 1 when a file could not be taken in, or deletions are held.
    """
    _synchronise(name, tenant, as_json=as_json)


def confirm(name: NameArgument, tenant: TenantOption, as_json: JsonOption = False) -> None:
    """Carry out the deletions that are held now, of what is still gone, and synchronise."""
    from footnote.on_database import COMMAND_LINE, on_tenant, utc_now
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.source_items import confirm_held_items
    from kb.store.sources import get_source

    async def act(scope: TenantSession) -> None:
        source = await get_source(scope, name)
        if not await confirm_held_items(scope, source.id, now=utc_now()):
            raise NothingHeld
        await record_event(scope, COMMAND_LINE, "source.confirm", str(source.id))

    on_tenant(Settings(), tenant, act)
    _synchronise(name, tenant, as_json=as_json)


def remove(
    name: NameArgument,
    tenant: TenantOption,
    delete_documents: Annotated[
        bool, typer.Option("--delete-documents", help="Delete its documents too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a source; its documents stay unless --delete-documents says otherwise."""
    from footnote.on_database import COMMAND_LINE, on_tenant
    from ingest.sources.sync import remove_with_documents
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.sources import delete_source, get_source

    async def forget(scope: TenantSession) -> None:
        source = await get_source(scope, name)
        await record_event(scope, COMMAND_LINE, "source.delete", str(source.id))
        if not delete_documents:
            await delete_source(scope, source.id)

    on_tenant(Settings(), tenant, forget)
    deleted = 0
    if delete_documents:
        deleted = _with_tools(
            tenant,
            lambda tools, id_, told: remove_with_documents(tools, id_, name, report_progress=told),
        )
    if as_json:
        print_json({"name": name, "deleted_documents": deleted})
    else:
        console.print(f"Removed the source {name!r} and {deleted} documents.")


def _synchronise(name: str, tenant: str, *, as_json: bool) -> None:
    """Prints the report of a run; Exit 1 when it is not all that one could wish for."""
    from ingest.sources.sync import synchronise

    report = _with_tools(
        tenant, lambda tools, id_, told: synchronise(tools, id_, name, report_progress=told)
    )
    if as_json:
        print_json(asdict(report))
    else:
        for failure in report.failures:
            told = f"{failure['item']}: {failure['message']} [{failure['code']}]"
            console.print(told)
        if report.held_source is not None:
            told = f"{report.held_source['reason']} Look, then run 'footnote source confirm'."
            console.print(told)
        console.print(", ".join(f"{name} {number}" for name, number in report.counts.items()))
    if report.failed or report.held:
        raise typer.Exit(1)


def _shown(source: "Source") -> dict[str, object]:
    return {
        "name": source.name,
        **asdict(source.settings),
        "added_by": "operator" if source.is_operators else "tenant",
        "held": source.held,
        "last_run": source.last_run,
    }


def _rule(text: str) -> "Rule":
    from kb.principals import split_principals
    from kb.store.sources import Rule

    pattern, _, principals = text.rpartition("=")
    if not pattern:
        raise InvalidInput(f"{text!r} is no rule: write PATTERN=PRINCIPALS.")
    return Rule(pattern=pattern, principals=tuple(split_principals(principals) or [""]))


def _with_tools(
    tenant_name: str,
    act: "Callable[[SourceTools, TenantId, ReportProgress], Awaitable[Result]]",
) -> Result:
    """The result of `act` with the tools that a worker has; a bar shows the progress."""
    from footnote.on_database import on_database
    from footnote.outside import open_web
    from footnote.progress_bars import progress_bar
    from footnote.worker_tools import build_source_tools
    from kb.files import FileStore
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.tenants import tenant_by_name

    settings = Settings()

    async def with_tools(database: Database) -> Result:
        async with database.system() as system:
            tenant_id = (await tenant_by_name(system, tenant_name)).id
        files = FileStore(settings.effective_file_store_url)
        async with open_web(settings) as web:
            tools = build_source_tools(settings, database, files, web)
            with progress_bar() as progress:
                task = progress.add_task("Synchronising", total=None)

                async def told(done: int, total: int) -> None:
                    progress.update(task, completed=done, total=total)

                return await act(tools, tenant_id, told)

    return on_database(settings, with_tools)
