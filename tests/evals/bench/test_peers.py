"""The harness that asks other libraries; none of them is needed here."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.peers.__main__ import DATASETS, chosen, is_whole, python_of
from evals.bench.peers.contenders import PEERS, RUNNERS, Peer
from evals.bench.peers.exchange import GivenChunk, Task, ask_peer, last_words, ranked_documents
from evals.bench.peers.footnote_itself import Models, Timed, embed_corpus, take_part
from evals.bench.peers.measuring import Outcome, drawn, result_of, scores_of, timed
from evals.bench.peers.remembering import RememberingEmbedder
from evals.bench.peers.table import table
from footnote.evals.datasets import Dataset, JudgedQuestion
from kb.errors import InvalidInput, Misconfigured
from kb.settings import Settings
from kb.store.spaces import space_for
from kb.unit_vectors import Vectors
from models.embedding import SentenceTransformerEmbedder
from tests.footnote.evals.small_set import write_small_set

BY_VECTOR = f"""
import sys
sys.path.insert(0, {str(RUNNERS)!r})
from peer_protocol import run

def index(corpus):
    def search(question, vector):
        order = (-corpus.chunk_vectors @ vector).argsort(kind="stable")
        return [corpus.chunk_ids[row] for row in order[: corpus.limit]]
    return search

run(index, "numpy")
"""

TASK = Task(
    chunks=[
        GivenChunk(id="1", document_id="a", text="one"),
        GivenChunk(id="2", document_id="a", text="two"),
        GivenChunk(id="3", document_id="b", text="three"),
    ],
    chunk_vectors=np.asarray([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32),
    questions=["first?", "last?"],
    question_vectors=np.asarray([[1, 0], [0, 1]], dtype=np.float32),
    limit=3,
)


def peer_of(tmp_path: Path, script: str) -> Peer:
    runner = tmp_path / "runner.py"
    runner.write_text(script, encoding="utf-8")
    return Peer(name="other", setup="By vector", runner=runner, environment={"PEER": "quiet"})


def question(name: str, **relevance: int) -> JudgedQuestion:
    return JudgedQuestion(
        id=name,
        text=f"{name}?",
        relevance_by_document=relevance,
        split=None,
        history=(),
        rewrite=None,
    )


def test_a_peer_answers_in_a_process_of_its_own(tmp_path: Path) -> None:
    peer = peer_of(tmp_path, BY_VECTOR)

    answers = ask_peer(
        peer, Path(sys.executable), TASK, database_url="", folder=tmp_path / "exchange"
    )

    assert answers["chunk_ids"] == [["1", "2", "3"], ["3", "2", "1"]]
    assert answers["versions"] == {"numpy": np.__version__}
    assert answers["index_seconds"] >= 0
    assert len(answers["milliseconds"]) == 2
    assert list(timed(TASK, answers).documents) == [["a", "b"], ["b", "a"]]


TOO_FEW = """
import json
from pathlib import Path
answers = {"versions": {}, "index_seconds": 0.1, "chunk_ids": [["1"]], "milliseconds": [1.0]}
Path("answers.json").write_text(json.dumps(answers))
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise ValueError('no such index')", "other failed: ValueError: no such index"),
        ("", "no answers"),
        (TOO_FEW, "not one answer for each question"),
    ],
)
def test_a_peer_that_does_not_answer_is_told(tmp_path: Path, script: str, said: str) -> None:
    peer = peer_of(tmp_path, script)

    with pytest.raises(BenchmarkFailed, match=said):
        ask_peer(peer, Path(sys.executable), TASK, database_url="", folder=tmp_path / "exchange")


def test_an_error_is_told_by_its_first_line() -> None:
    log = "Loading\nTraceback (most recent call last):\n  File x\nDataError: no\n(Background: y)\n"

    assert last_words(log) == "DataError: no"
    assert last_words("") == "it said nothing"


def test_a_peer_is_told_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_LLM_API_KEY", "secret")
    peer = peer_of(tmp_path, "import os; print(sorted(os.environ)); raise SystemExit(1)")

    with pytest.raises(BenchmarkFailed) as failed:
        ask_peer(peer, Path(sys.executable), TASK, database_url="", folder=tmp_path / "exchange")

    assert "'PEER'" in failed.value.message
    assert "FOOTNOTE" not in failed.value.message


def test_documents_stand_where_their_first_chunk_does() -> None:
    assert ranked_documents(TASK, ["2", "3", "1"]) == ["a", "b"]


