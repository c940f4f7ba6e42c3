"""Ingesting files and folders from the command line, in this process."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
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
from ingest.sources.files import DocumentSource, FolderSource, SourceFile
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

    path: PurePath
    document_id: str | None
    status: str
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The collection that files are put in, and who may read them there."""

    collection: str
    principals: tuple[str, ...]


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
    source = FolderSource(paths)
    files = source.files()
    if not files:
        raise InvalidInput("There is no file below the given paths.")
    destination = Destination(collection=collection, principals=tuple(readers_of(principals)))
    settings = Settings()
    configure_logging("error")
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        outcomes = asyncio.run(_ingest(settings, url, source, files, tenant, destination))
    if as_json:
        print_json([{**asdict(outcome), "path": str(outcome.path)} for outcome in outcomes])
    else:
        for outcome in outcomes:
            if outcome.error:
                console.print(f"{outcome.path}: {outcome.status}: {outcome.error}", markup=False)
        done = sum(outcome.error is None for outcome in outcomes)
        console.print(f"{done} of {len(outcomes)} files can be found.")
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def readers_of(principals: str | None) -> list[str]:
    """The readers: everybody unless the option is given.

    InvalidPrincipal for an empty one: a variable that is not set must not mean everybody.
    """
    if principals is None:
        return [EVERYONE]
    return validate_principals(split_principals(principals) or [""])


async def _ingest(
    settings: Settings,
    url: str,
    source: DocumentSource,
    files: Sequence[SourceFile],
    tenant: str,
    destination: Destination,
) -> list[Outcome]:
    """The outcome of each file, in order; a bar shows the progress."""
    async with open_ingestion(settings, url) as tools:
        caller = await command_line_caller(tools.database, tenant, [])
        uploads = uploads_with(tools, settings)
        waiting = asyncio.Semaphore(settings.worker_concurrency)
        with progress_bar() as progress:
            task = progress.add_task("Ingesting", total=len(files))

            async def one(file: SourceFile) -> Outcome:
                async with waiting:
                    outcome = await ingest_file(tools, uploads, caller, source, file, destination)
                progress.advance(task)
                return outcome

            return list(await asyncio.gather(*(one(file) for file in files)))


async def ingest_file(
    tools: Ingestion,
    uploads: Uploads,
    caller: Caller,
    source: DocumentSource,
    file: SourceFile,
    destination: Destination,
) -> Outcome:
    """The outcome of uploading a file and of running its job here.

    A worker may take the same job meanwhile; then this waits until that one has ended it.
    """
    fields = DocumentFields(
        external_id=file.id,
        title=None,
        source_uri=file.uri,
        language=None,
        metadata={},
        principals=destination.principals,
        effective_at=None,
        expires_at=None,
        supersedes=None,
    )
    try:
        accepted = await uploads.accept(
            caller.tenant_id,
            Upload(
                content=await asyncio.to_thread(source.read, file),
                filename=file.path.name,
                declared_media_type=None,
                collection=destination.collection,
                mode=None,
                fields=fields,
            ),
            viewer=caller.managing_viewer,
            actor=caller.actor,
            now=utc_now(),
        )
    except KnowledgeBaseError as error:
        return Outcome(
            path=file.path,
            document_id=None,
            status="refused",
            error=f"{error.message} [{error.code}]",
        )
    if accepted.job is not None:
        job_id = JobId(accepted.job.id)
        await run_job(tools, caller.tenant_id, job_id, is_last_attempt=True)
        await until_finished(tools, caller.tenant_id, job_id)
    async with tools.database.tenant(caller.tenant_id, viewer=None) as scope:
        document = await get_document(scope, accepted.document.id)
    failure = document.error
    return Outcome(
        path=file.path,
        document_id=str(document.id),
        status=document.status,
        error=f"{failure['message']} [{failure['code']}]" if failure else None,
    )
