"""Questions: the library's vectors in the shapes made for them, and no wait for long texts."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from openvino import InferRequest  # type: ignore[import-untyped]  # ships no type information
from sentence_transformers import SentenceTransformer
from typing_extensions import override

from kb.settings import DEFAULT_EMBEDDING_MODEL
from kb.unit_vectors import Vectors
from models.bert_network import bert_network, read_weights
from models.embedding import WEIGHTS_FILE, model_path
from models.library import LibraryRunner, load_model
from models.openvino_runner import OpenvinoRunner
from models.short_questions import LONGEST
from models.token_batches import TokenBatch
from tests.fakes.small_bert import write_small_bert

SIGNAL_SECONDS = 60
"""For what happens at once where it happens at all."""

IN_TURNS = """
from pathlib import Path
from random import Random
from kb.settings import DEFAULT_EMBEDDING_MODEL
from models.embedding import SentenceTransformerEmbedder

embedder = SentenceTransformerEmbedder(
    model=DEFAULT_EMBEDDING_MODEL, backend="openvino", batch_size=8, cache_folder=Path()
)
random = Random(3)
for _ in range(60):
    texts = ["word " * random.randrange(10, 60) for _ in range(random.randrange(4, 10))]
    embedder.embed_passages(texts)
    embedder.embed_queries([*texts, "why " * 100])
"""

FOLDER = Path(model_path(DEFAULT_EMBEDDING_MODEL))


class Held(OpenvinoRunner):
    """Keeps the batches of passages until it is told to go on."""

    runs: Event
    goes_on: Event

    @override
    def _take(self, request: InferRequest, target: tuple[Vectors, list[int], TokenBatch]) -> None:
        if request is not self._request:
            self.runs.set()
            self.goes_on.wait(SIGNAL_SECONDS)
        super()._take(request, target)


@pytest.fixture
def runner() -> Held:
    network = bert_network(FOLDER, read_weights(FOLDER / WEIGHTS_FILE))
    made = Held(network, FOLDER / "tokenizer.json", pooling="mean", max_tokens=256, batch_size=4)
    made.runs, made.goes_on = Event(), Event()
    return made


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture(scope="module")
def library() -> LibraryRunner:
    return LibraryRunner(load_model(str(FOLDER), "torch"), 4)


def prepare(runner: OpenvinoRunner) -> None:
    runner.prepare_questions(bert_network(FOLDER, read_weights(FOLDER / WEIGHTS_FILE)))


@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_question_goes_ahead_of_passages_that_are_being_embedded(
    runner: Held, threads: ThreadPoolExecutor, *, is_prepared: bool
) -> None:
    if is_prepared:
        prepare(runner)
    passages = threads.submit(runner.encode, ["a passage"] * 40, may_cut=False)
    assert runner.runs.wait(SIGNAL_SECONDS)

    questions = threads.submit(runner.encode_questions, ["why?", "why " * 50])

    assert questions.result(SIGNAL_SECONDS).shape == (2, 384)
    assert not passages.done()
    runner.goes_on.set()
    assert passages.result(SIGNAL_SECONDS).shape == (40, 384)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_prepared_questions_have_the_vectors_of_the_library(
    runner: Held, library: LibraryRunner, count: int
) -> None:
    prepare(runner)
    # From 3 tokens to beyond the longest shape, in no order.
    lengths = [(7 * number) % (LONGEST + 9) + 1 for number in range(count)]
    questions = ["who may travel where " * 20 for _ in lengths]
    cut = [" ".join(text.split()[:length]) for text, length in zip(questions, lengths, strict=True)]

    rows = runner.encode_questions(cut)

    cosines = np.sum(rows * library.encode(cut, may_cut=True), axis=1)
    # Processors that compute in 16 bits move a vector by .0001.
    assert cosines.min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_every_length_of_a_question_has_the_same_vector_as_before(runner: Held) -> None:
    questions = ["harbour " * count for count in range(1, LONGEST + 4)]
    before = runner.encode_questions(questions)

    prepare(runner)

    after = np.concatenate([runner.encode_questions([each]) for each in questions])
    assert np.sum(before * after, axis=1).min() > 0.9999
    assert np.sum(before * runner.encode_questions(questions), axis=1).min() > 0.9999


def test_a_question_is_next_where_a_library_runs_the_model(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    runs, goes_on = Event(), Event()
    computed = []

    class HeldModel(SentenceTransformer):
        @override
        def encode(self, sentences: list[str], **options: Any) -> torch.Tensor:  # type: ignore[override]
            computed.append(sentences)
            runs.set()
            goes_on.wait(SIGNAL_SECONDS)
            rows: torch.Tensor = super().encode(sentences, **options)
            return rows

    runner = LibraryRunner(HeldModel(str(write_small_bert(tmp_path / "small")), device="cpu"), 2)
    passages = threads.submit(runner.encode, ["a passage"] * 6, may_cut=False)
    assert runs.wait(SIGNAL_SECONDS)

    question = threads.submit(runner.encode_questions, ["why?"])
    while not runner._is_next.locked():
        sleep(0.001)
    goes_on.set()

    assert question.result(SIGNAL_SECONDS).shape == (1, runner.dimension)
    assert passages.result(SIGNAL_SECONDS).shape == (6, runner.dimension)
    assert computed[:2] == [["a passage"] * 2, ["why?"]]


def test_questions_and_passages_in_turns_do_not_write_into_freed_memory() -> None:
    """Which ends the process. Inputs are copied, since openvino keeps their addresses."""
    done = subprocess.run([sys.executable, "-c", IN_TURNS], check=False, capture_output=True)  # noqa: S603  # our own code

    assert done.returncode == 0, done.stderr
