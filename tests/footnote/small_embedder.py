"""An embedder that needs no model: fast to start, and as slow as a test wants it to be."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kb.store.spaces import Space, space_for
from kb.unit_vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class SmallEmbedder:
    """Unit vectors made of the text's hash; a token is a word."""

    seconds_a_call: float = 0.0

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    @property
    def dimension(self) -> int:
        return 8

    @property
    def max_tokens(self) -> int:
        return 256

    @property
    def space(self) -> Space:
        return space_for(model="small", revision="1", dimension=self.dimension)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        time.sleep(self.seconds_a_call)
        hashes = [hashlib.sha256(text.encode()).digest()[: self.dimension] for text in texts]
        numbers = np.asarray([list(digest) for digest in hashes], dtype=np.float32) + 1
        return np.asarray(numbers / np.linalg.norm(numbers, axis=1, keepdims=True), np.float32)
