"""Throughput of 32 clients at once, over that of bare query embedding in batches."""

import http.client
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter, sleep
from urllib.parse import urlsplit

from evals.bench.footnote_process import BenchmarkFailed, Footnote, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.search import queries_from
from evals.bench.upload import fill
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import Dataset
from models.embedding import SentenceTransformerEmbedder

CLIENTS = 32
ROUNDS = 3
QUERIES_A_ROUND = 320
"""Ten for each client; all different, so that no vector is remembered."""

ALONE_A_ROUND = 40
SEED = 11
TARGET_RATIO = 0.7
TARGET_P95_RATIO = 10.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One client alone, all clients, all clients with the same queries again, bare embedding.

    One after the other, so that all see the same machine.
    """

    alone_milliseconds: list[float]
    together_milliseconds: list[float]
    together_per_second: float
    repeated_per_second: float
    embedded_per_second: float


def measure_concurrency(instance: Instance, dataset: Dataset, *, pages: int) -> Outcome:
    """Ingests the pages first when the home is empty."""
    documents = dataset.documents()[:pages]
    embedder = load_embedder(instance.settings)
    each = QUERIES_A_ROUND + ALONE_A_ROUND
    texts = queries_from(documents, count=each * (ROUNDS + 1), seed=SEED)
    blocks = [texts[start : start + each] for start in range(0, len(texts), each)]
    with running(instance) as footnote, footnote.client() as client:
        chunk_count = fill(footnote, client, documents)
        key = client.headers["Authorization"]
        # The first block warms up.
        rounds = [_measure(footnote, key, embedder, block) for block in blocks][1:]
    return judge(dataset, rounds, chunk_count)


def _measure(
    footnote: Footnote, key: str, embedder: SentenceTransformerEmbedder, texts: Sequence[str]
) -> Round:
    alone, together = texts[:ALONE_A_ROUND], texts[ALONE_A_ROUND:]
    alone_milliseconds, _ = search_all(footnote, key, alone, clients=1)
    milliseconds, seconds = search_all(footnote, key, together, clients=CLIENTS)
    _, repeated_seconds = search_all(footnote, key, together, clients=CLIENTS)
    started = perf_counter()
    for start in range(0, len(together), CLIENTS):
        embedder.embed_queries(together[start : start + CLIENTS])
    embed_seconds = perf_counter() - started
    return Round(
        alone_milliseconds=alone_milliseconds,
        together_milliseconds=milliseconds,
        together_per_second=len(together) / seconds,
        repeated_per_second=len(together) / repeated_seconds,
        embedded_per_second=len(together) / embed_seconds,
    )


def search_all(
    footnote: Footnote, key: str, texts: Sequence[str], *, clients: int, pause_seconds: float = 0.0
) -> tuple[list[float], float]:
    """Milliseconds of each search, and the seconds that all of them took.

    Every client pauses so long after each of its searches.
    """
    # The standard library's client: httpx takes a millisecond of a core for a request, which the
    # service on the same cores would lack.
    headers = {"Authorization": key, "Content-Type": "application/json"}

    def search_in_turn(share: Sequence[str]) -> list[float]:
        connection = http.client.HTTPConnection(urlsplit(footnote.url).netloc, timeout=120)
        milliseconds = []
        for text in share:
            started = perf_counter()
            connection.request("POST", "/v1/search", json.dumps({"query": text}), headers)
            response = connection.getresponse()
            response.read()
            if response.status != HTTPStatus.OK:
                raise BenchmarkFailed(f"A search among {clients} clients got {response.status}.")
            milliseconds.append((perf_counter() - started) * 1000)
            sleep(pause_seconds)
        connection.close()
        return milliseconds

    started = perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        shares = [texts[client::clients] for client in range(clients)]
        measured = list(threads.map(search_in_turn, shares))
    return [each for share in measured for each in share], perf_counter() - started


def judge(dataset: Dataset, rounds: Sequence[Round], chunk_count: int) -> Outcome:
    """The outcome from each round's own ratio, since the machine may change between rounds."""
    alone = spread([each for one in rounds for each in one.alone_milliseconds])
    together = spread([each for one in rounds for each in one.together_milliseconds])
    ratio = spread([one.together_per_second / one.embedded_per_second for one in rounds])
    p95_ratio = together["p95"] / alone["p50"]
    return Outcome(
        question=f"Searches a second by {CLIENTS} clients, over bare embedding of their queries",
        target=f"median ratio >= {TARGET_RATIO:g}, p95 <= {TARGET_P95_RATIO:g} x p50 of one client",
        has_met_target=ratio["p50"] >= TARGET_RATIO and p95_ratio <= TARGET_P95_RATIO,
        numbers={
            "ratio": ratio,
            "p95_over_p50_of_one_client": round(p95_ratio, 4),
            "searches_per_second": spread([one.together_per_second for one in rounds]),
            "repeated_searches_per_second": spread([one.repeated_per_second for one in rounds]),
            "bare_embeddings_per_second": spread([one.embedded_per_second for one in rounds]),
            "one_client_milliseconds": alone,
            "all_clients_milliseconds": together,
            "chunks": chunk_count,
        },
        dataset=dataset,
        seed=SEED,
        warm_up=QUERIES_A_ROUND + ALONE_A_ROUND,
        concurrency=CLIENTS,
    )
