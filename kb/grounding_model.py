"""What a cross-encoder says of a text and a claim about it; the one place that loads one for that.

Its outputs mean nothing without a calibration, which is for whoever asks it.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_SIZE: Final = 16
"""Pairs looked at together; an answer has fewer, and long ones fill the memory of a small node."""


class CrossEncoderOutputs:
    """A sentence-transformers CrossEncoder with any number of outputs; threads take turns."""

    def __init__(self, model: str) -> None:
        """Loads the model, a hub name or a local folder, in seconds; ModelUnavailable otherwise."""
        self._lock = threading.Lock()
        self._model = _load(model)
        config = self._model.config
        named = (config.id2label if config else None) or {}
        name_by_number = {int(number): str(name) for number, name in named.items()}
        self.labels = tuple(name_by_number[number] for number in range(self._model.num_labels))

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """(n, labels) float32 of each text and claim; what is beyond the window is cut off."""
        from torch.nn import Identity  # noqa: PLC0415  # loaded with the model, which is optional

        if not pairs:
            return np.empty((0, len(self.labels)), dtype=np.float32)
        with self._lock:
            outputs = self._model.predict(
                list(pairs),
                batch_size=BATCH_SIZE,
                show_progress_bar=False,
                activation_fn=Identity(),
            )
        return np.asarray(outputs, dtype=np.float32).reshape(len(pairs), len(self.labels))


def _load(model: str) -> "CrossEncoder":
    # Importing it takes 7 s of a core, which only a configured model is worth.
    from sentence_transformers import CrossEncoder  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers' own
    for name in ("sentence_transformers", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        loaded: CrossEncoder = CrossEncoder(model, device="cpu")
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The grounding model {Path(model).name!r} cannot be loaded: check "
            "FOOTNOTE_GROUNDING_MODEL."
        ) from error
    return loaded
