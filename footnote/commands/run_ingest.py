"""Ingesting files and folders from the command line."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import get_args

import typer

from footnote.caller import command_line_caller
from footnote.commands.given_files import GivenFile, find_files, read_file
from footnote.commands.ingest_files import Change, Destination, Intake, Outcome
from footnote.compose import open_ingestion
from footnote.on_database import open_database
from footnote.output import (
    console,
    print_json,
    progress_console,
    transfer_bar,
)
from ingest.sources.files import RULE_FILE
from ingest.sources.permissions import MAX_DESCRIPTION_BYTES, Readers, parse_rule_file
from kb import stopping
from kb.errors import InvalidInput
from kb.files import FileStore
from kb.logs import configure_logging
from kb.postgres.database import EVERYONE
from kb.postgres.embedded_postgres import database_url
from kb.principals import split_principals, validate_principals
from kb.settings import Settings
from kb.store.uploads import Uploads
from migrations.run import upgrade

CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True, kw_only=True)
class Given:
    """The paths, and what the command was told of them."""

    paths: Sequence[Path]
    tenant: str
    collection: str
    principals: str | None
    include: Sequence[str]
    exclude: Sequence[str]
    rules: Path | None
    source_uri_prefix: str


def ingest_files(given: Given, *, is_dry_run: bool, as_json: bool) -> None:
    """Ingests the files and prints their outcomes; exit 1 when one could not be read."""
    files = find_files(given.paths, include=given.include, exclude=given.exclude)
    if not files:
        raise InvalidInput("There is no such file below the given paths.")
    destination = Destination(
        collection=given.collection,
        readers=_readers(given.paths, given.rules, given.principals),
        source_uri_prefix=given.source_uri_prefix,
    )
    settings = Settings()
    configure_logging("error", settings.log_format)
    outcomes = _run(settings, given.tenant, files, destination, is_dry_run=is_dry_run)
    if as_json:
        print_json([_json_of(outcome) for outcome in outcomes])
    else:
        _show(outcomes, is_dry_run=is_dry_run)
    if stopping.is_requested():
        raise typer.Exit(stopping.exit_code())
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _readers(paths: Sequence[Path], rules: Path | None, principals: str | None) -> Readers:
    """The readers by rules and option; without rules everybody, unless the option is given.

    InvalidInput for a folder with a rule file that was not asked for: it must not be passed over.
    """
    if rules is not None:
        parsed = parse_rule_file(read_file(rules, max_bytes=MAX_DESCRIPTION_BYTES))
        return Readers.of(parsed, () if principals is None else readers_of(principals))
    for path in paths:
        if principals is None and (path / RULE_FILE).is_file():
            raise InvalidInput(
                f"There are rules in {str(path / RULE_FILE)!r}: name them with --rules, or say who "
                "may read everything with --principals."
            )
    return Readers.of((), readers_of(principals))


def _run(
    settings: Settings,
    tenant: str,
    files: Sequence[GivenFile],
    destination: Destination,
    *,
    is_dry_run: bool,
) -> list[Outcome]:
    """The outcomes in the order of the names; of fewer files after a signal."""
    outcomes: list[Outcome] = []
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        try:
            asyncio.run(
                _ingest(settings, url, tenant, files, destination, outcomes, is_dry_run=is_dry_run)
            )
        except asyncio.CancelledError:
            _say_how_to_go_on(len(outcomes), len(files))
        except BaseException as error:
            # What could not even begin has one line of its own.
            if outcomes or not isinstance(error, Exception):
                _say_how_to_go_on(len(outcomes), len(files))
            raise
    return sorted(outcomes, key=lambda outcome: outcome.file.id)


def readers_of(principals: str | None) -> list[str]:
    """The readers: everybody unless the option is given.

    InvalidPrincipal for an empty one: a variable that is not set must not mean everybody.
    """
    if principals is None:
        return [EVERYONE]
    return validate_principals(split_principals(principals) or [""])


async def _ingest(  # noqa: PLR0913  # what the command was given
    settings: Settings,
    url: str,
    tenant: str,
    files: Sequence[GivenFile],
    destination: Destination,
    outcomes: list[Outcome],
    *,
    is_dry_run: bool,
) -> None:
    """Fills `outcomes` as they come; a signal cancels this, and bars show the progress."""
    loop, itself = asyncio.get_running_loop(), asyncio.current_task()
    assert itself is not None  # noqa: S101  # this is a coroutine
    async with AsyncExitStack() as stack:
        tools = None
        if is_dry_run:
            # It needs no model, which takes seconds to load.
            database = await stack.enter_async_context(open_database(settings, url))
        else:
            tools = await stack.enter_async_context(open_ingestion(settings, url))
            database = tools.database
        intake = Intake(
            tools=tools,
            uploads=Uploads(
                database=database,
                files=FileStore(settings.effective_file_store_url),
                max_bytes=settings.max_upload_bytes,
            ),
            caller=await command_line_caller(database, tenant, []),
            destination=destination,
            stalled_after=timedelta(seconds=settings.stalled_job_seconds),
        )
        total = sum(file.size_bytes for file in files)
        with (
            stopping.on_request(lambda: loop.call_soon_threadsafe(itself.cancel)),
            transfer_bar() as bar,
        ):
            task = bar.add_task("", total=total, files=f"0/{len(files)} files", name="")

            def began(file: GivenFile) -> None:
                bar.update(task, name=printable(file.id))

            def ended(outcome: Outcome) -> None:
                outcomes.append(outcome)
                bar.update(task, files=f"{len(outcomes)}/{len(files)} files")
                bar.advance(task, outcome.file.size_bytes)

            await intake.take_all(
                files, at_once=settings.worker_concurrency, began=began, ended=ended
            )


def printable(text: str) -> str:
    """The text, its characters that steer a terminal written as escapes."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _say_how_to_go_on(done: int, total: int) -> None:
    progress_console.print(
        f"Stopped: {done} of {total} files are done. Run the same command again to go on: what is "
        "done is not read again.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _json_of(outcome: Outcome) -> dict[str, object]:
    return {
        "path": _sendable(str(outcome.file.path)),
        "external_id": _sendable(outcome.file.id),
        "change": outcome.change,
        "document_id": str(outcome.document_id) if outcome.document_id else None,
        "status": "refused" if outcome.change == "refused" else outcome.status,
        "error": f"{outcome.error} [{outcome.error_code}]" if outcome.error else None,
        "remedy": outcome.remedy,
    }


def _sendable(name: str) -> str:
    """The name, with a mark for each byte that is no UTF-8."""
    return name.encode(errors="replace").decode()


def _show(outcomes: Sequence[Outcome], *, is_dry_run: bool) -> None:
    for outcome in outcomes:
        name = printable(str(outcome.file.path))
        if outcome.error:
            status = "refused" if outcome.change == "refused" else outcome.status
            console.print(
                f"{name}: {status}: {printable(outcome.error)} [{outcome.error_code}]\n"
                f"    {outcome.remedy}",
                markup=False,
            )
        elif is_dry_run and outcome.change != "unchanged":
            console.print(f"{name}: {outcome.change}", markup=False)
    counts = Counter(outcome.change for outcome in outcomes)
    told = ", ".join(f"{counts[change]} {change}" for change in CHANGES if counts[change])
    if is_dry_run:
        console.print(f"Of {len(outcomes)} files: {told}. Nothing was written.", markup=False)
        return
    done = sum(outcome.error is None for outcome in outcomes)
    console.print(f"{done} of {len(outcomes)} files can be found ({told}).", markup=False)
