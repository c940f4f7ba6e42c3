"""A loaded cross-encoder for any use; the one place that loads one."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelUnavailable
from models.library import be_quiet, require_library

BATCH_SIZE: Final = 16
"""Pairs looked at together. Those of one search or answer differ little in length: more gains
nothing on a few cores, and long ones fill the memory of a small node."""


class LoadedCrossEncoder:
    """A sentence-transformers CrossEncoder; threads take turns."""

    def __init__(self, model: str, *, role: str, setting: str) -> None:
        """Loads the model, a hub name or a local folder, in seconds.

        ModelUnavailable otherwise, which names the model's role and the setting to check.
        """
        require_library(f"The {role} {Path(model).name!r}")
        from sentence_transformers import CrossEncoder  # noqa: PLC0415

        be_quiet()
        try:
            self._model: CrossEncoder = CrossEncoder(model, device="cpu")
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"The {role} {Path(model).name!r} cannot be loaded: check {setting}."
            ) from error
        self._lock = threading.Lock()
        self.output_count = int(self._model.num_labels)
        """Outputs for each pair."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each output in its configuration."""
        config = self._model.config
        named = (config.id2label if config else None) or {}
        name_by_number = {int(number): str(name) for number, name in named.items()}
        return tuple(name_by_number[number] for number in range(self.output_count))

    def predict(self, pairs: Sequence[tuple[str, str]], *, as_logits: bool) -> NDArray[np.float32]:
        """(n,) or (n, outputs) float32, as its configuration says unless they are to be logits.

        What is beyond the model's window is cut off.
        """
        from torch.nn import Identity  # noqa: PLC0415  # loaded with the model, which is optional

        with self._lock:
            outputs = self._model.predict(
                list(pairs),
                batch_size=BATCH_SIZE,
                show_progress_bar=False,
                activation_fn=Identity() if as_logits else None,
            )
        return np.asarray(outputs, dtype=np.float32)
