"""The time until a one-line document is findable that comes behind many long ones."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import mean
from time import perf_counter, sleep
from typing import Self
from uuid import UUID

import httpx

from evals.bench.footnote_process import TENANT, BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.upload import UPLOADERS
from footnote.evals.datasets import Dataset
from kb.ids import JobId
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.store.jobs import FINISHED, get_job
from kb.store.tenants import tenant_by_name

LONG_DOCUMENTS = 500
LONG_BYTES = 320_000
NEWCOMERS = 20
"""Of each tenant: that of the long documents, and another one."""

NEWCOMERS_BEFORE = 2
"""As many at the other checkout, where each may wait for minutes."""

OTHER_TENANT = "newcomer"
THINKING_SECONDS = 2.0
WINDOW_SECONDS = 30.0
"""Throughput without newcomers is measured before and after them for so long."""

PATIENCE_SECONDS = 400.0
POLL_SECONDS = 0.25
LOOKED_AT = 40
SEED = 23
MOST_SECONDS = 3.0
MOST_LOSS = 0.05


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one service: seconds until each newcomer was findable, and chunks/s of the long ones."""

    same_tenant: Sequence[float]
    other_tenant: Sequence[float]
    alone: tuple[float, float]
    """Before the newcomers and after them."""
    beside: float

    @property
    def loss(self) -> float:
        """The share of the throughput that newcomers cost."""
        return round(1 - self.beside / mean(self.alone), 4)


def measure_newcomers(
    instance: Instance,
    other: Instance | None,
    dataset: Dataset,
    *,
    long_documents: int,
    newcomers: int,
) -> Outcome:
    """Beside the same at the other checkout, where there is one; both in empty homes."""
    texts = list(long_texts(dataset, long_documents))
    now = measure_one(instance, texts, newcomers)
    before = None if other is None else measure_one(other, texts, NEWCOMERS_BEFORE)
    return judge(dataset, now, before, long_documents)


def judge(dataset: Dataset, now: Measured, before: Measured | None, long_documents: int) -> Outcome:
    """The outcome from the seconds and rates."""
    worst = max(spread(seconds)["p95"] for seconds in (now.same_tenant, now.other_tenant))
    numbers: dict[str, object] = {
        "long_documents": long_documents,
        "long_bytes": LONG_BYTES,
        "worst_p95_seconds": round(worst, 2),
        "bulk_loss": now.loss,
        "now": _numbers(now),
    }
    if before is not None:
        numbers["before"] = _numbers(before)
        numbers["bulk_chunks_per_second_over_before"] = round(
            mean(now.alone) / mean(before.alone), 3
        )
    return Outcome(
        question="Seconds from sending a one-line document to finding it, behind long documents "
        "of its own tenant and of another; throughput that these lose to it",
        target=f"p95 <= {MOST_SECONDS:g} s, loss <= {MOST_LOSS:.0%}",
        has_met_target=worst <= MOST_SECONDS and now.loss <= MOST_LOSS,
        numbers=numbers,
        dataset=dataset,
        seed=SEED,
        warm_up=2,
        concurrency=UPLOADERS,
    )


def _numbers(measured: Measured) -> Mapping[str, object]:
    return {
        "same_tenant_seconds": spread(measured.same_tenant),
        "other_tenant_seconds": spread(measured.other_tenant),
        "newcomers_of_each_tenant": len(measured.same_tenant),
        "chunks_per_second_alone": [round(rate, 1) for rate in measured.alone],
        "chunks_per_second_beside": round(measured.beside, 1),
    }


def long_texts(dataset: Dataset, count: int) -> Iterator[str]:
    """Texts of LONG_BYTES, of the data set's paragraphs; no two paragraphs are the same."""
    paragraphs = [
        paragraph
        for document in dataset.documents()
        for paragraph in document.text.split("\n\n")
        if paragraph.strip()
    ]
    generator = random.Random(SEED)  # noqa: S311  # a repeatable choice
    for number in range(count):
        first = generator.randrange(len(paragraphs))
        parts: list[str] = []
        size = 0
        for place in range(LONG_BYTES):
            paragraph = paragraphs[(first + place) % len(paragraphs)]
            parts.append(f"Part {number}.{place}: {paragraph}")
            size += len(parts[-1].encode()) + 2
            if size >= LONG_BYTES:
                break
        yield "\n\n".join(parts)


