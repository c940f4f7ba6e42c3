"""One run over a source: nobody else writes what it writes, and no place keeps it for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

import structlog

from ingest.sources.files import DocumentSource, SourceFile
from ingest.sources.opening import SourceOpener
from kb.errors import DependencyFailed, KnowledgeBaseError, SourceUnavailable
from kb.files import FileStore
from kb.ids import TenantId, new_uuid
from kb.postgres.database import Database, TenantSession, retried
from kb.store.audit import Actor
from kb.store.source_runs import (
    RUN_LEASE,
    begin_source_run,
    end_source_run,
    hold_source_run,
    keep_source_run,
)
from kb.store.sources import Source
from kb.store.uploads import Uploads

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

READ_AT_ONCE: Final = 4
"""Files of a source: places far away answer slowly, and each file may be large."""

OPEN_SECONDS: Final = 900.0
LIST_SECONDS: Final = 900.0
READ_SECONDS: Final = 180.0
"""A place that takes longer is given up; its own limits are shorter, where it has some."""


@dataclass(frozen=True, kw_only=True)
class SourceTools:
    """The tools that sources are synchronised with."""

    database: Database
    files: FileStore
    uploads: Uploads
    opener: SourceOpener
    clock: Callable[[], datetime]


def source_actor(name: str) -> Actor:
    """The source as the one who uploads, changes and deletes its documents.

    No caller has the same principals: every caller is also `tenant:*`.
    """
    whole = f"source:{name}"
    return Actor(name=whole, principals=(whole,), request_id=None, is_admin=True)


@dataclass(frozen=True, kw_only=True)
class SourceRun:
    """A run that has its source to itself, as long as its transactions say so."""

    tools: SourceTools
    tenant_id: TenantId
    source: Source
    token: UUID

    @property
    def actor(self) -> Actor:
        """Whose documents they are."""
        return source_actor(self.source.name)

    async def transaction(self, act: Callable[[TenantSession], Awaitable[Result]]) -> Result:
        """The result of `act` in a transaction; SourceBusy when another run has begun."""

        async def transaction() -> Result:
            async with self.tools.database.tenant(self.tenant_id, viewer=None) as scope:
                await hold_source_run(scope, self.source.id, self.token)
                return await act(scope)

        return await retried(transaction)

    async def check(self) -> None:
        """SourceBusy when another run has begun."""
        await self.transaction(_nothing)


async def _nothing(_scope: TenantSession) -> None:
    pass


@asynccontextmanager
async def begun_run(tools: SourceTools, tenant_id: TenantId, name: str) -> AsyncIterator[SourceRun]:
    """A run over the source of that name; SourceNotFound, SourceBusy while another one lives."""
    token = new_uuid()

    async def begin() -> Source:
        async with tools.database.tenant(tenant_id, viewer=None) as scope:
            return await begin_source_run(scope, name, token, now=tools.clock())

    source = await retried(begin)
    run = SourceRun(tools=tools, tenant_id=tenant_id, source=source, token=token)
    keeping = asyncio.create_task(_keep(run))
    try:
        yield run
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        try:
            async with tools.database.tenant(tenant_id, viewer=None) as scope:
                await end_source_run(scope, source.id, token)
        except DependencyFailed as error:
            log.warning("source.not_freed", source=name, code=error.code)


async def _keep(run: SourceRun) -> None:
    """Says again and again that the run lives; its own transactions notice when it is too late."""
    while True:
        await asyncio.sleep(RUN_LEASE.total_seconds() / 4)
        try:
            async with run.tools.database.tenant(run.tenant_id, viewer=None) as scope:
                await keep_source_run(scope, run.source.id, run.token, now=run.tools.clock())
        except DependencyFailed as error:
            log.warning("source.not_kept", source=run.source.name, code=error.code)


class Place:
    """An open source, asked in threads of its own; whatever is too slow is an OSError."""

    def __init__(self, source: DocumentSource, threads: ThreadPoolExecutor) -> None:
        self._source = source
        self._threads = threads
        self._turns = asyncio.Semaphore(READ_AT_ONCE)

    async def files(self) -> list[SourceFile]:
        """All files; OSError when the list cannot be had whole."""
        return await _within(LIST_SECONDS, self._threads, self._source.files)

    async def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; OSError when they cannot be read."""
        # The time is that of the reading: thousands of sidecars wait for their turn together.
        async with self._turns:
            return await _within(READ_SECONDS, self._threads, partial(self._source.read, file))


@asynccontextmanager
async def opened_place(run: SourceRun) -> AsyncIterator[Place]:
    """The run's source, open; raises what the opener raises."""
    threads = ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="source")
    # Opening and closing follow each other, also when nobody waits for the opening any more.
    door = ThreadPoolExecutor(1, thread_name_prefix="source-door")
    opened = ExitStack()
    try:
        manager = run.tools.opener.open(run.tenant_id, run.source)
        source = await _within(OPEN_SECONDS, door, partial(opened.enter_context, manager))
        yield Place(source, threads)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        door.submit(opened.close)
        door.shutdown(wait=False)


def unavailable(error: OSError | UnicodeError) -> SourceUnavailable:
    """The error of a source that could not be listed, with the reason."""
    return SourceUnavailable(
        f"The source could not be listed to its end, so nothing was changed: {told(error)}"
    )


def told(error: OSError | UnicodeError) -> str:
    """The reason, without paths of the worker's machine."""
    if isinstance(error, TimeoutError):
        return "It took too long."
    if isinstance(error, UnicodeError):
        return "It is not UTF-8."
    return error.strerror or (str(error) if not error.filename else "It cannot be read.")


async def _within(
    seconds: float, threads: ThreadPoolExecutor, work: Callable[[], Result]
) -> Result:
    """The result of work on a place; OSError when it takes longer or stumbles over the place."""
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().run_in_executor(threads, work)
    except (OSError, UnicodeError, KnowledgeBaseError):
        raise
    except Exception as error:  # what a library cannot read must not keep other files and sources
        log.exception("source.stumbled")
        raise OSError("It is damaged, or written in a way that is not known.") from error
