"""Ingesting files: compare with what is stored, upload what is new, have its job run."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile
from typing import Final, Literal

from pydantic import ValidationError

from app.http.documents.schemas import UploadFields
from app.identity import Caller
from app.remedies import remedy_of_code
from footnote.commands.given_files import GivenFile
from footnote.on_database import utc_now
from ingest.ingestion import Ingestion
from ingest.runs import LOOK_EVERY_SECONDS, has_finished, until_finished
from ingest.sources.permissions import Readers
from ingest.worker import run_job
from kb import stopping
from kb.errors import (
    DependencyFailed,
    DocumentNotFound,
    DocumentOfAnother,
    InvalidInput,
    KnowledgeBaseError,
)
from kb.ids import DocumentId, JobId
from kb.postgres.database import retried
from kb.store.audit import record_event
from kb.store.changes import change_fields, lock_to_change, narrow_readers, readers_of_both
from kb.store.documents import Document, DocumentFields, find_named, get_document, lock_external_id
from kb.store.queue import count_workers
from kb.store.source_items import Sidecar
from kb.store.uploads import Upload, Uploads
from language.text import is_text

KNOWN_AT_ONCE: Final = 500
"""External ids of one look into the database."""

Change = Literal["new", "changed", "unchanged", "refused"]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The collection that files are put in, who may read them there, and where they link to."""

    collection: str
    readers: Readers
    source_uri_prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome for one file: what it is compared with what was stored, and how it ended.

    Of a dry run `status` is None but for what is stored already.
    """

    file: GivenFile
    change: Change
    document_id: DocumentId | None = None
    status: str | None = None
    error_code: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def remedy(self) -> str | None:
        """What to do about the error."""
        return None if self.error_code is None else remedy_of_code(self.error_code)


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Takes files in for a caller. Without tools it is a dry run: nothing is written."""

    tools: Ingestion | None
    uploads: Uploads
    caller: Caller
    destination: Destination
    stalled_after: timedelta
    """A worker that is silent for so long has died."""

    async def take_all(
        self,
        files: Sequence[GivenFile],
        *,
        at_once: int,
        began: Callable[[GivenFile], None],
        ended: Callable[[Outcome], None],
    ) -> None:
        """Calls `ended` with each outcome as it comes; DependencyFailed ends it.

        Whoever may read a file no more loses its document before any file is read. After a signal
        no further file is begun.
        """
        known = await self._known(files)
        if self.tools is not None:
            for file in files:
                if (present := known.get(file.id) or known.get(file.former_id)) is not None:
                    await self._narrow(file, present)
        waiting = takewhile(lambda _file: not stopping.is_requested(), files)
        workers = [
            asyncio.create_task(self._take_from(waiting, known, began, ended))
            for _ in range(at_once)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _take_from(
        self,
        waiting: Iterator[GivenFile],
        known: Mapping[str, Document],
        began: Callable[[GivenFile], None],
        ended: Callable[[Outcome], None],
    ) -> None:
        for file in waiting:
            began(file)
            ended(await self.take(file, known.get(file.id) or known.get(file.former_id)))

    async def take(self, file: GivenFile, present: Document | None) -> Outcome:
        """The outcome of one file, of which `present` is stored."""
        try:
            upload = await self.upload(file)
            content = await self.uploads.describe(upload)
            if present is not None and _is_unchanged(present, upload.fields, content.sha256):
                return Outcome(
                    file=file,
                    change="unchanged",
                    document_id=present.id,
                    status=present.status,
                    warnings=present.warnings,
                )
            change: Change = "new" if present is None else "changed"
            if self.tools is None:
                return Outcome(
                    file=file, change=change, document_id=present.id if present else None
                )
            if present is not None and present.fields.external_id != file.id:
                await self._rename(present, file.id)
            accepted = await self.uploads.accept(
                self.caller.tenant_id,
                upload,
                viewer=self.caller.managing_viewer,
                actor=self.caller.actor,
                now=utc_now(),
            )
        except DependencyFailed:
            raise
        except KnowledgeBaseError as error:
            return Outcome(file=file, change="refused", error_code=error.code, error=error.message)
        if accepted.job is not None:
            await self._read(self.tools, JobId(accepted.job.id))
        async with self.uploads.database.tenant(self.caller.tenant_id, viewer=None) as scope:
            document = await get_document(scope, accepted.document.id)
        return Outcome(
            file=file,
            change=change,
            document_id=document.id,
            status=document.status,
            error_code=document.error["code"] if document.error else None,
            error=document.error["message"] if document.error else None,
            warnings=document.warnings,
        )

    async def _read(self, tools: Ingestion, job_id: JobId) -> None:
        """Returns when the job has ended: a living worker runs it in its turn, or else this does.

        Two that run one job do it twice, and each other upload waits for the worker's.
        """
        tenant_id = self.caller.tenant_id
        while await count_workers(tools.database, silent_after=self.stalled_after):
            if await has_finished(tools, tenant_id, job_id):
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        await run_job(tools, tenant_id, job_id, is_last_attempt=True)
        # A worker that began meanwhile may have taken it.
        await until_finished(tools, tenant_id, job_id)

    async def _narrow(self, file: GivenFile, present: Document) -> None:
        """Takes the document from whoever the file is no longer for: everybody, if nothing says."""
        principals: tuple[str, ...] = ()
        with suppress(InvalidInput):
            _, principals = await self._described(file)
        if readers_of_both(present, principals) == present.fields.principals:
            return

        async def transaction() -> None:
            async with self.uploads.database.tenant(
                self.caller.tenant_id, viewer=self.caller.managing_viewer
            ) as scope:
                document = await lock_to_change(scope, present.id, self.caller.actor)
                async with scope.whole_tenant() as whole:
                    await narrow_readers(whole, document, principals, now=utc_now())
                await record_event(
                    scope,
                    self.caller.actor,
                    "document.update",
                    str(present.id),
                    {"fields": ["principals"]},
                )

        # Whatever else is wrong with it is said when its turn comes.
        with suppress(DocumentNotFound, DocumentOfAnother):
            await retried(transaction)

    async def _described(self, file: GivenFile) -> tuple[Sidecar, tuple[str, ...]]:
        """What stands beside the file, and who may read it; InvalidInput when nobody may."""
        sidecar = await asyncio.to_thread(file.read_sidecar) or Sidecar(metadata={})
        principals = self.destination.readers.of_file(file.id, sidecar)
        if not principals:
            raise InvalidInput(
                "No rule and no sidecar says who may read it: add one, or give --principals."
            )
        return sidecar, principals

    async def _known(self, files: Sequence[GivenFile]) -> dict[str, Document]:
        """What is stored of the files, by their ids or the absolute paths of earlier releases."""
        caller, known = self.caller, dict[str, Document]()
        for start in range(0, len(files), KNOWN_AT_ONCE):
            page = files[start : start + KNOWN_AT_ONCE]
            names = [name for file in page for name in (file.id, file.former_id) if is_text(name)]
            async with self.uploads.database.tenant(
                caller.tenant_id, viewer=caller.managing_viewer
            ) as scope:
                known |= await find_named(
                    scope,
                    self.destination.collection,
                    names,
                    uploader=caller.actor.uploader,
                )
        return known

    async def upload(self, file: GivenFile) -> Upload:
        """The upload of a file; InvalidInput when it has no reader, or a name that is no name."""
        sidecar, principals = await self._described(file)
        try:
            fields = UploadFields.model_validate(
                {
                    "external_id": file.id,
                    "collection": self.destination.collection,
                    "source_uri": file.uri(self.destination.source_uri_prefix),
                    "principals": list(principals),
                    "title": sidecar.get("title"),
                    "metadata": sidecar["metadata"],
                    "effective_at": sidecar.get("effective_at"),
                    "expires_at": sidecar.get("expires_at"),
                }
            )
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in fault["loc"])
            raise InvalidInput(f"{name}: {fault['msg']}.") from error
        return Upload(
            content=await asyncio.to_thread(file.read, max_bytes=self.uploads.max_bytes),
            filename=file.path.name,
            declared_media_type=None,
            collection=fields.collection,
            mode=None,
            fields=DocumentFields(
                external_id=fields.external_id,
                title=fields.title,
                source_uri=fields.source_uri,
                language=None,
                metadata=dict(fields.metadata),
                principals=tuple(fields.principals),
                effective_at=fields.effective_at,
                expires_at=fields.expires_at,
                supersedes=None,
            ),
            priority="bulk",
        )

    async def _rename(self, present: Document, external_id: str) -> None:
        """Gives a document of an earlier release today's name, so that it stays the same one."""
        caller = self.caller

        async def transaction() -> None:
            async with self.uploads.database.tenant(
                caller.tenant_id, viewer=caller.managing_viewer
            ) as scope:
                await lock_external_id(scope, present.collection_id, external_id)
                document = await lock_to_change(scope, present.id, caller.actor)
                fields = replace(document.fields, external_id=external_id)
                async with scope.whole_tenant() as whole:
                    await change_fields(whole, document, fields, now=utc_now())
                await record_event(
                    scope,
                    caller.actor,
                    "document.update",
                    str(present.id),
                    {"fields": ["external_id"]},
                )

        await retried(transaction)


def _is_unchanged(present: Document, fields: DocumentFields, sha256: str) -> bool:
    """True when the document can be found as the file is, and as it is to be described."""
    is_read = present.status in {"ready", "ready_with_warnings"} and present.error is None
    has_bytes = present.upload == present.version and present.content.sha256 == sha256
    return is_read and has_bytes and present.fields == fields
