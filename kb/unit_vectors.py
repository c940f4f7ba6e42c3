"""Embeddings: vectors of unit length, made by one revision of a model."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""(n, d) float32, rows of unit length."""

UNVERSIONED: Final = "unversioned"
"""The revision of a model that does not tell its own."""
