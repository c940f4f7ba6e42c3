"""Takes in what is new or has changed: read, compared by hash, moved or uploaded."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ingest.sources.readers import (
    describe_document,
    described_item,
    document_fields,
    is_described_anew,
)
from ingest.sources.report import Tally
from ingest.sources.run import READ_AT_ONCE, Place, SourceRun, told
from ingest.sources.survey import Surveyed
from kb.errors import DependencyFailed, KnowledgeBaseError, OutboundFailed
from kb.file_names import file_name
from kb.ids import new_uuid
from kb.media_types import sniff
from kb.postgres.database import TenantSession, Viewer
from kb.store.document_writes import set_filename
from kb.store.source_items import Item, KnownItem, forget_items, store_items
from kb.store.sources import ItemFailure
from kb.store.uploads import Upload

ITEMS_A_TRANSACTION: Final = 50
"""What a killed run has taken in and not written down is read once more, and found unchanged."""


@dataclass
class Intake:
    """The files to take in, and the missing ones that a new one may have been moved from.

    `on_progress` is told of each file that is done.
    """

    run: SourceRun
    place: Place
    tally: Tally
    missing: dict[str, KnownItem]
    on_progress: Callable[[], Awaitable[None]]
    taken: list[Item] = field(default_factory=list)

    async def take_in(self, changed: Sequence[tuple[KnownItem, Surveyed]]) -> None:
        """Takes in listed files whose items are known, or were just made for them."""
        waiting = iter(changed)

        async def work() -> None:
            for known, surveyed in waiting:
                await self._take_in(known, surveyed)
                await self.on_progress()

        tasks = [asyncio.create_task(work()) for _ in range(READ_AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._write_down(at_least=0)

    async def _take_in(self, known: KnownItem, surveyed: Surveyed) -> None:
        file, item = surveyed.file, known.item
        try:
            content = await self.place.read(file)
        except (OSError, OutboundFailed) as error:
            message = error.message if isinstance(error, KnowledgeBaseError) else told(error)
            self._fail(surveyed, "item_unreadable", message)
            return
        except DependencyFailed:
            raise
        except KnowledgeBaseError as error:
            await self._refuse(known, surveyed, error)
            return
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        looked_at = replace(
            described_item(item, surveyed),
            etag=file.etag,
            size_bytes=file.size_bytes,
            content_sha256=sha256,
            error=None,
        )
        if item.document_id is not None and item.content_sha256 == sha256:
            self.tally.count(unchanged=1)
            if is_described_anew(known, surveyed):
                await self.run.transaction(
                    lambda scope: describe_document(self.run, scope, item, surveyed)
                )
            # Whose document somebody has deleted, it stays deleted until the file changes.
            await self._write_down(looked_at)
            return
        moved_from = None if item.document_id is not None else self._moved_from(sha256)
        if moved_from is None:
            if await self._upload(known, looked_at, surveyed, content):
                self.tally.count(**{"new" if item.content_sha256 is None else "changed": 1})
        else:
            await self._take_in_moved(moved_from, looked_at, surveyed, content)

    async def _take_in_moved(
        self, moved_from: KnownItem, looked_at: Item, surveyed: Surveyed, content: bytes
    ) -> None:
        if await self._is_of_the_same_type(moved_from, surveyed, content):
            await self._move(moved_from, looked_at, surveyed)
            self.tally.count(renamed=1)
            return
        # Cut off behind this, the next run reads the file once more.
        unread = replace(looked_at, etag=None, content_sha256=None)
        moved = await self._move(moved_from, unread, surveyed)
        looked_at = replace(looked_at, id=moved.id, document_id=moved.document_id)
        known = replace(moved_from, item=looked_at)
        if await self._upload(known, looked_at, surveyed, content):
            self.tally.count(renamed=1)

    async def _upload(
        self, known: KnownItem, looked_at: Item, surveyed: Surveyed, content: bytes
    ) -> bool:
        """True when the bytes were accepted."""
        run, file = self.run, surveyed.file
        fields = document_fields(run, looked_at, file.uri, surveyed.readers, surveyed.sidecar)
        upload = Upload(
            content=content,
            filename=file.path.name,
            declared_media_type=None,
            collection=run.source.settings.collection,
            mode="upsert",
            fields=fields,
            priority="bulk",
            are_readers_of_both_first=True,
        )
        actor = run.actor
        # A run that was taken for dead must not bring old bytes back.
        await run.check()
        try:
            accepted = await run.tools.uploads.accept(
                run.tenant_id,
                upload,
                viewer=Viewer(principals=actor.principals, owner=actor.name),
                actor=actor,
                now=run.tools.clock(),
            )
        except DependencyFailed:
            raise
        except KnowledgeBaseError as error:
            await self._refuse(known, surveyed, error)
            return False
        await self._write_down(replace(looked_at, document_id=accepted.document.id))
        return True

    def _moved_from(self, sha256: str) -> KnownItem | None:
        """The missing item with these bytes, which is not missing any more; the first by path.

        One whose document somebody has deleted is the last choice: moved, it stays deleted.
        """
        found = [
            (each.document is None, path)
            for path, each in self.missing.items()
            if each.item.content_sha256 == sha256 and each.item.document_id is not None
        ]
        return self.missing.pop(min(found)[1]) if found else None

    async def _is_of_the_same_type(
        self, moved_from: KnownItem, surveyed: Surveyed, content: bytes
    ) -> bool:
        """False when the new name says that the same bytes are to be read in another way."""
        if moved_from.document is None:
            return True
        name = surveyed.file.path.name
        try:
            media_type = await asyncio.to_thread(sniff, content, filename=name, declared=None)
        except KnowledgeBaseError:
            return False
        return media_type == moved_from.document.media_type

    async def _move(self, moved_from: KnownItem, looked_at: Item, surveyed: Surveyed) -> Item:
        """The missing item at its new path: the same document, nothing read again."""
        run, former = self.run, moved_from.item
        sidecar = former.sidecar
        if surveyed.sidecar is None and sidecar is not None and "principals" in sidecar:
            # It was moved without its sidecar, which still counts; the next run reports that.
            surveyed = replace(
                surveyed,
                readers=tuple(sidecar["principals"]),
                sidecar=sidecar,
                sidecar_etag=former.sidecar_etag,
            )
        moved = replace(
            described_item(looked_at, surveyed), id=former.id, document_id=former.document_id
        )

        async def move(scope: TenantSession) -> None:
            await describe_document(run, scope, former, surveyed)
            if former.document_id is not None:
                name = file_name(surveyed.file.path.name)
                await set_filename(scope, former.document_id, name, now=run.tools.clock())
            await forget_items(scope, run.source.id, [former.path])
            await store_items(scope, run.source.id, [moved], now=run.tools.clock())

        await run.transaction(move)
        return moved

    async def _refuse(
        self, known: KnownItem, surveyed: Surveyed, error: KnowledgeBaseError
    ) -> None:
        """Reports a file that cannot be taken in, now and until it changes."""
        self._fail(surveyed, error.code, error.message)
        file = surveyed.file
        refused = replace(
            known.item,
            state="present",
            etag=file.etag,
            size_bytes=file.size_bytes,
            error={"code": error.code, "message": error.message},
        )
        await self._write_down(refused)

    def _fail(self, surveyed: Surveyed, code: str, message: str) -> None:
        self.tally.fail(ItemFailure(item=surveyed.file.id, code=code, message=message))

    async def _write_down(self, *items: Item, at_least: int = ITEMS_A_TRANSACTION) -> None:
        """Stores what was taken in, some at a time."""
        self.taken += items
        if not self.taken or len(self.taken) < at_least:
            return
        written, self.taken = self.taken, []
        run = self.run
        await run.transaction(
            lambda scope: store_items(scope, run.source.id, written, now=run.tools.clock())
        )


def new_items(paths: Sequence[str]) -> Mapping[str, KnownItem]:
    """Items for files that are not known yet, by path, each with its name for good."""
    return {path: KnownItem(item=Item(path=path, id=new_uuid()), document=None) for path in paths}
