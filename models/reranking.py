"""Scores of passages as answers to a question, by a cross-encoder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelUnavailable
from models.cross_encoder import LoadedCrossEncoder


class CrossEncoderScorer:
    """A sentence-transformers CrossEncoder with one output; threads take turns."""

    def __init__(self, model: str) -> None:
        """Loads the model, a hub name or a local folder, in seconds; ModelUnavailable otherwise."""
        self.model_name = model
        self._model = LoadedCrossEncoder(model, role="reranker", setting="FOOTNOTE_RERANK_MODEL")
        if self._model.output_count != 1:
            raise ModelUnavailable(
                f"The reranker {Path(model).name!r} gives {self._model.output_count} scores a "
                "passage, not one: FOOTNOTE_RERANK_MODEL must name a model that ranks."
            )

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n,) float32, higher is better; what is beyond the model's window is cut off."""
        if not texts:
            return np.empty(0, dtype=np.float32)
        return self._model.predict([(question, text) for text in texts], as_logits=False)
