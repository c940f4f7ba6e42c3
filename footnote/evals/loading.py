"""A data set becomes the knowledge of a tenant of its own, by the way every upload takes."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from time import perf_counter
from uuid import UUID

import ingest
from footnote.evals.datasets import CorpusDocument, Dataset
from ingest.ingestion import Ingestion
from ingest.runs import until_finished
from ingest.worker import run_job
from kb.errors import DocumentUnreadable, LimitExceeded, TenantNotFound
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import EVERYONE, Viewer
from kb.store.audit import Actor
from kb.store.documents import DocumentFields, Listing, list_documents
from kb.store.spaces import Space
from kb.store.tenants import create_tenant, tenant_by_name
from kb.store.uploads import Upload, Uploads

NAME = "evaluation"
"""The uploader's name in the audit trail."""

READER = Viewer(principals=(EVERYONE,))
"""The viewer who asks the questions: everybody may read every document."""

PAGE = 1_000
"""Documents listed at once."""

READY = frozenset({"ready", "ready_with_warnings"})


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to upload; `supersedes` is the id of one before it."""

    id: str
    filename: str
    content: bytes
    title: str | None
    principals: tuple[str, ...] = (EVERYONE,)
    collection: str = "default"
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    supersedes: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadedDataset:
    """A set that can be asked; `unread_documents` could not be ingested.

    `seconds` is what loading took, None when the tenant had it all already.
    """

    dataset: Dataset
    tenant_id: TenantId
    documents: int
    unread_documents: int
    seconds: float | None


def tenant_name(dataset: Dataset, space: Space) -> str:
    """Changes with the documents, the model, and the code that reads and splits them.

    A tenant loaded by older code would be measured for the new one.
    """
    digest = hashlib.sha256(f"{dataset.corpus_sha256} {space.name} {reading_code()}".encode())
    return f"evaluation {dataset.name} {digest.hexdigest()[:16]}"


def reading_code() -> str:
    """Names the state of the package that makes chunks of uploads."""
    folder = Path(ingest.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def load(
    dataset: Dataset,
    tools: Ingestion,
    uploads: Uploads,
    *,
    concurrency: int,
    on_progress: Callable[[int, int], None],
) -> LoadedDataset:
    """Ingests what the set's tenant lacks, `concurrency` documents at once.

    `on_progress` hears how many documents are done, of how many; it is not called when all are
    there. A document that cannot be read is left out and counted.
    """
    tenant_id = await tenant_named(tools, tenant_name(dataset, tools.space))
    documents = dataset.documents()
    present = await ready_documents(tools, tenant_id)
    missing = [document for document in documents if document.id not in present]
    started = perf_counter()
    free = asyncio.Semaphore(concurrency)
    done = 0

    async def ingest_one(document: CorpusDocument) -> None:
        nonlocal done
        file = SourceFile(
            id=document.id,
            # The name's ending tells Markdown from plain text.
            filename=PurePosixPath(document.id).name,
            content=document.text.encode(),
            title=document.title or None,
        )
        async with free:
            # What is refused, such as an empty text, is missing from the tenant and counted there.
            with suppress(DocumentUnreadable, LimitExceeded):
                await ingest_file(tools, uploads, tenant_id, file)
        done += 1
        on_progress(done, len(missing))

    try:
        async with asyncio.TaskGroup() as group:
            for document in missing:
                group.create_task(ingest_one(document))
    except ExceptionGroup as errors:
        # The first stopped the others; what is done stays done for the next run.
        raise errors.exceptions[0] from errors
    if missing:
        present = await ready_documents(tools, tenant_id)

    return LoadedDataset(
        dataset=dataset,
        tenant_id=tenant_id,
        documents=len(present),
        unread_documents=len(documents) - len(present),
        seconds=perf_counter() - started if missing else None,
    )


async def tenant_named(tools: Ingestion, name: str) -> TenantId:
    """The tenant of that name, made where there is none."""
    async with tools.database.system() as system:
        try:
            return (await tenant_by_name(system, name)).id
        except TenantNotFound:
            return (await create_tenant(system, name)).id


async def ingest_file(
    tools: Ingestion,
    uploads: Uploads,
    tenant_id: TenantId,
    file: SourceFile,
    supersedes: DocumentId | None = None,
) -> DocumentId:
    """The document, uploaded and read here; a worker that takes its job as well does no harm."""
    accepted = await uploads.accept(
        tenant_id,
        Upload(
            content=file.content,
            filename=file.filename,
            declared_media_type=None,
            collection=file.collection,
            mode=None,
            fields=DocumentFields(
                external_id=file.id,
                title=file.title,
                source_uri=None,
                language=None,
                metadata={},
                principals=file.principals,
                effective_at=file.effective_at,
                expires_at=file.expires_at,
                supersedes=supersedes,
            ),
        ),
        # The owner may read a document that is for others only, and so upload it once more.
        viewer=Viewer(principals=READER.principals, owner=NAME),
        actor=Actor(name=NAME, principals=READER.principals, request_id=None),
        now=tools.clock(),
    )
    if accepted.job is not None:
        job_id = JobId(accepted.job.id)
        await run_job(tools, tenant_id, job_id, is_last_attempt=True)
        await until_finished(tools, tenant_id, job_id)
    return accepted.document.id


async def ready_documents(tools: Ingestion, tenant_id: TenantId) -> frozenset[str]:
    """The ids, in their set, of all documents that can be found."""
    found: set[str] = set()
    after: UUID | None = None
    while True:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            page = await list_documents(scope, Listing(), after=after, limit=PAGE)
        found.update(each.fields.external_id or "" for each in page if each.status in READY)
        if len(page) < PAGE:
            return frozenset(found)
        after = page[-1].id
