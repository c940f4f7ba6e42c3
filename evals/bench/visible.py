"""The cost of a search in the lexical index for a reader of all of it, and of half of it."""

import random
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from time import process_time, thread_time
from typing import TypedDict
from uuid import UUID

from evals.bench.record import Outcome, Spread, spread
from footnote.evals.datasets import Dataset
from kb.index.lexical.analysis import analyse_query
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.reader import ChunkFilter, IndexReader
from kb.index.lexical.scoring import Bm25
from kb.store.chunks import IndexedChunk

CHUNKS = (6_000, 100_000)
CHUNKS_A_DOCUMENT = 10
WORDS = 100
QUERIES = 200
QUERY_WORDS = (3, 8)
AFTER_A_COMMIT = 50
LIMIT = 100
SEED = 11
TARGET_MILLISECONDS = 5
READERS = {"all": ("tenant:*", "group:x", "user:ana"), "half": ("tenant:*", "user:ana")}


class _Numbers(TypedDict):
    build_cpu_seconds: float
    megabytes: float
    readers: dict[str, dict[str, Spread]]


def measure_visible(dataset: Dataset, *, sizes: Sequence[int] = CHUNKS) -> Outcome:
    """CPU of the thread that searches; nothing is read from Postgres."""
    numbers = {str(size): _measure(dataset, size) for size in sizes}
    largest = numbers[str(sizes[-1])]["readers"]["half"]
    return Outcome(
        question="CPU of a lexical search for somebody who may read half of the index",
        target=f"p50 < {TARGET_MILLISECONDS} ms at {sizes[-1]:,} chunks, right after a commit",
        has_met_target=largest["after_a_commit_milliseconds"]["p50"] < TARGET_MILLISECONDS,
        numbers=numbers,
        dataset=dataset,
        seed=SEED,
    )


def _measure(dataset: Dataset, size: int) -> _Numbers:
    words_by_document = (document.text.split() for document in dataset.documents())
    pieces = (
        " ".join(each[start : start + WORDS])
        for each in words_by_document
        for start in range(0, len(each), WORDS)
    )
    texts = list(islice(cycle(pieces), size))
    chunks = (
        IndexedChunk(
            chunk_id=number,
            document_id=UUID(int=number // CHUNKS_A_DOCUMENT),
            principals=("tenant:*",) if number // CHUNKS_A_DOCUMENT % 2 else ("group:x",),
            text=f"Report of the year > Numbers\n{text}",
            language="en",
        )
        for number, text in enumerate(texts)
    )
    generator = random.Random(SEED)  # noqa: S311  # a sample, no secret
    words = [word for text in texts[:500] for word in text.split()]
    queries = [
        analyse_query(" ".join(generator.choices(words, k=generator.randint(*QUERY_WORDS))))
        for _ in range(QUERIES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        index = TenantIndex(Path(folder, "index"))
        started = process_time()
        index.rebuild(generation=1, chunks=chunks)
        seconds = process_time() - started
        size_bytes = sum(file.stat().st_size for file in Path(folder, "index").iterdir())
        readers = {
            name: _search_all(Path(folder, "index"), queries, principals)
            for name, principals in READERS.items()
        }
    return _Numbers(
        build_cpu_seconds=round(seconds, 2),
        megabytes=round(size_bytes / 1e6, 1),
        readers=readers,
    )


def _search_all(
    folder: Path, queries: Sequence[list[str]], principals: tuple[str, ...]
) -> dict[str, Spread]:
    reader = TenantIndex(folder).reader
    first = [_search(reader, terms, principals) for terms in queries]
    again = [_search(reader, terms, principals) for terms in queries]
    # What is opened anew remembers nothing, as after a commit.
    after = [
        _search(TenantIndex(folder).reader, terms, principals) for terms in queries[:AFTER_A_COMMIT]
    ]
    return {
        "first_time_milliseconds": spread(first),
        "again_milliseconds": spread(again),
        "after_a_commit_milliseconds": spread(after),
    }


def _search(reader: IndexReader, terms: list[str], principals: tuple[str, ...]) -> float:
    """Milliseconds."""
    started = thread_time()
    bm25 = Bm25(terms, reader.statistics(terms, principals=principals))
    reader.search(bm25, ChunkFilter(principals=principals), limit=LIMIT)
    return (thread_time() - started) * 1000
