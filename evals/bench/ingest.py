"""Speed of ingesting documents over HTTP, as a share of the embedding model's, and its cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Final

from evals.attack.processes import ROLES, Role
from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.processor_time import spent_by_role
from evals.bench.record import Outcome, spread
from evals.bench.upload import UPLOADERS, stored_texts, upload_all, warm_up
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import CorpusDocument, Dataset
from kb.unit_vectors import Vectors
from models.embedding import library_encode

DATASET = "sourcegraph_handbook"
TINY = "squad2"
"""Paragraphs: most of them are a single chunk."""

PAGES = 500
TARGET_RATIO = 0.9
TINY_TARGET_RATIO = 0.6
WARM_UP = 64
LIBRARY_BATCH_SIZE = 32
"""sentence-transformers' default, with which it is fastest here."""

BATCH: Final = 50
"""Tiny documents of a request, where they come in batches."""

MILLISECONDS: Final = 1000.0


@dataclass(frozen=True, kw_only=True)
class EncodeCost:
    """Of all texts in one call: seconds of the clock, and of all cores together."""

    seconds: float
    processor_seconds: float


@dataclass(frozen=True, kw_only=True)
class IngestRun:
    """One fresh home filled, and the bare model on the same chunks right after.

    `library` is sentence-transformers' `encode`, `bare` our own runner of the same exported model,
    which is faster. `processor_seconds` are those of the service, from the first upload on.
    """

    documents: int
    chunks: int
    distinct_chunks: int
    accepted_seconds: float
    findable_seconds: float
    processor_seconds: Mapping[Role, float]
    library: EncodeCost
    bare: EncodeCost

    @property
    def ratio(self) -> float:
        """End-to-end chunks/s over those of the library's encode."""
        return self.library.seconds / self.findable_seconds

    @property
    def strict_ratio(self) -> float:
        """End-to-end chunks/s over those of our own runner."""
        return self.bare.seconds / self.findable_seconds

    @property
    def milliseconds_a_document(self) -> dict[str, float]:
        """Processor time by what spends it; the worker's without what bare encode takes."""
        seconds = {str(role): each for role, each in self.processor_seconds.items()}
        seconds["worker"] -= self.bare.processor_seconds
        seconds["beyond embedding"] = sum(seconds.values())
        seconds["embedding"] = self.bare.processor_seconds
        return {name: MILLISECONDS * each / self.documents for name, each in seconds.items()}


@dataclass(frozen=True, kw_only=True)
class Ways:
    """The runs of each way to upload, all in homes of their own."""

    pages: Sequence[IngestRun]
    tiny: Sequence[IngestRun]
    tiny_in_batches: Sequence[IngestRun]


def measure_ingest(
    instance: Callable[[str], Instance],
    handbook: Dataset,
    squad2: Dataset,
    *,
    pages: int,
    runs: int,
) -> Outcome:
    """So many runs of each way, in turns, in empty homes; the model is exported before."""
    long, tiny = handbook.documents()[:pages], squad2.documents()
    done: list[tuple[IngestRun, IngestRun, IngestRun]] = []
    for number in range(runs):
        alone = run_ingest(instance(f"handbook{number}"), long)
        tiny_alone = run_ingest(instance(f"tiny{number}"), tiny)
        in_batches = run_ingest(instance(f"tiny_batch{number}"), tiny, batch=BATCH)
        done.append((alone, tiny_alone, in_batches))
    of_pages, of_tiny, of_batches = zip(*done, strict=True)
    return judge(handbook, Ways(pages=of_pages, tiny=of_tiny, tiny_in_batches=of_batches))


def judge(dataset: Dataset, done: Ways) -> Outcome:
    """The outcome from the runs."""
    ratio, tiny_ratio = (median(run.ratio for run in each) for each in (done.pages, done.tiny))
    return Outcome(
        question="Chunks/s from the first upload to all being found, over those of bare encode: "
        "of handbook pages, and of tiny documents (squad2's paragraphs)",
        target=f"median ratio >= {TARGET_RATIO}; of tiny documents >= {TINY_TARGET_RATIO}",
        has_met_target=ratio >= TARGET_RATIO and tiny_ratio >= TINY_TARGET_RATIO,
        numbers={
            **numbers_of(done.pages),
            "tiny": numbers_of(done.tiny),
            "tiny_in_batches": {"documents_a_request": BATCH, **numbers_of(done.tiny_in_batches)},
        },
        dataset=dataset,
        warm_up=1,
        concurrency=UPLOADERS,
    )


def numbers_of(done: Sequence[IngestRun]) -> dict[str, object]:
    """What is told of the runs of one way."""
    first = done[0]
    return {
        "ratio": round(median(run.ratio for run in done), 4),
        "ratio_each": [round(run.ratio, 4) for run in done],
        "ratio_to_own_runner": round(median(run.strict_ratio for run in done), 4),
        "ratio_to_own_runner_each": [round(run.strict_ratio, 4) for run in done],
        "documents": first.documents,
        "chunks": first.chunks,
        "distinct_chunks": first.distinct_chunks,
        "end_to_end_chunks_per_second": spread([run.chunks / run.findable_seconds for run in done]),
        "library_chunks_per_second": spread([run.chunks / run.library.seconds for run in done]),
        "own_runner_chunks_per_second": spread([run.chunks / run.bare.seconds for run in done]),
        "accepted_seconds": [round(run.accepted_seconds, 2) for run in done],
        "findable_seconds": [round(run.findable_seconds, 2) for run in done],
        "cpu_milliseconds_a_document": {
            name: [round(run.milliseconds_a_document[name], 2) for run in done]
            for name in first.milliseconds_a_document
        },
    }


def run_ingest(
    instance: Instance, documents: Sequence[CorpusDocument], *, batch: int | None = None
) -> IngestRun:
    """Fills the home. The bare model runs alone, when the service has stopped."""
    embedder = load_embedder(instance.settings)
    with running(instance) as footnote, footnote.client() as client:
        # The worker has its model then.
        warm_up(client)
        before = spent_by_role(instance.home)
        uploaded = upload_all(client, documents, batch=batch)
        after = spent_by_role(instance.home)
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
        documents=len(documents),
        chunks=len(texts),
        distinct_chunks=len(set(texts)),
        accepted_seconds=uploaded.accepted_seconds,
        findable_seconds=uploaded.findable_seconds,
        processor_seconds={role: after[role] - before[role] for role in ROLES},
        library=encode_cost(library, texts),
        bare=encode_cost(embedder.embed_queries, texts),
    )


def encode_cost(encode: Callable[[list[str]], Vectors], texts: list[str]) -> EncodeCost:
    """All texts in one call, which sorts them by length: the fastest that a model can be."""
    encode(texts[:WARM_UP])
    started, processor_started = perf_counter(), process_time()
    encode(texts)
    return EncodeCost(
        seconds=perf_counter() - started, processor_seconds=process_time() - processor_started
    )
