"""Uploading a data set over HTTP and waiting until all of it can be found."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter, sleep

import httpx

from evals.bench.footnote_process import TENANT, BenchmarkFailed, Footnote, Instance
from footnote.evals.datasets import CorpusDocument
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.store.chunks import indexed_chunks
from kb.store.jobs import FINISHED
from kb.store.tenants import tenant_by_name

UPLOADERS = 4
POLL_SECONDS = 0.5
"""One look costs the service about 6 ms."""

ALL = 10_000_000
DOCUMENTS_A_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """Seconds since the first upload began: until the last was accepted, and could be found."""

    accepted_seconds: float
    findable_seconds: float


def upload_all(
    client: httpx.Client, documents: Sequence[CorpusDocument], *, batch: int | None = None
) -> Uploaded:
    """Uploads with UPLOADERS at once; BenchmarkFailed when a document cannot be ingested.

    Each is a request of its own, or so many are a `batch`. The first search is part of the time: it
    makes the lexical index.
    """
    size = batch or 1
    requests = [documents[start : start + size] for start in range(0, len(documents), size)]

    def send(some: Sequence[CorpusDocument]) -> list[str | None]:
        return [_upload(client, some[0])] if batch is None else _upload_together(client, some)

    started = perf_counter()
    with ThreadPoolExecutor(UPLOADERS) as uploaders:
        job_ids = [job_id for sent in uploaders.map(send, requests) for job_id in sent]
    accepted = perf_counter()
    if job_ids and job_ids[-1] is not None:
        _wait_for(client, job_ids[-1])
    _wait_for_all(client)
    client.post("/v1/search", json={"query": documents[-1].title}).raise_for_status()
    return Uploaded(accepted_seconds=accepted - started, findable_seconds=perf_counter() - started)


def warm_up(client: httpx.Client) -> None:
    """Has a document ingested, found and deleted, in an empty home."""
    job_id = _upload(client, CorpusDocument(id="warm up", title="Warm up", text="A warm room."))
    if job_id is None:
        raise BenchmarkFailed("The home is not empty.")
    _wait_for(client, job_id)
    client.post("/v1/search", json={"query": "warm"}).raise_for_status()
    (document,) = client.get("/v1/documents").raise_for_status().json()["data"]
    client.delete(f"/v1/documents/{document['id']}").raise_for_status()


def _wait_for_all(client: httpx.Client) -> None:
    """One look for all: a look at each job would be a part of what a tiny document costs."""
    while any(_has_documents(client, status) for status in ("pending", "processing")):
        sleep(POLL_SECONDS)
    if _has_documents(client, "failed"):
        raise BenchmarkFailed("A document failed.")


def _has_documents(client: httpx.Client, status: str) -> bool:
    asked = {"limit": "1", "status": status}
    return bool(client.get("/v1/documents", params=asked).raise_for_status().json()["data"])


def _wait_for(client: httpx.Client, job_id: str) -> None:
    while True:
        status = client.get(f"/v1/jobs/{job_id}").raise_for_status().json()["status"]
        if status in FINISHED:
            break
        sleep(POLL_SECONDS)
    if status != "succeeded":
        raise BenchmarkFailed(f"A job ended as {status!r}.")


def fill(footnote: Footnote, client: httpx.Client, documents: Sequence[CorpusDocument]) -> int:
    """The number of chunks that can be found; ingests the documents first when there are none."""
    if not stored_texts(footnote.instance):
        upload_all(client, documents)
    return len(stored_texts(footnote.instance))


def findable_chunks(client: httpx.Client) -> int:
    """The chunks that can be found, as the service itself says, whichever code it runs."""
    count: int = 0
    cursor = None
    while True:
        asked = {"limit": DOCUMENTS_A_PAGE} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/documents", params=asked).raise_for_status().json()
        count += sum(document["chunk_count"] for document in page["data"])
        cursor = page["next_cursor"]
        if cursor is None:
            return count


def stored_texts(instance: Instance) -> list[str]:
    """The embedded text of every chunk of the first tenant, in the order of storing."""
    with database_url(instance.settings) as url:
        return asyncio.run(_stored_texts(url))


async def _stored_texts(url: str) -> list[str]:
    database = Database(url, pool_size=1)
    try:
        async with database.system() as system:
            tenant = await tenant_by_name(system, TENANT)
        async with database.tenant(tenant.id, viewer=None) as scope:
            rows = await indexed_chunks(scope, None, after=0, limit=ALL)
    finally:
        await database.close()
    # A chunk without title and section is embedded without the line break before it.
    return [row.text.removeprefix("\n") for row in rows]


def _upload_together(client: httpx.Client, documents: Sequence[CorpusDocument]) -> list[str | None]:
    """The same for a batch."""
    items = [
        {"external_id": document.id, "title": document.title, "text": document.text}
        for document in documents
    ]
    response = client.post("/v1/documents:batch", json={"items": items}).raise_for_status()
    results = response.json()["data"]
    if any(result.get("error") for result in results):
        raise BenchmarkFailed("A document of a batch was not accepted.")
    return [str(result["job"]["id"]) if result.get("job") else None for result in results]


def _upload(client: httpx.Client, document: CorpusDocument) -> str | None:
    """The job's id; none for what the home has already."""
    response = client.post(
        "/v1/documents",
        files={"file": (f"{document.id.rsplit('/', 1)[-1]}", document.text.encode())},
        data={"external_id": document.id, "title": document.title},
    )
    response.raise_for_status()
    job = response.json()["job"]
    return str(job["id"]) if job else None
