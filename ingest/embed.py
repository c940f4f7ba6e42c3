"""Texts of several documents embedded together: a full batch is what makes the model fast."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from kb.unit_vectors import Vectors
from models.batching import MicroBatcher
from models.embedding import Embedder

MAX_TEXTS_A_CALL: Final = 256
"""Of one document: enough to put texts of similar length together (128: 4 % of what is computed is
padding, 256: 2 %), few enough to report progress."""

MAX_TEXTS_AT_ONCE: Final = 64
"""In the model, of all documents: half a second, for which whoever comes has to wait. In processor
time 32 cost 8 % more than 256, 64 cost 4 %."""


def batch_passages(embedder: Embedder) -> MicroBatcher:
    """Embeds what the documents in hand want, the most urgent first."""
    return MicroBatcher(embedder.embed_passages, max_texts=MAX_TEXTS_AT_ONCE)


def parts_within_window(text: str, embedder: Embedder) -> list[str]:
    """The text; one beyond the model's window in halves, cut between words, until each fits."""
    if embedder.count_tokens([text])[0] <= embedder.max_tokens or len(text) == 1:
        return [text]
    middle = text.rfind(" ", 1, len(text) // 2 + 1)
    middle = middle if middle > 0 else len(text) // 2
    halves = (text[:middle], text[middle:])
    return [part for half in halves for part in parts_within_window(half, embedder)]


def mean_of_parts(rows: Vectors, counts: Sequence[int]) -> Vectors:
    """(len(counts), d) unit rows, each the mean direction of as many of the rows as it has parts.

    Every count is at least 1.
    """
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(rows, starts, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means: Vectors = sums / np.maximum(lengths, np.finfo(np.float32).tiny)
    return means
