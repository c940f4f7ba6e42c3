"""Workers that are killed at the worst moments: nothing is lost, nothing is there twice."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.identity import ApiKeys
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from kb.ids import JobId
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.settings import Settings
from kb.store.documents import Document
from kb.store.jobs import Job
from kb.store.uploads import Uploads
from tests.footnote.own_database import MAX_ATTEMPTS, OwnDatabase, own_database
from tests.footnote.processes import python
from tests.footnote.serving import served
from tests.footnote.stored import StoredDocument, let_time_pass, queue_rows, stored_document
from tests.service import Person, Service

NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"
WORKER = ("-m", "footnote", "worker")
CHUNKS = 640
"""Five calls of the model: the first is over when the worker is killed."""

SLOW_CHUNKS = 1_500
"""Twelve calls of a slow embedder: longer than the time that a stopping worker is given."""

LONGER_NOTE = NOTE + b"\n# Three\n\nThe third part.\n"


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, settings.effective_file_store_url) as own:
        yield own


async def die(own: OwnDatabase, moment: str) -> None:
    """Runs a worker that is killed at the moment, long ago as far as others can tell."""
    command = ["-m", "tests.footnote.dying_worker", moment, own.url, own.files_url]
    async with python(command, environment={}) as process:
        assert await process.wait() == -signal.SIGKILL
    await let_time_pass(own.tools.database)


async def stored(own: OwnDatabase, document: Document) -> StoredDocument:
    return await stored_document(own.tools.database, own.tenant_id, str(document.id))


def job_id_of(job: Job | None) -> JobId:
    assert job is not None
    return job.id


async def test_a_worker_killed_before_its_commit_has_done_nothing(own: OwnDatabase) -> None:
    first = await own.upload(NOTE, external_id="note")
    await own.work_until_empty()
    second = await own.upload(LONGER_NOTE, external_id="note")

    await die(own, "before the commit")

    served_meanwhile = await stored(own, first.document)
    assert served_meanwhile.is_whole
    assert (served_meanwhile.versions, served_meanwhile.chunk_count) == ([1], 2)
    await own.work_until_empty()
    after = await stored(own, first.document)
    assert after.is_whole
    assert (after.status, after.versions, after.chunk_count) == ("ready", [1, 2], 3)
    job = await own.job(job_id_of(second.job))
    assert (job.status, job.attempts) == ("succeeded", 2)
    assert await queue_rows(own.tools.database) == []


async def test_a_worker_killed_after_its_commit_has_done_everything(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)

    await die(own, "after the commit")

    before = await stored(own, accepted.document)
    assert before.is_whole
    assert before.status == "ready"
    assert [status for status, _ in await queue_rows(own.tools.database)] == ["doing"]
    await own.work_until_empty()
    assert await stored(own, accepted.document) == before
    job = await own.job(job_id_of(accepted.job))
    assert (job.status, job.attempts) == ("succeeded", 1)
    assert await queue_rows(own.tools.database) == []


async def test_a_document_that_kills_its_worker_is_given_up(own: OwnDatabase) -> None:
    accepted = await own.upload(NOTE)

    # The first time it is not known whose fault it is; then it runs alone.
    for _ in range(1 + MAX_ATTEMPTS):
        await die(own, "parsing")
    harmless = await own.upload(LONGER_NOTE)
    await own.work_until_empty()

    job = await own.job(job_id_of(accepted.job))
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["retryable"]) == ("processing_failed", False)
    assert (await stored(own, accepted.document)).status == "failed"
    assert (await stored(own, harmless.document)).status == "ready"
    assert await queue_rows(own.tools.database) == []


async def test_a_worker_that_is_told_to_stop_leaves_its_job_to_others(own: OwnDatabase) -> None:
    parts = "\n\n".join(f"# Part {number}\n\nText {number}." for number in range(SLOW_CHUNKS))
    accepted = await own.upload(parts.encode())
    job_id = job_id_of(accepted.job)
    command = ["-m", "tests.footnote.dying_worker", "never", own.url, own.files_url]

    async with python(command, environment={}) as process:
        while (await own.job(job_id)).progress_done == 0:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)
        process.terminate()
        exit_code = await process.wait()

    assert exit_code == 0
    assert (await stored(own, accepted.document)).versions == []
    await own.work_until_empty()
    after = await stored(own, accepted.document)
    assert after.is_whole
    assert (after.versions, after.chunk_count) == ([1], SLOW_CHUNKS)
    assert (await own.job(job_id)).status == "succeeded"
    assert await queue_rows(own.tools.database) == []


async def test_a_worker_that_wakes_after_others_took_over_does_no_harm(own: OwnDatabase) -> None:
    parts = "\n\n".join(f"# Part {number}\n\nText {number}." for number in range(SLOW_CHUNKS))
    accepted = await own.upload(parts.encode())
    job_id = job_id_of(accepted.job)
    command = ["-m", "tests.footnote.dying_worker", "never", own.url, own.files_url]

    async with python(command, environment={}) as process:
        while (await own.job(job_id)).progress_done == 0:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        await let_time_pass(own.tools.database)
        await own.work_until_empty()
        finished, document = await own.job(job_id), await stored(own, accepted.document)
        process.send_signal(signal.SIGCONT)
        # It is at work again when it has taken this one, too.
        later = await own.upload(NOTE)
        while (await own.job(job_id_of(later.job))).status != "succeeded":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        process.terminate()
        exit_code = await process.wait()

    assert exit_code == 0
    assert (finished.status, finished.attempts) == ("succeeded", 2)
    assert document.is_whole
    assert await own.job(job_id) == finished
    assert await stored(own, accepted.document) == document
    assert await queue_rows(own.tools.database) == []


@pytest.mark.end_to_end
async def test_what_a_killed_worker_was_embedding_is_finished_by_the_next_one(
    own: OwnDatabase, settings: Settings, service: Service
) -> None:
    """The whole thing: the real command, the real model, over HTTP."""
    environment = {
        "FOOTNOTE_HOME": str(settings.home_path),
        "FOOTNOTE_DATABASE_URL": own.url,
        "FOOTNOTE_STALLED_JOB_SECONDS": "5",
    }
    text = "\n\n".join(
        f"# Station {number}\n\nThe gauge of station {number} is read every {number + 2} minutes."
        for number in range(CHUNKS)
    )
    async with served_on(own, settings, service) as running:
        ana = await running.person(own.tenant_id, "user:ana")
        created = (await ana.post_file(text)).json()
        path = f"/v1/jobs/{created['job']['id']}"

        await kill_while_embedding(ana, path, environment)
        assert (await ana.request("GET", path)).json()["status"] == "running"
        await work_until_done(ana, path, environment)

        job = (await ana.request("GET", path)).json()
        assert (job["status"], job["attempts"]) == ("succeeded", 2)
        assert job["progress"] == {"done": CHUNKS, "total": CHUNKS, "unit": "chunks"}
        document = await stored_document(
            own.tools.database, own.tenant_id, created["document"]["id"]
        )
        assert document.is_whole
        assert (document.versions, document.chunk_count) == ([1], CHUNKS)
        assert await queue_rows(own.tools.database) == []
        [hit] = (await ana.search("gauge of station 517", top_k=1)).json()["data"]
        assert "every 519 minutes" in hit["text"]


async def kill_while_embedding(person: Person, path: str, environment: dict[str, str]) -> None:
    """Starts a worker and kills it when it has embedded a part."""
    async with python(WORKER, environment=environment) as process:
        done = 0
        while not 0 < done < CHUNKS:
            done = (await person.request("GET", path)).json()["progress"]["done"]
            await asyncio.sleep(0.02)
        process.kill()
        assert await process.wait() == -signal.SIGKILL


async def work_until_done(person: Person, path: str, environment: dict[str, str]) -> None:
    """Starts a worker and stops it when the job is finished."""
    async with python(WORKER, environment=environment) as process:
        status = "running"
        while status == "running":
            response = await person.request("GET", path, params={"wait": 25})
            status = response.json()["status"]
        process.terminate()
        assert await process.wait() == 0


def served_on(
    own: OwnDatabase, settings: Settings, service: Service
) -> contextlib.AbstractAsyncContextManager[Service]:
    """The API on the database, with the session's model."""
    database, ingestion = own.tools.database, service.ingestion
    lexical = LexicalIndexes(database, settings.home_path / "lexical-of-killed")
    retriever = Retriever(
        database,
        NodeIndexes(lexical=lexical),
        SearchSpaces(QueryEmbedder(ingestion.embedder, ingestion.space)),
        RetrievalLimits(candidates=100, lexical_weight=0.5),
    )
    resources = replace(
        service.resources,
        database=database,
        authenticator=ApiKeys(database=database),
        uploads=Uploads(database=database, files=ingestion.files, max_bytes=10**7),
        lexical=lexical,
        retriever=retriever,
    )
    return served(resources, ingestion)
