"""The events of a job: each state of it while somebody who may see it follows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from app.http.jobs import streams
from kb.ids import JobId
from kb.store.credentials import revoke_key
from kb.store.jobs import finish_job, set_progress, start_job
from tests.service import Person, Service

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event as it came; a ping has neither number nor name."""

    number: int | None
    name: str
    data: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """A job that nobody runs but the test."""

    person: Person
    job_id: str
    document_id: str

    async def start(self) -> int:
        database = self.person.service.resources.database
        async with database.tenant(self.person.tenant_id, viewer=None) as scope:
            return await start_job(scope, JobId(UUID(self.job_id)), is_alone=False, now=NOW)

    async def progress(self, attempt: int, done: int) -> None:
        database = self.person.service.resources.database
        async with database.tenant(self.person.tenant_id, viewer=None) as scope:
            await set_progress(
                scope, JobId(UUID(self.job_id)), attempt, done=done, total=9, now=NOW
            )

    async def finish(self) -> None:
        database = self.person.service.resources.database
        async with database.tenant(self.person.tenant_id, viewer=None) as scope:
            await finish_job(scope, JobId(UUID(self.job_id)), "succeeded", error=None, now=NOW)


async def uploaded(person: Person, *principals: str) -> Uploaded:
    response = await person.post_file("# A note\n", principals=list(principals) or ["tenant:*"])
    body = response.json()
    return Uploaded(person=person, job_id=body["job"]["id"], document_id=body["document"]["id"])


@asynccontextmanager
async def following(
    person: Person, job_id: str, headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events as they arrive; each is waited for no longer than a minute."""
    request = person.service.http.build_request(
        "GET",
        f"/v1/jobs/{job_id}/events",
        headers={"Authorization": f"Bearer {person.key}", **(headers or {})},
    )
    response = await person.service.http.send(request, stream=True)
    assert response.status_code == 200, await response.aread()
    assert response.headers["content-type"].startswith("text/event-stream")
    try:
        yield events_of(response.aiter_lines())
    finally:
        await response.aclose()


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            number = int(fields["id"])
            yield Event(number=number, name=fields["event"], data=json.loads(fields["data"]))
        else:
            yield Event(number=None, name="ping", data={})
        fields = {}


async def next_of(events: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(60):
        return await anext(events)


@pytest.fixture
async def job(service: Service) -> Uploaded:
    return await uploaded(await service.person(await service.new_tenant(), "user:ana"))


async def test_each_state_comes_once_and_the_last_one_ends_it(job: Uploaded) -> None:
    async with following(job.person, job.job_id) as events:
        queued = await next_of(events)
        attempt = await job.start()
        running = await next_of(events)
        await job.progress(attempt, 4)
        half_done = await next_of(events)
        await job.finish()
        finished = await next_of(events)
        rest = [each async for each in events]

    seen = [queued, running, half_done, finished]
    assert [each.number for each in seen] == [1, 2, 3, 4]
    assert [each.name for each in seen] == ["job.progress"] * 3 + ["job.finished"]
    statuses = [each.data["status"] for each in seen]
    assert statuses == ["queued", "running", "running", "succeeded"]
    assert half_done.data["progress"] == {"done": 4, "total": 9, "unit": "chunks"}
    assert finished.data == (await job.person.request("GET", f"/v1/jobs/{job.job_id}")).json()
    assert rest == []


async def test_a_finished_job_is_told_at_once(job: Uploaded) -> None:
    await job.finish()

    async with following(job.person, job.job_id) as events:
        told = [each async for each in events]

    assert [(each.number, each.name) for each in told] == [(1, "job.finished")]


async def test_a_broken_stream_goes_on_behind_the_last_event(job: Uploaded) -> None:
    async with following(job.person, job.job_id) as events:
        first = await next_of(events)
    await job.start()

    async with following(job.person, job.job_id, {"Last-Event-ID": str(first.number)}) as events:
        second = await next_of(events)

    assert (first.number, second.number) == (1, 2)
    assert second.data["status"] == "running"


async def test_nobody_else_is_told(service: Service, job: Uploaded) -> None:
    stranger = await service.person(await service.new_tenant(), "user:ana")

    of_another = await stranger.request("GET", f"/v1/jobs/{job.job_id}/events")
    of_none = await stranger.request("GET", f"/v1/jobs/{uuid4()}/events")

    assert (of_another.status_code, of_none.status_code) == (404, 404)
    assert of_another.json()["code"] == of_none.json()["code"] == "job_not_found"


async def test_a_stream_ends_when_its_reader_loses_the_right(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.1)
    tenant = await service.new_tenant()
    ana, ben = await service.person(tenant, "user:ana"), await service.person(tenant, "user:ben")
    job = await uploaded(ana, "user:ana", "user:ben")

    async with following(ben, job.job_id) as events:
        await next_of(events)
        await ana.request(
            "PATCH", f"/v1/documents/{job.document_id}", json={"principals": ["user:ana"]}
        )
        last = await next_of(events)
        rest = [each async for each in events]

    assert (last.number, last.name, last.data["code"]) == (2, "error", "job_not_found")
    assert rest == []


async def test_a_stream_ends_when_its_job_is_deleted(job: Uploaded) -> None:
    async with following(job.person, job.job_id) as events:
        await next_of(events)
        await job.person.request("DELETE", f"/v1/documents/{job.document_id}")
        last = await next_of(events)

    assert (last.name, last.data["code"]) == ("error", "job_not_found")


async def test_a_stream_ends_when_its_key_is_revoked(
    service: Service, job: Uploaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.1)
    async with following(job.person, job.job_id) as events:
        await next_of(events)
        prefix = "_".join(job.person.key.split("_")[:2])
        async with service.resources.database.system() as system:
            await revoke_key(system, job.person.tenant_id, prefix, now=NOW)
        last = await next_of(events)

    assert (last.name, last.data["code"]) == ("error", "credential_invalid")


async def test_a_quiet_stream_is_kept_open_by_pings(
    job: Uploaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)

    async with following(job.person, job.job_id) as events:
        first, second = await next_of(events), await next_of(events)

    assert (first.name, second.name) == ("job.progress", "ping")
