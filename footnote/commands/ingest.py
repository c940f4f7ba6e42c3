"""Ingesting files and folders from the command line, in this process."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.identity import Caller
from footnote.caller import command_line_caller
from footnote.compose import open_ingestion, uploads_with, utc_now
from footnote.output import (
    JsonOption,
    PrincipalsOption,
    TenantOption,
    console,
    print_json,
    progress_bar,
)
from ingest.ingestion import Ingestion
from ingest.runs import until_finished
from ingest.worker import run_job
from kb.errors import InvalidInput, KnowledgeBaseError
from kb.ids import JobId
from kb.postgres.database import EVERYONE
from kb.postgres.embedded_postgres import database_url
from kb.principals import split_principals, validate_principals
from kb.settings import Settings
from kb.store.documents import DocumentFields, get_document
from kb.store.uploads import Upload, Uploads
from kb.telemetry import configure_logging
from migrations.run import upgrade


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome for one file."""

    path: Path
    document_id: str | None
    status: str
    error: str | None


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    tenant: TenantOption,
    collection: Annotated[str, typer.Option(help="Collection to put them in.")] = "default",
    principals: PrincipalsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ingest files; folders with all that is in them. A file's path is its external id.

    --principals names who may read the documents; unset: everybody of the tenant.
    A file that has not changed since is not read again. Exit 1 when a file could not be read.
    """
    files: list[Path] = []
    for path in paths:
        inner = path.rglob("*") if path.is_dir() else ()
        files += [each for each in inner if each.is_file() and not each.name.startswith(".")]
        files += [] if path.is_dir() else [path]
    files.sort()
    if not files:
        raise InvalidInput("There is no file below the given paths.")
    readers = readers_of(principals)
    settings = Settings()
    configure_logging("error")
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        outcomes = asyncio.run(_ingest(settings, url, files, tenant, collection, readers))
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        for outcome in outcomes:
            if outcome.error:
                console.print(f"{outcome.path}: {outcome.status}: {outcome.error}", markup=False)
        done = sum(outcome.error is None for outcome in outcomes)
        console.print(f"{done} of {len(outcomes)} files can be found.")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


async def _ingest(
    settings: Settings,
    url: str,
    files: Sequence[Path],
    tenant: str,
    collection: str,
    principals: Sequence[str],
) -> list[Outcome]:
    async with open_ingestion(settings, url) as tools:
        caller = await command_line_caller(tools.database, tenant, [])
        uploads = uploads_with(tools, settings)
        waiting = asyncio.Semaphore(settings.worker_concurrency)
        with progress_bar() as progress:
            task = progress.add_task("Ingesting", total=len(files))

            async def one(path: Path) -> Outcome:
                async with waiting:
                    outcome = await _ingest_file(
                        tools, uploads, caller, path, principals, collection
                    )
                progress.advance(task)
                return outcome

            return list(await asyncio.gather(*(one(path) for path in files)))


def readers_of(principals: str | None) -> list[str]:
    """The readers: everybody unless the option is given.

    InvalidPrincipal for an empty one: a variable that is not set must not mean everybody.
    """
    if principals is None:
        return [EVERYONE]
    return validate_principals(split_principals(principals) or [""])


def _upload(path: Path, principals: Sequence[str], collection: str) -> Upload:
    return Upload(
        content=path.read_bytes(),
        filename=path.name,
        declared_media_type=None,
        collection=collection,
        mode=None,
        fields=DocumentFields(
            external_id=str(path.resolve()),
            title=None,
            source_uri=path.resolve().as_uri(),
            language=None,
            metadata={},
            principals=tuple(principals),
            effective_at=None,
            expires_at=None,
            supersedes=None,
        ),
    )


async def _ingest_file(
    tools: Ingestion,
    uploads: Uploads,
    caller: Caller,
    path: Path,
    principals: Sequence[str],
    collection: str,
) -> Outcome:
    """Uploads the file and runs its job here, unless a worker has begun it: then that ends it."""
    upload = await asyncio.to_thread(_upload, path, principals, collection)
    try:
        accepted = await uploads.accept(
            caller.tenant_id,
            upload,
            viewer=caller.managing_viewer,
            actor=caller.actor,
            now=utc_now(),
        )
    except KnowledgeBaseError as error:
        return Outcome(
            path=path, document_id=None, status="refused", error=f"{error.message} [{error.code}]"
        )
    if accepted.job is not None:
        job_id = JobId(accepted.job.id)
        await run_job(tools, caller.tenant_id, job_id, is_last_attempt=True)
        await until_finished(tools, caller.tenant_id, job_id)
    async with tools.database.tenant(caller.tenant_id, viewer=None) as scope:
        document = await get_document(scope, accepted.document.id)
    return Outcome(
        path=path,
        document_id=str(document.id),
        status=document.status,
        error=f"{document.error['message']} [{document.error['code']}]" if document.error else None,
    )
