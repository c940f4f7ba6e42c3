"""Speed of ingesting whole documents over HTTP, as a share of the embedding model's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.upload import UPLOADERS, stored_texts, upload_all
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import CorpusDocument, Dataset
from kb.unit_vectors import Vectors
from models.embedding import library_encode

DATASET = "sourcegraph_handbook"
PAGES = 500
TARGET_RATIO = 0.9
WARM_UP = 64
LIBRARY_BATCH_SIZE = 32
"""sentence-transformers' default, with which it is fastest here."""


@dataclass(frozen=True, kw_only=True)
class IngestRun:
    """One fresh home filled, and the bare model on the same chunks right after.

    `library_seconds` is sentence-transformers' `encode`, `bare_seconds` that of our own runner of
    the same exported model, which is faster.
    """

    chunks: int
    distinct_chunks: int
    accepted_seconds: float
    findable_seconds: float
    library_seconds: float
    bare_seconds: float

    @property
    def ratio(self) -> float:
        """End-to-end chunks/s over those of the library's encode."""
        return self.library_seconds / self.findable_seconds

    @property
    def strict_ratio(self) -> float:
        """End-to-end chunks/s over those of our own runner."""
        return self.bare_seconds / self.findable_seconds


def measure_ingest(instances: Sequence[Instance], dataset: Dataset, *, pages: int) -> Outcome:
    """One run in each of the empty homes; the model is exported before."""
    documents = dataset.documents()[:pages]
    return judge(dataset, [run_ingest(instance, documents) for instance in instances], documents)


def judge(
    dataset: Dataset, done: Sequence[IngestRun], documents: Sequence[CorpusDocument]
) -> Outcome:
    """The outcome from the runs."""
    ratio = median(run.ratio for run in done)
    return Outcome(
        question="Chunks/s from the first upload to all being found, over those of bare encode",
        target=f"median ratio >= {TARGET_RATIO}",
        has_met_target=ratio >= TARGET_RATIO,
        numbers={
            "ratio": round(ratio, 4),
            "ratio_each": [round(run.ratio, 4) for run in done],
            "ratio_to_own_runner": round(median(run.strict_ratio for run in done), 4),
            "ratio_to_own_runner_each": [round(run.strict_ratio, 4) for run in done],
            "pages": len(documents),
            "chunks": done[0].chunks,
            "distinct_chunks": done[0].distinct_chunks,
            "end_to_end_chunks_per_second": spread(
                [run.chunks / run.findable_seconds for run in done]
            ),
            "library_chunks_per_second": spread([run.chunks / run.library_seconds for run in done]),
            "own_runner_chunks_per_second": spread([run.chunks / run.bare_seconds for run in done]),
            "accepted_seconds": [round(run.accepted_seconds, 2) for run in done],
            "findable_seconds": [round(run.findable_seconds, 2) for run in done],
        },
        dataset=dataset,
        concurrency=UPLOADERS,
    )


def run_ingest(instance: Instance, documents: list[CorpusDocument]) -> IngestRun:
    """Fills the home. The bare model runs alone, when the service has stopped."""
    embedder = load_embedder(instance.settings)
    with running(instance) as footnote, footnote.client() as client:
        uploaded = upload_all(client, documents)
        texts = stored_texts(instance)
    if not texts:
        raise BenchmarkFailed("Nothing was ingested.")
    settings = instance.settings
    library = library_encode(
        model=settings.embedding_model,
        backend=settings.embedding_backend,
        batch_size=LIBRARY_BATCH_SIZE,
        cache_folder=settings.home_path / "models",
    )
    return IngestRun(
        chunks=len(texts),
        distinct_chunks=len(set(texts)),
        accepted_seconds=uploaded.accepted_seconds,
        findable_seconds=uploaded.findable_seconds,
        library_seconds=encode_seconds(library, texts),
        bare_seconds=encode_seconds(embedder.embed_queries, texts),
    )


def encode_seconds(encode: Callable[[list[str]], Vectors], texts: list[str]) -> float:
    """All texts in one call, which sorts them by length: the fastest that a model can be."""
    encode(texts[:WARM_UP])
    started = perf_counter()
    encode(texts)
    return perf_counter() - started
