"""A database of a test's own, with tools of a worker that need no model."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ingest.backfill import backfill_tenant
from ingest.ingestion import Ingestion
from ingest.reading import reading_children
from ingest.space_writers import SpaceWriters
from ingest.worker import build_queue_app, run_worker, take_over_stalled_jobs
from kb.errors import ModelUnavailable
from kb.files import FileStore
from kb.ids import DocumentId, JobId, TenantId
from kb.postgres.database import EVERYONE, Database, Viewer
from kb.store.audit import Actor
from kb.store.documents import DocumentFields
from kb.store.jobs import Job, get_job
from kb.store.spaces import Space, ensure_space
from kb.store.tenants import create_tenant
from kb.store.uploads import Accepted, Upload, UploadMode, Uploads
from kb.store.vectors import Embedded
from kb.telemetry import Metrics
from migrations.run import upgrade
from models.space_models import SpaceModels
from tests.architecture.databases import empty_database
from tests.footnote.small_embedder import SmallEmbedder

MAX_ATTEMPTS = 2
OWNER = "test"
STALLED = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class OwnDatabase:
    """A migrated database with one tenant, and what uploads and ingests into it."""

    url: str
    files_url: str
    tools: Ingestion
    tenant_id: TenantId

    async def upload(
        self,
        content: bytes,
        external_id: str | None = None,
        *,
        mode: UploadMode | None = None,
        supersedes: DocumentId | None = None,
        filename: str = "note.md",
        principals: tuple[str, ...] = (EVERYONE,),
    ) -> Accepted:
        """A stored upload that waits for a worker."""
        uploads = Uploads(database=self.tools.database, files=self.tools.files, max_bytes=10**7)
        fields = DocumentFields(
            external_id=external_id,
            title=None,
            source_uri=None,
            language=None,
            metadata={},
            principals=principals,
            effective_at=None,
            expires_at=None,
            supersedes=supersedes,
        )
        upload = Upload(
            content=content,
            filename=filename,
            declared_media_type=None,
            collection="default",
            mode=mode,
            fields=fields,
        )
        return await uploads.accept(
            self.tenant_id,
            upload,
            viewer=Viewer(principals=(EVERYONE,), owner=OWNER),
            actor=Actor(name=OWNER, principals=(), request_id=None),
            now=datetime.now(UTC),
        )

    async def job(self, job_id: JobId) -> Job:
        """The job as it is now."""
        async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
            return await get_job(scope, job_id)

    async def work_until_empty(self) -> None:
        """Takes the jobs of dead workers over and runs all that are due, in this process."""
        app = build_queue_app(self.url, self.tools)
        async with app.open_async():
            await take_over_stalled_jobs(app, STALLED.total_seconds())
        await run_worker(app, concurrency=1, stalled_after=STALLED, wait=False)

    async def fill(self, space: Space) -> None:
        """Embeds what the tenant's space lacks."""

        async def on_progress(_done: int, _total: int) -> None:
            return

        async def on_embedded(_embedded: Embedded) -> None:
            return

        status = await backfill_tenant(
            self.tools,
            self.tenant_id,
            space.name,
            on_progress=on_progress,
            on_embedded=on_embedded,
        )
        assert status == "succeeded"


def small_models(*embedders: SmallEmbedder) -> Callable[[Space], SmallEmbedder]:
    """Loads the model of these that belongs to a space."""

    def load(space: Space) -> SmallEmbedder:
        for embedder in embedders:
            if embedder.space == space:
                return embedder
        raise ModelUnavailable(f"There is no {space.model!r} here.")

    return load


@asynccontextmanager
async def own_database(
    server_url: str, files_url: str, *, embedders: Sequence[SmallEmbedder] = (SmallEmbedder(),)
) -> AsyncIterator[OwnDatabase]:
    """A new database on the server, dropped at the end.

    The first embedder's space is active, the models of all can be loaded.
    """
    with empty_database(server_url) as url:
        upgrade(url)
        database = Database(url, pool_size=3)
        try:
            async with open_small_tools(database, files_url, embedders=embedders) as tools:
                async with database.system() as system:
                    tenant = await create_tenant(system, f"test {uuid4()}")
                yield OwnDatabase(url=url, files_url=files_url, tools=tools, tenant_id=tenant.id)
        finally:
            await database.close()


@asynccontextmanager
async def open_small_tools(
    database: Database, files_url: str, *, embedders: Sequence[SmallEmbedder] = (SmallEmbedder(),)
) -> AsyncIterator[Ingestion]:
    """What a worker ingests with, without a model."""
    embedder = embedders[0]
    await ensure_space(database, embedder.space)
    models = SpaceModels(small_models(*embedders), embedder.space, embedder)
    with closing(reading_children()) as children:
        async with SpaceWriters(embedder.space, embedder, models) as writers:
            yield Ingestion(
                database=database,
                files=FileStore(files_url),
                children=children,
                writers=writers,
                metrics=Metrics(),
                max_attempts=MAX_ATTEMPTS,
                clock=lambda: datetime.now(UTC),
            )
