"""The time of a hybrid search over HTTP, over embedding the question and the slower search."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter
from typing import Literal, get_args

import httpx

from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, Spread, spread
from evals.bench.upload import fill
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import CorpusDocument, Dataset
from models.embedding import SentenceTransformerEmbedder

QUERIES = 200
WARM_UP = 20
BLOCK = 20
"""Searches and bare embeddings alternate in blocks, so that both see the same machine."""

SEED = 7
MIN_QUERY_WORDS = 2
TARGET_RATIO = 2.0


Stage = Literal["embed", "lexical", "vector", "fetch", "total"]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Milliseconds of one search; `http` as its client waits, the rest as the response says."""

    http: float
    timings: Mapping[Stage, float]
    has_hits: bool


@dataclass(frozen=True, kw_only=True)
class TimedSearches:
    """Searches over HTTP, one after the other, and what embedding their texts alone took."""

    searches: Sequence[_Search]
    embeddings: Sequence[float]

    @property
    def http(self) -> Spread:
        """Milliseconds that the client waited."""
        return spread([search.http for search in self.searches])

    @property
    def embedding(self) -> Spread:
        """Milliseconds of embedding the texts alone."""
        return spread(self.embeddings)

    @property
    def floor(self) -> Spread:
        """The time that cannot be saved: embedding one query, and the slower search."""
        slower = [max(each.timings["lexical"], each.timings["vector"]) for each in self.searches]
        return spread([sum(both) for both in zip(self.embeddings, slower, strict=True)])

    @property
    def ratio(self) -> float:
        """The median over the floor's."""
        return self.http["p50"] / self.floor["p50"]

    def stage(self, name: Stage) -> Spread:
        """Milliseconds of a stage, as the service says."""
        return spread([search.timings[name] for search in self.searches])


def queries_from(documents: Sequence[CorpusDocument], *, count: int, seed: int) -> list[str]:
    """Different titles and headings of at least two words, drawn at random.

    ValueError when there are fewer.
    """
    headings = {
        " ".join(re.sub(r"[#*_`\[\]()]|https?://\S+", " ", line).split())
        for document in documents
        for line in [document.title, *re.findall(r"^#+ (.+)$", document.text, re.MULTILINE)]
    }
    usable = sorted(text for text in headings if len(text.split()) >= MIN_QUERY_WORDS)
    return random.Random(seed).sample(usable, count)  # noqa: S311  # a sample, no secret


def measure_search(
    instance: Instance, dataset: Dataset, *, pages: int, queries: int = QUERIES
) -> Outcome:
    """Ingests the pages first when the home is empty."""
    documents = dataset.documents()[:pages]
    texts = queries_from(documents, count=queries + WARM_UP, seed=SEED)
    embedder = load_embedder(instance.settings)
    with running(instance) as footnote, footnote.client() as client:
        chunk_count = fill(footnote, client, documents)
        timed = time_searches(client, embedder, texts)
    return Outcome(
        question="Hybrid search over HTTP, over embedding the question and the slower leg",
        target=f"p50 / p50 <= {TARGET_RATIO:g}",
        has_met_target=timed.ratio <= TARGET_RATIO,
        numbers={
            "ratio": round(timed.ratio, 4),
            "http_milliseconds": timed.http,
            "floor_milliseconds": timed.floor,
            "bare_embedding_milliseconds": timed.embedding,
            **{f"service_{stage}_milliseconds": timed.stage(stage) for stage in get_args(Stage)},
            "searches_per_second": round(1000 / fmean(each.http for each in timed.searches), 2),
            "chunks": chunk_count,
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
        concurrency=1,
    )


def time_searches(
    client: httpx.Client, embedder: SentenceTransformerEmbedder, texts: Sequence[str]
) -> TimedSearches:
    """Hybrid searches with the defaults; the first `WARM_UP` texts are not counted.

    Raises:
        BenchmarkFailed: A search found nothing.
    """
    searches: list[_Search] = []
    embeddings: list[float] = []
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        for text in block:
            started = perf_counter()
            response = client.post("/v1/search", json={"query": text})
            milliseconds = (perf_counter() - started) * 1000
            body = response.raise_for_status().json()
            search = _Search(
                http=milliseconds, timings=body["timings_ms"], has_hits=bool(body["data"])
            )
            searches.append(search)
        for text in block:
            started = perf_counter()
            embedder.embed_queries([text])
            embeddings.append((perf_counter() - started) * 1000)

    counted = searches[WARM_UP:]
    if not all(search.has_hits for search in counted):
        raise BenchmarkFailed("A query made of what is stored found nothing.")
    return TimedSearches(searches=counted, embeddings=embeddings[WARM_UP:])
