"""The memory of the API and the worker: after the first start, after work, after the next start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import httpx
import psutil

from evals.bench.footnote_process import BenchmarkFailed, Footnote, Instance, running
from evals.bench.record import Outcome, Spread, spread
from evals.bench.search import queries_from
from evals.bench.upload import upload_all
from footnote.evals.datasets import CorpusDocument, Dataset

DOCUMENTS = 300
REQUESTS = 1_000
ONE_ANSWER_IN = 4
"""The others are searches."""

SEED = 13
TARGET_SHARE = 0.5
BEFORE_MB = {"first_start": 1_193.0, "requests_answered": 1_467.0}
"""Resident in an API whose first start had exported the model itself, at c32b9bb, n 1."""

Memory = Mapping[str, float]
"""Megabytes: `rss`, and `pss`, in which shared pages count as many times less."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """A home's first start, its work, and its next start, of one checkout."""

    ready_seconds: Sequence[float]
    """First and next start."""
    memory_by_moment: Mapping[str, Mapping[str, Memory]]
    """By moment, then by process: `api` and `worker`, each with its children's apart."""
    search_milliseconds: Spread
    answer_milliseconds: Spread
    ingest_seconds: float


def measure_memory(
    instance: Instance, other: Instance | None, dataset: Dataset, *, documents: int
) -> Outcome:
    """In empty homes; `other` lives the same life before."""
    chosen = dataset.documents()[:documents]
    before = live(other, chosen) if other is not None else None
    life = live(instance, chosen)
    return judge(dataset, life, before)


def live(instance: Instance, documents: Sequence[CorpusDocument]) -> Life:
    """One life, in a home that must be empty."""
    questions = queries_from(documents, count=REQUESTS, seed=SEED)
    moments: dict[str, Mapping[str, Memory]] = {}
    with running(instance) as first, first.client() as client:
        moments["first_start"] = memory_of(first)
        started = perf_counter()
        upload_all(client, documents)
        ingest_seconds = perf_counter() - started
        moments["documents_ingested"] = memory_of(first)
        searches, answers = ask_all(client, questions)
        moments["requests_answered"] = memory_of(first)
    with running(instance) as second, second.client() as client:
        moments["next_start"] = memory_of(second)
        ask_all(client, questions)
        moments["next_requests_answered"] = memory_of(second)
    return Life(
        ready_seconds=[first.ready_seconds, second.ready_seconds],
        memory_by_moment=moments,
        search_milliseconds=spread(searches),
        answer_milliseconds=spread(answers),
        ingest_seconds=ingest_seconds,
    )


def ask_all(client: httpx.Client, questions: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of the searches and of the answers, one after the other."""
    searches: list[float] = []
    answers: list[float] = []
    for number, question in enumerate(questions):
        is_answer = number % ONE_ANSWER_IN == 0
        path, body = (
            ("/v1/answers", {"question": question})
            if is_answer
            else ("/v1/search", {"query": question})
        )
        started = perf_counter()
        client.post(path, json=body).raise_for_status()
        (answers if is_answer else searches).append((perf_counter() - started) * 1000)
    return searches, answers


def memory_of(footnote: Footnote) -> dict[str, Memory]:
    """Of the API, the worker, and all children of each but Postgres."""
    api = psutil.Process(footnote.process.pid)
    by_name: dict[str, list[psutil.Process]] = {"api": [api], "api_children": []}
    for child in api.children():
        if "worker" in child.cmdline():
            by_name |= {"worker": [child], "worker_children": child.children(recursive=True)}
        elif "postgres" not in child.name():
            by_name["api_children"] += [child, *child.children(recursive=True)]
    if "worker" not in by_name:
        raise BenchmarkFailed("There is no worker.")
    return {name: _sum(processes) for name, processes in by_name.items()}


def _sum(processes: Sequence[psutil.Process]) -> Memory:
    total = {"rss": 0.0, "pss": 0.0}
    for process in processes:
        try:
            used = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        total["rss"] += used.rss / 1e6
        total["pss"] += used.pss / 1e6
    return {kind: round(megabytes, 1) for kind, megabytes in total.items()}


def judge(dataset: Dataset, life: Life, before: Life | None) -> Outcome:
    """The outcome; half of what an API had before, at its first start and after requests."""
    shares = {
        moment: round(life.memory_by_moment[moment]["api"]["rss"] / megabytes, 3)
        for moment, megabytes in BEFORE_MB.items()
    }
    return Outcome(
        question=f"Memory of the API and the worker in MB, {DOCUMENTS} documents and twice "
        f"{REQUESTS} requests",
        target=f"API, rss <= {TARGET_SHARE:g} of what it was while it exported the model itself",
        has_met_target=max(shares.values()) <= TARGET_SHARE,
        numbers={"share_of_before": shares, "now": vars(life)}
        | ({"before": vars(before)} if before else {}),
        dataset=dataset,
        seed=SEED,
    )
