"""The outputs of a cross-encoder for a text and a claim about it.

Its outputs mean nothing without a calibration, which is for whoever asks it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.cross_encoder import LoadedCrossEncoder


class CrossEncoderOutputs:
    """A sentence-transformers CrossEncoder with any number of outputs; threads take turns."""

    def __init__(self, model: str) -> None:
        """Loads the model, a hub name or a local folder, in seconds; ModelUnavailable otherwise."""
        self._model = LoadedCrossEncoder(
            model, role="grounding model", setting="FOOTNOTE_GROUNDING_MODEL"
        )
        self.labels = self._model.labels

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """(n, labels) float32 of each text and claim; what is beyond the window is cut off."""
        if not pairs:
            return np.empty((0, len(self.labels)), dtype=np.float32)
        return self._model.predict(pairs, as_logits=True).reshape(len(pairs), len(self.labels))
