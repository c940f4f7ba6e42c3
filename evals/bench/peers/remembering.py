"""An embedder that computes each text once, so that all are given the very same vectors."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kb.unit_vectors import Vectors
from models.embedding import Embedder


class RememberingEmbedder:
    """Another embedder and what it gave, kept in a file between runs.

    The file belongs to one model: its caller names it so.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        """Reads what the file has; nothing is written before `save`."""
        self._embedder = embedder
        self._path = path
        self._vector_by_key: dict[str, Vectors] = {}
        if path.exists():
            with np.load(path) as stored:
                self._vector_by_key = dict(
                    zip(stored["keys"].tolist(), stored["vectors"], strict=True)
                )

    @property
    def languages(self) -> frozenset[str] | None:
        """As the embedder's."""
        return self._embedder.languages

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads; what is beyond is not embedded."""
        return self._embedder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the model's special ones included, not cut off."""
        return self._embedder.count_tokens(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each question."""
        return self._embed("question", texts, self._embedder.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each text; ValueError for a text beyond `max_tokens`."""
        return self._embed("passage", texts, self._embedder.embed_passages)

    def save(self) -> None:
        """Keeps everything embedded so far for the next run."""
        if self._vector_by_key:
            np.savez(
                self._path,
                keys=np.asarray(list(self._vector_by_key)),
                vectors=np.stack(list(self._vector_by_key.values())),
            )

    def _embed(
        self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        keys = [key_of(kind, text) for text in texts]
        missing = {
            key: text
            for key, text in zip(keys, texts, strict=True)
            if key not in self._vector_by_key
        }
        if missing:
            rows = embed(list(missing.values()))
            self._vector_by_key.update(zip(missing, rows, strict=True))
        if not keys:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self._vector_by_key[key] for key in keys])


def key_of(kind: str, text: str) -> str:
    """The cache key of a vector; a model may embed questions and passages differently."""
    return hashlib.sha256(f"{kind} {text}".encode()).hexdigest()
