"""Search latency beside a worker at full speed, over that when idle."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, takewhile
from time import perf_counter, sleep

import httpx

from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.search import queries_from
from evals.bench.upload import UPLOADERS, Uploaded, upload_all
from footnote.evals.datasets import CorpusDocument, Dataset

WARM_UP, IDLE = 20, 200
MOST_QUERIES = 1_200
"""All different, so that no vector is remembered; enough for a minute at a search every 50 ms."""

THINKING_SECONDS = 0.05
SEED = 13
TARGET_P95_RATIO = 3.0


def measure_beside(instance: Instance, dataset: Dataset, *, pages: int) -> Outcome:
    """Fills the home with as many pages, then ingests as many others while it searches.

    BenchmarkFailed in a home that has the others already.
    """
    documents = dataset.documents()
    stored, others = documents[:pages], documents[pages : 2 * pages]
    texts = iter(queries_from(stored, count=WARM_UP + IDLE + MOST_QUERIES, seed=SEED))
    with running(instance) as footnote, footnote.client() as client, footnote.client() as uploader:
        upload_all(client, stored)
        search_all(client, islice(texts, WARM_UP))
        idle = search_all(client, islice(texts, IDLE))
        with ThreadPoolExecutor(1) as thread:
            uploading = thread.submit(upload_all, uploader, others)
            while_uploading = takewhile(lambda _: not uploading.done(), texts)
            beside = search_all(client, while_uploading)
            uploaded = uploading.result()
    return judge(dataset, idle, beside, uploaded, others)


def judge(
    dataset: Dataset,
    idle: Sequence[float],
    beside: Sequence[float],
    uploaded: Uploaded,
    others: Sequence[CorpusDocument],
) -> Outcome:
    """The outcome from the latencies."""
    if len(beside) < IDLE:
        raise BenchmarkFailed(
            f"Only {len(beside)} searches ran beside the ingestion: use a fresh home, more pages."
        )
    ratio = spread(beside)["p95"] / spread(idle)["p95"]
    return Outcome(
        question="p95 of a search beside ingestion at full speed, over p95 when idle",
        target=f"ratio <= {TARGET_P95_RATIO:g}",
        has_met_target=ratio <= TARGET_P95_RATIO,
        numbers={
            "p95_ratio": round(ratio, 3),
            "idle_milliseconds": spread(idle),
            "beside_milliseconds": spread(beside),
            "pages_ingested": len(others),
            "ingest_seconds": round(uploaded.findable_seconds, 1),
            "thinking_seconds": THINKING_SECONDS,
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
        concurrency=UPLOADERS,
    )


def search_all(client: httpx.Client, texts: Iterator[str]) -> list[float]:
    """Milliseconds of each."""
    milliseconds = []
    for text in texts:
        started = perf_counter()
        response = client.post("/v1/search", json={"query": text})
        milliseconds.append((perf_counter() - started) * 1000)
        response.raise_for_status()
        sleep(THINKING_SECONDS)
    return milliseconds
