"""sentence-transformers: runs the models that openvino alone cannot run, and exports the others.

Importing it takes 7 s of a core, and it is an extra: nothing here is imported before a configured
model needs it.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from tokenizers import Tokenizer

from kb.errors import ModelUnavailable
from kb.unit_vectors import UNVERSIONED, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Backend = Literal["openvino", "torch"]
"""The library that computes."""

EXTRA: Final = "models"
"""The extra of the package that brings the libraries."""

_PACKAGES_BY_BACKEND: Final[dict[Backend, tuple[str, ...]]] = {
    "torch": ("sentence_transformers", "torch"),
    "openvino": ("sentence_transformers", "torch", "optimum"),
}


class LibraryRunner:
    """The model as sentence-transformers itself runs it, for any thread.

    Threads take turns batch by batch: a question waits for one batch of a long text, not for all.
    """

    def __init__(self, model: "SentenceTransformer", batch_size: int) -> None:
        """Takes a loaded model."""
        self._model = model
        self._batch_size = batch_size
        self._is_next = Lock()
        self._computing = Lock()
        # The model's own tokenizer is reconfigured by every call, which a second thread must not
        # meet; this one never cuts off.
        self.counter = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
        """Counts tokens, and never cuts off."""
        self.counter.no_truncation()
        self.counter.no_padding()
        self.dimension = int(model.get_embedding_dimension() or 0)
        self.max_tokens = int(model.max_seq_length or 512)
        config = getattr(getattr(model[0], "auto_model", None), "config", None)
        self.hub_revision = str(getattr(config, "_commit_hash", None) or UNVERSIONED)[:12]
        """The hub's commit."""

    def encode(self, texts: Sequence[str], *, may_cut: bool) -> Vectors:
        """One unit row for each text; ValueError beyond `max_tokens`, unless it may be cut."""
        tokens = [] if may_cut else self.counter.encode_batch_fast(list(texts))
        if any(len(each) > self.max_tokens for each in tokens):
            raise ValueError(f"A text is longer than the model's {self.max_tokens} tokens.")
        vectors: Vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            with self._turn():
                vectors[rows] = self._model.encode(
                    [texts[row] for row in rows],
                    batch_size=self._batch_size,
                    normalize_embeddings=True,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                )
        return vectors

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """One unit row for each question; one beyond `max_tokens` is cut off."""
        return self.encode(questions, may_cut=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The model is the caller's inside the block."""
        # A lock alone would go to whoever has just given it back. Who waits for it is next here.
        with self._is_next:
            self._computing.acquire()
        try:
            yield
        finally:
            self._computing.release()


def load_model(path: str, backend: Backend) -> "SentenceTransformer":
    """The embedding model, a hub name or a local folder; ModelUnavailable otherwise."""
    require_library(f"The embedding model {Path(path).name!r}", backend)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    be_quiet()
    with translated(path, backend), warnings.catch_warnings():
        # Tracing a model for export warns of branches that this model does not have.
        warnings.simplefilter("ignore")
        return SentenceTransformer(path, backend=backend, device="cpu")


def require_library(model: str, backend: Backend = "torch") -> None:
    """ModelUnavailable when the libraries that `model` needs, as it is told, are not installed."""
    missing = [name for name in _PACKAGES_BY_BACKEND[backend] if find_spec(name) is None]
    if missing:
        raise ModelUnavailable(
            f"{model} needs {', '.join(missing)}: pip install 'footnote[{EXTRA}]'."
        )


def be_quiet() -> None:
    """Has the imported libraries log errors alone, and draw no progress."""
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    for name in ("sentence_transformers", "transformers", "optimum", "nncf"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def translated(path: str, backend: Backend) -> Iterator[None]:
    """Raises what the libraries do for a folder without an embedding model as ModelUnavailable."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            f"The embedding model {Path(path).name!r} cannot be loaded with {backend}: "
            "check FOOTNOTE_EMBEDDING_MODEL and FOOTNOTE_EMBEDDING_BACKEND."
        ) from error
