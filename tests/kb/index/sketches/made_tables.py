"""Tables of sketches from vectors that a test makes up."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.index.sketches.table import SketchTable, document_keys, sketch

DIMENSION = 384
ROWS, DOCUMENTS = 12_000, 1_200
ALL, FEW = 7, 9
BOTH = np.array([ALL, FEW])
THREADS = ThreadPoolExecutor(2)


def table_of(
    vectors: NDArray[np.float32],
    documents: Sequence[UUID],
    audiences: Sequence[int],
    *,
    first_chunk: int = 1,
) -> SketchTable:
    """Rows are chunks in a row, dealt out evenly to the documents in their order."""
    document_of = np.arange(len(vectors)) * len(documents) // max(len(vectors), 1)
    return sketch(
        np.arange(first_chunk, first_chunk + len(vectors)),
        document_keys(documents)[document_of],
        np.array(audiences, dtype=np.int64)[document_of],
        vectors,
    )


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")
    return vectors
