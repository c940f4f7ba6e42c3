"""How well passages answer a question, by a cross-encoder; the one place that loads one."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_SIZE = 16
"""Pairs scored at once. Passages of one search differ little in length: more gains nothing on a
few cores."""


class CrossEncoderScorer:
    """A sentence-transformers CrossEncoder with one output; threads take turns."""

    def __init__(self, model: str) -> None:
        """Loads the model, a hub name or a local folder, in seconds; ModelUnavailable otherwise."""
        self.model_name = model
        self._lock = threading.Lock()
        self._model = _load(model)

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n,) float32, higher is better; what is beyond the model's window is cut off."""
        if not texts:
            return np.empty(0, dtype=np.float32)
        pairs = [(question, text) for text in texts]
        with self._lock:
            scored = self._model.predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)
        return np.asarray(scored, dtype=np.float32)


def _load(model: str) -> "CrossEncoder":
    # Importing it takes 7 s of a core, which only a configured reranker is worth.
    from sentence_transformers import CrossEncoder  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    for name in ("sentence_transformers", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        loaded: CrossEncoder = CrossEncoder(model, device="cpu")
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The reranker {Path(model).name!r} cannot be loaded: check FOOTNOTE_RERANK_MODEL."
        ) from error
    if loaded.num_labels != 1:
        raise ModelUnavailable(
            f"The reranker {Path(model).name!r} gives {loaded.num_labels} scores a passage, not "
            "one: FOOTNOTE_RERANK_MODEL must name a model that ranks."
        )
    return loaded