def test_the_sample_is_the_same_each_time_and_in_order() -> None:
    questions = [question(f"{number:02}", a=1) for number in range(20)]

    sample = drawn(questions, 5)

    assert sample == drawn(questions, 5)
    assert [each.id for each in sample] == sorted(each.id for each in sample)
    assert len(sample) == 5
    assert drawn(questions, 20) == drawn(questions, None) == questions


def test_the_table_has_a_line_for_each_contender(tmp_path: Path) -> None:
    dataset = Dataset(name="small", folder=write_small_set(tmp_path))
    judged = dataset.judged_questions()
    right = [list(each.relevance_by_document) for each in judged]
    # Second place: DCG is 1 / log2(3) = .6309 of the ideal.
    second = [["cats", *documents] for documents in right]
    footnote = scores_of(judged, right)

    printed = table(
        [
            result_of(dataset, judged, TASK, outcome("footnote", right), footnote),
            result_of(dataset, judged, TASK, outcome("other", second), footnote),
        ]
    )

    assert [line.split() for line in printed.splitlines()[1:]] == [
        ["small", "footnote", "1.0000", "1.0000", "1.0000", "2.5", "10.0", "10.0"],
        # Three questions, all worse: two of the eight ways to set signs are as extreme.
        ["small", "other", "0.6309", "0.2500", "1.0000", "2.5", "10.0", "10.0"],
    ]


def outcome(variant: str, documents: Sequence[Sequence[str]]) -> Outcome:
    return Outcome(
        variant=variant,
        answers=Timed(documents=documents, milliseconds=[10.0] * len(documents)),
        index_seconds=2.5,
        load_before=0.5,
        details={"setup": "As told"},
    )


def test_every_peer_has_its_script_and_its_pinned_packages() -> None:
    for name, peer in PEERS.items():
        pinned = (RUNNERS.parent / f"requirements-{name}.txt").read_text(encoding="utf-8")

        assert peer.runner.exists()
        assert all("==" in line for line in pinned.splitlines())


def test_unknown_and_absent_peers_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'elastic'"):
        chosen(["elastic"])
    with pytest.raises(Misconfigured, match="'chroma' is not installed"):
        python_of(PEERS["chroma"], tmp_path)


def test_a_choice_of_sets_peers_or_questions_is_not_the_whole() -> None:
    peers = list(PEERS.values())

    assert is_whole(["medquad", *DATASETS], peers, None)
    assert not is_whole(DATASETS[1:], peers, None)
    assert not is_whole(DATASETS, peers[1:], None)
    assert not is_whole(DATASETS, peers, 500)


class CountingEmbedder:
    """Two numbers for a text, and how many texts it was given."""

    languages: frozenset[str] | None = None
    dimension = 2
    max_tokens = 10

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        return np.asarray([[1, 0]] * len(texts), dtype=np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        return np.asarray([[0, 1]] * len(texts), dtype=np.float32)


def test_a_text_is_embedded_once_as_a_question_and_once_as_a_passage(tmp_path: Path) -> None:
    model = CountingEmbedder()
    path = tmp_path / "vectors.npz"
    first = RememberingEmbedder(model, path)
    first.embed_passages(["a", "b", "a"])
    first.save()

    again = RememberingEmbedder(model, path)

    assert again.embed_passages(["b", "a"]).tolist() == [[0, 1], [0, 1]]
    assert again.embed_queries(["a"]).tolist() == [[1, 0]]
    assert again.embed_queries([]).shape == (0, 2)
    assert model.embedded == ["a", "b", "a"]


def test_footnote_leaves_its_chunks_and_vectors_to_the_others(
    settings: Settings,
    database_url: str,
    embedder: SentenceTransformerEmbedder,
    tmp_path: Path,
) -> None:
    dataset = Dataset(name="small", folder=write_small_set(tmp_path))
    models = Models(
        embedder=embedder,
        remembering=RememberingEmbedder(embedder, tmp_path / "vectors.npz"),
        space=space_for(
            model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
        ),
    )
    questions = [each.text for each in dataset.judged_questions()]
    embed_corpus(dataset, models.remembering)

    own = take_part(settings, dataset, models, questions, limit=3)

    texts = {chunk.document_id: chunk.text for chunk in own.task.chunks}
    assert texts["fines"] == "Fines\nA late book costs ten cents a day."
    assert texts["cats"] == "Cats sleep for most of the afternoon."
    assert own.task.chunk_vectors.shape == (4, embedder.dimension)
    assert own.task.question_vectors.shape == (3, embedder.dimension)
    assert [found[0] for found in own.given.documents] == ["loans.md", "fines", "hours"]
    assert own.given.documents == own.embedding.documents