def measure_one(instance: Instance, texts: Sequence[str], newcomers: int) -> Measured:
    """In a home without documents; BenchmarkFailed when the long ones are done too soon."""
    with running(instance) as footnote:
        footnote.run("tenant", "create", OTHER_TENANT)
        with footnote.client() as client, footnote.client(OTHER_TENANT) as stranger:
            clients = (client, stranger)
            for each in clients:
                findable_seconds(each, "warm-up")
            with ThreadPoolExecutor(UPLOADERS) as uploaders:
                jobs = list(uploaders.map(lambda text: _post(client, text)["job"]["id"], texts))
            # Until the first are read and as many as may be are in hand.
            sleep(WINDOW_SECONDS / 3)
            before = _rate(instance, jobs, lambda: sleep(WINDOW_SECONDS))
            seconds: list[float] = []

            def come() -> None:
                for number, each in enumerate(islice(cycle(clients), 2 * newcomers)):
                    seconds.append(findable_seconds(each, f"newcomer{number}"))
                    sleep(THINKING_SECONDS)

            beside = _rate(instance, jobs, come)
            after = _rate(instance, jobs, lambda: sleep(WINDOW_SECONDS))
            if client.get(f"/v1/jobs/{jobs[-1]}").json()["status"] == "succeeded":
                raise BenchmarkFailed("The long documents were done too soon: send more.")
    return Measured(
        same_tenant=seconds[::2],
        other_tenant=seconds[1::2],
        alone=(before, after),
        beside=beside,
    )


def findable_seconds(client: httpx.Client, name: str) -> float:
    """Seconds from sending a document of one line to the end of a search that finds it."""
    started = perf_counter()
    sent = _post(client, f"The badge {name} opens the door of the archive.")
    status = sent["job"]["status"]
    while status not in FINISHED:
        if perf_counter() - started > PATIENCE_SECONDS:
            raise BenchmarkFailed(f"A newcomer waited for more than {PATIENCE_SECONDS:g} s.")
        answer = client.get(f"/v1/jobs/{sent['job']['id']}", params={"wait": 30})
        status = answer.raise_for_status().json()["status"]
    found = client.post("/v1/search", json={"query": f"badge {name}"}).raise_for_status().json()
    seconds = perf_counter() - started
    if sent["document"]["id"] not in {hit["document"]["id"] for hit in found["data"]}:
        raise BenchmarkFailed(f"A newcomer ended as {status!r} and was not found.")
    return seconds


def _post(client: httpx.Client, text: str) -> dict[str, dict[str, str]]:
    response = client.post("/v1/documents", files={"file": ("note.txt", text.encode())})
    accepted: dict[str, dict[str, str]] = response.raise_for_status().json()
    return accepted


def _rate(instance: Instance, job_ids: Sequence[str], act: Callable[[], None]) -> float:
    """Chunks/s of the jobs meanwhile, from one step of their progress to another."""
    with Progress(instance, job_ids) as progress:
        first_done, first_at = progress.next_step()
        act()
        last_done, last_at = progress.next_step()
    return (last_done - first_done) / (last_at - first_at)


class Progress:
    """The chunks that the first tenant's jobs have embedded, read from the database."""

    def __init__(self, instance: Instance, job_ids: Sequence[str]) -> None:
        """The jobs in the order in which they were sent."""
        self._instance = instance
        self._unfinished = list(job_ids)
        self._finished_chunks = 0
        self._stack = ExitStack()
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        url = self._stack.enter_context(database_url(self._instance.settings))
        self._stack.enter_context(self._runner)
        self._database = Database(url, pool_size=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._database.close())
        self._stack.close()

    def next_step(self) -> tuple[int, float]:
        """The number of chunks as it next changes, and the time; documents report in steps."""
        before = self._runner.run(self._done())
        deadline = perf_counter() + PATIENCE_SECONDS
        while perf_counter() < deadline:
            sleep(POLL_SECONDS)
            done = self._runner.run(self._done())
            if done != before:
                return done, perf_counter()
        raise BenchmarkFailed("The long documents make no progress.")

    async def _done(self) -> int:
        """Jobs begin about in their order: a few beyond those that run are looked at."""
        async with self._database.system() as system:
            tenant = await tenant_by_name(system, TENANT)
        running = 0
        async with self._database.tenant(tenant.id, viewer=None) as scope:
            for job_id in self._unfinished[:LOOKED_AT]:
                job = await get_job(scope, JobId(UUID(job_id)))
                if job.status in FINISHED:
                    self._finished_chunks += job.progress_done
                    self._unfinished.remove(job_id)
                else:
                    running += job.progress_done
        return self._finished_chunks + running
