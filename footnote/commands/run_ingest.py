"""Ingesting files and folders from the command line."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import typer

from footnote.caller import command_line_caller
from footnote.commands.given_files import GivenFile, find_files, read_file
from footnote.commands.ingest_files import Destination, Intake, Outcome
from footnote.commands.ingest_report import FileProgress, report
from footnote.compose_ingestion import open_ingestion
from footnote.on_database import open_database, upgraded_database
from ingest.sources.files import RULE_FILE
from ingest.sources.permissions import MAX_DESCRIPTION_BYTES, Readers, parse_rule_file
from kb import stopping
from kb.errors import InvalidInput
from kb.files import FileStore
from kb.logs import configure_logging
from kb.postgres.database import EVERYONE
from kb.principals import split_principals, validate_principals
from kb.settings import Settings
from kb.store.uploads import Uploads

FINISH_SECONDS = 3.0
"""For the files in hand after a signal; `kb.stopping` kills what has not ended after five."""


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
    report(outcomes, is_dry_run=is_dry_run, as_json=as_json)
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
    progress = FileProgress(files)
    with upgraded_database(settings) as url:
        try:
            # Also when files in hand do not end in time, or a second signal comes.
            with (
                stopping.on_kill(lambda _seconds: progress.say_how_to_go_on()),
                suppress(asyncio.CancelledError),
            ):
                asyncio.run(
                    _ingest(settings, url, tenant, files, destination, progress, is_dry=is_dry_run)
                )
        except BaseException as error:
            # What could not even begin has one line of its own.
            if progress.outcomes or not isinstance(error, Exception):
                progress.say_how_to_go_on()
            raise
    if stopping.is_requested():
        progress.say_how_to_go_on()
    return sorted(progress.outcomes, key=lambda outcome: outcome.file.id)


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
    progress: FileProgress,
    *,
    is_dry: bool,
) -> None:
    """Tells `progress` of the outcomes as they come.

    After a signal no further file is begun; those in hand are given up after a few seconds.
    """
    loop, itself = asyncio.get_running_loop(), asyncio.current_task()
    assert itself is not None  # noqa: S101  # this is a coroutine
    async with AsyncExitStack() as stack:
        tools = None
        if is_dry:
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
        give_up = partial(loop.call_later, FINISH_SECONDS, itself.cancel)
        with stopping.on_request(lambda: loop.call_soon_threadsafe(give_up)), progress:
            await intake.take_all(
                files,
                at_once=settings.worker_concurrency,
                began=progress.began,
                ended=progress.ended,
            )
