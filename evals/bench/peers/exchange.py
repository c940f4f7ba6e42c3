"""The files that a peer is given, and the one that it gives back.

A folder has `chunks.json`, `chunk_vectors.npy`, `questions.json`, `question_vectors.npy` and
`job.json`; the peer's script writes `answers.json` beside them.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

# pydantic reads it, and cannot read that of typing before Python 3.12.
from typing_extensions import TypedDict

from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.peers.contenders import Peer
from kb.unit_vectors import Vectors

PEER_TIMEOUT_SECONDS = 3_600
"""One that needs longer for a set of this size will not end."""

MOST_SAID = 300
"""Characters of an error: a database's may hold a whole statement."""


@dataclass(frozen=True, kw_only=True)
class GivenChunk:
    """A chunk as all contenders get it: `text` is what was embedded, title and section first."""

    id: str
    document_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set: row i of the vectors belongs to chunk i, or question i."""

    chunks: Sequence[GivenChunk]
    chunk_vectors: Vectors
    questions: Sequence[str]
    question_vectors: Vectors
    limit: int


class Answers(TypedDict):
    """A peer's hits for each question, best first, and the time of each question."""

    versions: dict[str, str]
    index_seconds: float
    chunk_ids: list[list[str]]
    milliseconds: list[float]


_ANSWERS: TypeAdapter[Answers] = TypeAdapter(Answers)


def ask_peer(peer: Peer, python: Path, task: Task, *, database_url: str, folder: Path) -> Answers:
    """The output of the peer's own Python; BenchmarkFailed when it fails."""
    write_task(task, folder, database_url=database_url)
    log = folder / "log.txt"
    # All that the peer gets: no keys, no proxies, no settings of the user's.
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": tempfile.gettempdir(),
        "PYTHONNOUSERSITE": "1",
        **peer.environment,
    }
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603  # our own script
            [python, peer.runner, folder],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
            timeout=PEER_TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode:
        said = last_words(log.read_text(encoding="utf-8", errors="replace"))
        raise BenchmarkFailed(f"{peer.name} failed: {said}")
    return read_answers(folder, task)


def last_words(log: str) -> str:
    """The first line of the last exception in the log, else of the log."""
    _, _, last = log.rpartition("Traceback (most recent call last):")
    lines = [line for line in last.splitlines() if line and not line.startswith(" ")]
    return lines[0][:MOST_SAID] if lines else "it said nothing"


def write_task(task: Task, folder: Path, *, database_url: str) -> None:
    """Writes the files; the folder is made."""
    folder.mkdir(parents=True)
    _write(folder / "chunks.json", [{"id": each.id, "text": each.text} for each in task.chunks])
    _write(folder / "questions.json", list(task.questions))
    _write(folder / "job.json", {"limit": task.limit, "database_url": database_url})
    np.save(folder / "chunk_vectors.npy", task.chunk_vectors)
    np.save(folder / "question_vectors.npy", task.question_vectors)


def read_answers(folder: Path, task: Task) -> Answers:
    """The peer's answers; BenchmarkFailed when they are not one for each question."""
    try:
        answers = _ANSWERS.validate_json((folder / "answers.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise BenchmarkFailed("There are no answers in the form agreed upon.") from error
    if not len(answers["chunk_ids"]) == len(answers["milliseconds"]) == len(task.questions):
        raise BenchmarkFailed("There is not one answer for each question.")
    return answers


def ranked_documents(task: Task, chunk_ids: Sequence[str]) -> list[str]:
    """The documents of the chunks, each at the place of its first one."""
    document_by_chunk = {chunk.id: chunk.document_id for chunk in task.chunks}
    return list(dict.fromkeys(document_by_chunk[chunk_id] for chunk_id in chunk_ids))


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
