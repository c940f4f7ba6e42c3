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
    """Unit vectors made of the text's hash, others for each model; a token is a word.

    A dimension is 32 at most.
    """

    seconds_a_call: float = 0.0
    model: str = "small"
    dimension: int = 8
    max_tokens: int = 256

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    @property
    def model_name(self) -> str:
        return self.model

    @property
    def revision(self) -> str:
        return "1"

    @property
    def space(self) -> Space:
        return space_for(model=self.model, revision="1", dimension=self.dimension)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        time.sleep(self.seconds_a_call)
        hashes = [self._hash(text)[: self.dimension] for text in texts]
        numbers = np.asarray([list(digest) for digest in hashes], dtype=np.float32) + 1
        return np.asarray(numbers / np.linalg.norm(numbers, axis=1, keepdims=True), np.float32)

    def prepare_questions(self) -> None:
        """They are quick."""

    def _hash(self, text: str) -> bytes:
        salt = "" if self.model == "small" else self.model
        return hashlib.sha256(f"{salt}{text}".encode()).digest()
