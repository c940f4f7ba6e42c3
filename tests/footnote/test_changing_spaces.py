"""Another embedding model while people search, upload, change and delete: nobody notices."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from footnote.compose import open_resources
from footnote.compose_ingestion import open_ingestion
from ingest.worker import build_queue_app, run_worker
from kb.settings import Settings
from kb.store.space_changes import (
    activate_space,
    create_space,
    describe_spaces,
    drop_space,
    enqueue_backfills,
)
from kb.store.spaces import SpaceTuning
from migrations.run import upgrade
from tests.architecture.databases import empty_database
from tests.footnote.own_database import small_models
from tests.footnote.small_embedder import SmallEmbedder
from tests.service import Person, Service, serving

OLD, NEW = SmallEmbedder(), SmallEmbedder(model="new", dimension=24)
ROUNDING = 0.003
QUERY = "heron"
PATIENCE_SECONDS = 60
MAX_KEPT = 60


@dataclass(kw_only=True)
class Library:
    """What somebody who searches must find at a moment, and what nobody may find any more."""

    findable: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    spaces: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def search(self, person: Person, query: str = QUERY) -> str | None:
        """The space of one search; what is wrong with it becomes a fault."""
        findable, gone = set(self.findable), set(self.gone)
        response = await person.search(query, mode="vector", top_k=100)
        if response.status_code != 200:
            self.faults.append(response.text)
            return None
        hits = response.json()["data"]
        found = {hit["document"]["id"] for hit in hits}
        # What was deleted while it searched may be missing.
        missing = (findable - found) & self.findable
        if missing:
            self.faults.append(f"{len(missing)} of {len(findable)} not found")
        if gone & found:
            self.faults.append("found what is gone")
        space = space_of(query, hits)
        if space is None:
            self.faults.append("scores of no one space")
        else:
            self.spaces.append(space)
        return space


def space_of(query: str, hits: Sequence[dict[str, object]]) -> str | None:
    """The space in which all the hits have their cosines; None: there is none."""
    cosines = [hit["scores"]["cosine"] for hit in hits]  # type: ignore[index]  # JSON
    texts = [str(hit["text"]) for hit in hits]
    for embedder in (OLD, NEW):
        expected = embedder.embed_passages(texts) @ embedder.embed_queries([query])[0]
        if np.abs(expected - np.asarray(cosines, dtype=float)).max() < ROUNDING:
            return embedder.space.name
    return None


@asynccontextmanager
async def running_service(server_url: str, home: Path) -> AsyncIterator[Service]:
    """The API, a worker and what follows the spaces, on a database of their own."""
    load = small_models(OLD, NEW)
    by_model = {each.model: each for each in (OLD, NEW)}
    settings = Settings(
        home=home, embedding_model=OLD.model, rate_limit_per_minute=10**6, _env_file=None
    )
    async with AsyncExitStack() as stack:
        url = stack.enter_context(empty_database(server_url))
        upgrade(url)
        stack.enter_context(
            patch(
                "footnote.embedding_model.load_embedder",
                lambda settings: load(by_model[settings.embedding_model].space),
            )
        )
        resources = await stack.enter_async_context(open_resources(settings, url))
        tools = await stack.enter_async_context(open_ingestion(settings, url))
        address = await stack.enter_async_context(serving(resources))
        service = await stack.enter_async_context(Service.open(address, resources, tools))
        background = [
            resources.spaces.follow(resources.database, interval_seconds=0.05),
            run_worker(
                build_queue_app(url, tools),
                concurrency=2,
                stalled_after=timedelta(seconds=60),
                obeys_signals=False,
            ),
        ]
        tasks = [asyncio.create_task(each) for each in background]
        try:
            yield service
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110  # other processes' work has no event
            await asyncio.sleep(0.05)


async def upload(person: Person, library: Library, text: str) -> str:
    """A document that the worker has ingested, and searches find from now on."""
    body = (await person.post_file(text)).json()
    document_id = str(body["document"]["id"])

    async def is_ready() -> bool:
        job = (await person.request("GET", f"/v1/jobs/{body['job']['id']}?wait=5")).json()
        assert job["status"] in {"queued", "running", "succeeded"}, job
        return bool(job["status"] == "succeeded")

    await until(is_ready)
    library.findable.add(document_id)
    return document_id


async def keep_searching(person: Person, library: Library) -> None:
    number = 0
    while True:
        number += 1
        # Some questions are new, so that their vectors are not cached.
        await library.search(person, QUERY if number % 2 else f"heron {number}")


async def keep_changing(ana: Person, library: Library) -> None:
    """Uploads documents; of three one is deleted, one taken from everyone, one of the first kept.

    A search gives back 100 passages at most.
    """
    number = 0
    while True:
        number += 1
        document_id = await upload(ana, library, f"Change {number} is about the heron.")
        if number % 3 == 2:
            document = await ana.request("GET", f"/v1/documents/{document_id}")
            library.findable.discard(document_id)
            changed = await ana.request(
                "PATCH",
                f"/v1/documents/{document_id}",
                headers={"If-Match": document.headers["ETag"]},
                json={"principals": ["group:nobody"]},
            )
            assert changed.status_code == 200, changed.text
            library.gone.add(document_id)
        elif number % 3 == 1 or number > MAX_KEPT:
            library.findable.discard(document_id)
            await ana.request("DELETE", f"/v1/documents/{document_id}")
            library.gone.add(document_id)


@pytest.mark.end_to_end
async def test_a_model_changes_while_everybody_works(database_url: str, tmp_path: Path) -> None:
    library = Library()
    async with running_service(database_url, tmp_path) as service:
        database = service.resources.database
        tenant_id = await service.new_tenant()
        ana = await service.person(tenant_id, "user:ana")
        for number in range(12):
            await upload(ana, library, f"Note {number} is about the heron.")
        searching = [asyncio.create_task(keep_searching(ana, library)) for _ in range(2)]
        changing = asyncio.create_task(keep_changing(ana, library))

        async def has_searched() -> bool:
            return len(library.spaces) >= enough

        async def is_complete() -> bool:
            return all(state.missing == 0 for state in await describe_spaces(database))

        enough = 10
        await until(has_searched)
        await create_space(database, NEW.space, SpaceTuning())
        await enqueue_backfills(database, NEW.space)
        await until(is_complete)
        enough = len(library.spaces) + 10
        await until(has_searched)

        assert set(library.spaces) == {OLD.space.name}
        for space in (NEW.space, OLD.space, NEW.space):
            await activate_space(database, space.name)
            # From the very next search on.
            assert await library.search(ana, f"a question for {space.name}") == space.name
            enough = len(library.spaces) + 10
            await until(has_searched)
        await drop_space(database, OLD.space.name)
        enough = len(library.spaces) + 10
        await until(has_searched)

        assert not changing.done(), changing
        for task in (changing, *searching):
            task.cancel()
        await asyncio.gather(changing, *searching, return_exceptions=True)
        (left,) = await describe_spaces(database)
        assert await library.search(ana) == NEW.space.name

    assert library.faults == []
    assert (left.stored.space, left.missing) == (NEW.space, 0)
    assert set(library.spaces) == {OLD.space.name, NEW.space.name}
