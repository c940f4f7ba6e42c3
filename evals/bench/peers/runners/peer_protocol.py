"""The protocol of all runners: data come in as files, results go out as a file.

Runs in the peer's own environment, so it imports nothing of Footnote.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""(n, d) float32, rows of unit length."""

WARM_UP = 5
"""Questions asked before the clock runs: the first opens connections and fills caches."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A peer's input; row i of the vectors belongs to text i."""

    chunk_ids: Sequence[str]
    chunk_texts: Sequence[str]
    chunk_vectors: Vectors
    vector_by_question: Mapping[str, Vectors]
    """The lookup for a peer that would embed questions by itself."""

    limit: int
    """Chunks wanted for each question, best first."""

    folder: Path
    """For what the peer stores in files."""

    database_url: str
    """An empty Postgres with pgvector; empty for a peer that needs none."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.chunk_vectors.shape[1])


Search = Callable[[str, Vectors], Sequence[str]]
"""The ids of the chunks for a question and its vector, best first."""


def run(index: Callable[[Corpus], Search], *packages: str) -> None:
    """Indexes what lies in the folder of the first argument, and answers its questions there.

    `packages` are those whose versions are told.
    """
    exchange = Path(sys.argv[1])
    questions = json.loads((exchange / "questions.json").read_text(encoding="utf-8"))
    vectors: Vectors = np.load(exchange / "question_vectors.npy")
    job = json.loads((exchange / "job.json").read_text(encoding="utf-8"))
    chunks = json.loads((exchange / "chunks.json").read_text(encoding="utf-8"))
    folder = exchange / "store"
    folder.mkdir()
    corpus = Corpus(
        chunk_ids=[chunk["id"] for chunk in chunks],
        chunk_texts=[chunk["text"] for chunk in chunks],
        chunk_vectors=np.load(exchange / "chunk_vectors.npy"),
        vector_by_question=dict(zip(questions, vectors, strict=True)),
        limit=job["limit"],
        folder=folder,
        database_url=job["database_url"],
    )

    started = perf_counter()
    search = index(corpus)
    index_seconds = perf_counter() - started
    for question, vector in zip(questions[:WARM_UP], vectors, strict=False):
        search(question, vector)
    found, milliseconds = [], []
    for question, vector in zip(questions, vectors, strict=True):
        started = perf_counter()
        chunk_ids = search(question, vector)
        milliseconds.append((perf_counter() - started) * 1000)
        found.append(list(chunk_ids))
    answers = {
        "versions": {package: version(package) for package in packages},
        "index_seconds": index_seconds,
        "chunk_ids": found,
        "milliseconds": milliseconds,
    }
    (exchange / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
