"""Work that is given up when its caller goes, and work beyond its budget, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from typing_extensions import override

from app.heavy_work import LIMITS, MOST_OF_ONE_TENANT, HeavyWork
from app.resources import Resources
from app.retrieve.from_memory import FallBack
from app.retrieve.search import Retriever
from tests.service import Person, Service

IMPATIENT = httpx.Timeout(60, read=0.5)
"""Goes when no answer has come in time; connecting and sending may take what they need."""

COSTLY = {
    "claims": ["alpha beta gamma 5 not all " * 140] * 100,
    "sources": [{"id": "s", "text": "alpha beta gamma 6 not some. " * 6_800}],
}
"""Allowed, and more than ten seconds of work."""


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


@asynccontextmanager
async def at_another_server(ana: Person, **changed: object) -> AsyncIterator[Person]:
    """The same person at a server with other resources."""
    resources: Resources = replace(ana.service.resources, **changed)  # type: ignore[arg-type]  # by name
    async with ana.service.with_resources(resources) as other:
        yield replace(ana, service=other)


async def check(person: Person, body: object = COSTLY) -> httpx.Response:
    return await person.request("POST", "/v1/grounding:check", json=body)


async def test_a_check_beyond_its_processor_time_is_refused(ana: Person) -> None:
    limits = replace(LIMITS, processor_time=timedelta(seconds=1))

    async with (
        aclosing(HeavyWork(limits)) as heavy_work,
        at_another_server(ana, heavy_work=heavy_work) as person,
    ):
        response = await check(person)

    assert response.status_code == 422
    assert response.json()["code"] == "work_too_costly"
    assert "time" in response.json()["detail"]


async def test_more_checks_than_may_wait_are_refused_at_once(ana: Person) -> None:
    async with (
        aclosing(HeavyWork()) as heavy_work,
        at_another_server(ana, heavy_work=heavy_work) as person,
    ):
        waiting = {asyncio.create_task(check(person)) for _ in range(MOST_OF_ONE_TENANT + 1)}
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    response = done.pop().result()
    assert response.status_code == 503
    assert response.json()["code"] == "overloaded"
    assert int(response.headers["Retry-After"]) > 0


async def test_a_check_ends_when_its_caller_goes(ana: Person) -> None:
    async with (
        aclosing(HeavyWork()) as heavy_work,
        at_another_server(ana, heavy_work=heavy_work) as person,
    ):
        for _ in range(MOST_OF_ONE_TENANT):
            with pytest.raises(httpx.ReadTimeout):
                await person.request("POST", "/v1/grounding:check", json=COSTLY, timeout=IMPATIENT)

        response = await check(person, {"claims": ["A b c."], "sources": COSTLY["sources"]})

    assert response.status_code == 200


class StuckRetriever(Retriever):
    """Never finds anything; tells when it was given up."""

    def __init__(self) -> None:
        self.was_cancelled = asyncio.Event()

    @override
    async def search(self, *_args: object, **_more: object) -> None:  # type: ignore[override]  # it never ends
        try:
            await asyncio.Event().wait()
        finally:
            self.was_cancelled.set()

    @override
    async def search_with_key(self, *_args: object, **_more: object) -> FallBack:
        return FallBack.NOT_HELD


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {"query": "leave"}),
        ("/v1/answers", {"question": "How long is leave?"}),
        (
            "/v1/chat/completions",
            {
                "model": "footnote/default",
                "messages": [{"role": "user", "content": "How long is leave?"}],
            },
        ),
    ],
)
async def test_retrieval_ends_when_its_caller_goes(
    ana: Person, path: str, body: dict[str, object]
) -> None:
    await ana.upload("Leave is 31 days long.")
    stuck = StuckRetriever()
    answerer = replace(ana.service.resources.answerer, retriever=stuck)

    async with at_another_server(ana, retriever=stuck, answerer=answerer) as person:
        with pytest.raises(httpx.ReadTimeout):
            await person.request("POST", path, json=body, timeout=IMPATIENT)

        await asyncio.wait_for(stuck.was_cancelled.wait(), timeout=30)
