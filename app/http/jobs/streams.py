"""Followed jobs: one look at all of a tenant's jobs that are followed here, for all who follow.

Each follower reads its job for itself, under row security, when something has changed and every few
seconds besides: whoever may no longer see it, or whose key was revoked, is told no more.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request

from app.http.jobs.present import job_out
from app.identity import Caller
from app.resources import Resources
from kb.errors import DependencyFailed
from kb.ids import JobId, TenantId
from kb.store.answer_events import StreamEvent
from kb.store.job_lists import last_changes
from kb.store.jobs import FINISHED, Job, get_job

LOOK_SECONDS: Final = 0.5
"""Between two looks at the jobs of a tenant; one costs about 1 ms, however many are followed."""

RECHECK_SECONDS: Final = 5.0
"""A follower whose rights were taken away is told no more after this long."""

PING_SECONDS: Final = 15.0

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class _Followed:
    """A job that somebody follows; `state` is what was seen of it last, at first nothing."""

    follower_count: int = 0
    state: object = field(default_factory=object)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class JobStreams:
    """The jobs that are followed at this process."""

    def __init__(self, resources: Resources) -> None:
        """Nothing is followed yet."""
        self._resources = resources
        self._followed: dict[TenantId, dict[JobId, _Followed]] = {}
        self._looking: dict[TenantId, asyncio.Task[None]] = {}

    async def follow(
        self, caller: Caller, job_id: JobId, *, authorization: str | None, after: int
    ) -> AsyncIterator[StreamEvent | None]:
        """The states of the job from now on, the last one when it has finished.

        Numbers go on behind `after`. None when nothing has happened for PING_SECONDS. Raises
        JobNotFound when the caller may no longer see it, CredentialInvalid when its key is revoked.
        """
        number, shown = after, None
        checked_at = sent_at = monotonic()
        with self._following(caller.tenant_id, job_id) as followed:
            while True:
                # Taken before the job is read: what changes meanwhile wakes this at once.
                changed = followed.changed
                job = await self._read(caller, job_id)
                state = job_out(job).model_dump(mode="json")
                if job.status in FINISHED:
                    yield StreamEvent(number=number + 1, name="job.finished", data=state)
                    return
                if state != shown:
                    number, shown, sent_at = number + 1, state, monotonic()
                    yield StreamEvent(number=number, name="job.progress", data=state)
                elif monotonic() - sent_at >= PING_SECONDS:
                    sent_at = monotonic()
                    yield None
                with suppress(TimeoutError):
                    async with asyncio.timeout(RECHECK_SECONDS):
                        await changed.wait()
                if monotonic() - checked_at >= RECHECK_SECONDS:
                    checked_at = monotonic()
                    await self._resources.authenticator.authenticate(
                        authorization, now=self._resources.clock()
                    )

    async def close(self) -> None:
        """Looks at nothing any more."""
        for task in self._looking.values():
            task.cancel()
        await asyncio.gather(*self._looking.values(), return_exceptions=True)

    async def _read(self, caller: Caller, job_id: JobId) -> Job:
        database = self._resources.database
        async with database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
            return await get_job(scope, job_id)

    @contextmanager
    def _following(self, tenant_id: TenantId, job_id: JobId) -> Iterator[_Followed]:
        jobs = self._followed.setdefault(tenant_id, {})
        followed = jobs.setdefault(job_id, _Followed())
        followed.follower_count += 1
        if tenant_id not in self._looking:
            self._looking[tenant_id] = asyncio.create_task(self._look_at(tenant_id))
        try:
            yield followed
        finally:
            followed.follower_count -= 1
            if followed.follower_count == 0:
                del jobs[job_id]
            if not jobs:
                self._followed.pop(tenant_id, None)
                self._looking.pop(tenant_id).cancel()

    async def _look_at(self, tenant_id: TenantId) -> None:
        """Wakes the followers of each job that has changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            followed = self._followed[tenant_id]
            try:
                async with self._resources.database.tenant(tenant_id, viewer=None) as scope:
                    states = await last_changes(scope, list(followed))
            except DependencyFailed as error:
                log.warning("jobs.not_read", code=error.code)
                continue
            for job_id, job in list(followed.items()):
                if states.get(job_id) != job.state:
                    job.state = states.get(job_id)
                    job.changed.set()
                    job.changed = asyncio.Event()


async def get_job_streams(request: Request) -> JobStreams:
    """The followed jobs of this process."""
    streams: JobStreams = request.app.state.job_streams
    return streams


JobStreamsDep = Annotated[JobStreams, Depends(get_job_streams)]
