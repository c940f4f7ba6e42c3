"""Texts of several documents embedded together: a full batch is what makes the model fast."""

from typing import Final

from models.batching import MicroBatcher
from models.embedding import Embedder

MAX_TEXTS_A_CALL: Final = 256
"""Enough to batch texts of similar length (128: 4 % of what is computed is padding, 256: 2 %), few
enough to report progress."""


def batch_passages(embedder: Embedder) -> MicroBatcher:
    """Embeds what the documents in hand want together; a request has at most MAX_TEXTS_A_CALL."""
    return MicroBatcher(embedder.embed_passages, max_texts=MAX_TEXTS_A_CALL)
