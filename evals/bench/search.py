"""What a hybrid search over HTTP costs beyond embedding the question and the slower leg."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypedDict

import httpx

from evals.bench.footnote_process import BenchmarkFailed, Footnote, Instance, running
from evals.bench.ingest import load_embedder
from evals.bench.record import Outcome, spread
from evals.bench.upload import stored_texts, upload_all
from evals.datasets import CorpusDocument, Dataset
from kb.embedding import SentenceTransformerEmbedder

QUERIES = 200
WARM_UP = 20
BLOCK = 20
"""Searches and bare embeddings alternate in blocks, so that both see the same machine."""

SEED = 7
MIN_QUERY_WORDS = 2
TARGET_RATIO = 2.0


class _Timings(TypedDict):
    embed: float
    lexical: float
    vector: float
    fetch: float
    total: float


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Milliseconds of one search; `http` as its client waits, the rest as the response says."""

    http: float
    timings: _Timings
    has_hits: bool

    @property
    def slower_leg(self) -> float:
        return max(self.timings["lexical"], self.timings["vector"])


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
    embedder = load_embedder(instance)
    with running(instance) as footnote, footnote.client() as client:
        chunk_count = _fill(footnote, client, documents)
        for text in texts[:WARM_UP]:
            _search(client, text)
            _embed(embedder, text)
        searches: list[_Search] = []
        embeddings: list[float] = []
        for start in range(WARM_UP, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            searches += [_search(client, text) for text in block]
            embeddings += [_embed(embedder, text) for text in block]
    if not all(search.has_hits for search in searches):
        raise BenchmarkFailed("A query made of the documents' own headings found nothing.")
    return _outcome(dataset, chunk_count, searches, embeddings)


def _outcome(
    dataset: Dataset, chunk_count: int, searches: list[_Search], embeddings: list[float]
) -> Outcome:
    http = spread([search.http for search in searches])
    floor = spread(
        [
            embedding + search.slower_leg
            for embedding, search in zip(embeddings, searches, strict=True)
        ]
    )
    ratio = http["p50"] / floor["p50"]
    return Outcome(
        question="Hybrid search over HTTP, over embedding the question and the slower leg",
        target=f"p50 / p50 <= {TARGET_RATIO:g}",
        has_met_target=ratio <= TARGET_RATIO,
        numbers={
            "ratio": round(ratio, 4),
            "http_milliseconds": http,
            "floor_milliseconds": floor,
            "bare_embedding_milliseconds": spread(embeddings),
            **{
                f"service_{stage}_milliseconds": spread(
                    [search.timings[stage] for search in searches]
                )
                for stage in ("embed", "lexical", "vector", "fetch", "total")
            },
            "searches_per_second": round(1000 * len(searches) / sum(s.http for s in searches), 2),
            "chunks": chunk_count,
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
        concurrency=1,
    )


def _fill(footnote: Footnote, client: httpx.Client, documents: list[CorpusDocument]) -> int:
    """How many chunks can be found."""
    count = len(stored_texts(footnote.instance))
    if not count:
        upload_all(client, documents)
        count = len(stored_texts(footnote.instance))
    return count


def _search(client: httpx.Client, text: str) -> _Search:
    started = perf_counter()
    response = client.post("/v1/search", json={"query": text})
    ended = perf_counter()
    response.raise_for_status()
    body = response.json()
    return _Search(
        http=(ended - started) * 1000, timings=body["timings_ms"], has_hits=bool(body["data"])
    )


def _embed(embedder: SentenceTransformerEmbedder, text: str) -> float:
    started = perf_counter()
    embedder.embed_queries([text])
    return (perf_counter() - started) * 1000
