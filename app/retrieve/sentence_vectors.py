"""Vectors of documents' sentences, which one question after the other compares itself with."""

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final
from uuid import UUID

from cachetools import LRUCache

from kb.unit_vectors import Vectors

MAX_BYTES: Final = 32_000_000
"""Of vectors with their keys: 17,000 sentences at 384 dimensions. Each spares 3 ms."""

BESIDE_BYTES: Final = 350
"""Of a vector in the cache beside its numbers: its key, the array and the place of both."""

Sentence = tuple[UUID, str]
"""A text, and the document that it stands in."""


class SentenceVectors:
    """Embeds sentences, each once while there is room; for any thread.

    Kept by document and text: the time that an answer takes tells nothing of a document which its
    asker may not read, though it says the same. No text is kept, only its hash.
    """

    def __init__(
        self, embed_passages: Callable[[Sequence[str]], Vectors], *, max_bytes: int = MAX_BYTES
    ) -> None:
        """Nothing is embedded yet."""
        self._embed_passages = embed_passages
        self._max_bytes = max_bytes
        self._caching = Lock()
        self._cache = self._new_cache()

    def forget(self) -> None:
        """Empties the cache; what is being embedded meanwhile is not kept."""
        with self._caching:
            self._cache = self._new_cache()

    def __len__(self) -> int:
        """The number of sentences whose vectors are kept."""
        return len(self._cache)

    def embed(self, sentences: Sequence[Sentence]) -> list[Vectors]:
        """The unit vector of each, shape (d,)."""
        keys = [_key(*sentence) for sentence in sentences]
        with self._caching:
            cache = self._cache
            vectors = {key: cache[key] for key in keys if key in cache}
        text_by_key = {
            key: text for key, (_, text) in zip(keys, sentences, strict=True) if key not in vectors
        }
        if text_by_key:
            texts = list(dict.fromkeys(text_by_key.values()))
            row_by_text = dict(zip(texts, self._embed_passages(texts), strict=True))
            # A row of the batch would keep the whole batch in memory.
            made = {key: row_by_text[text].copy() for key, text in text_by_key.items()}
            vectors |= made
            with self._caching:
                cache.update(made)
        return [vectors[key] for key in keys]

    def _new_cache(self) -> LRUCache[bytes, Vectors]:
        return LRUCache(self._max_bytes, getsizeof=lambda row: row.nbytes + BESIDE_BYTES)


def _key(document_id: UUID, text: str) -> bytes:
    return hashlib.blake2b(document_id.bytes + text.encode(), digest_size=16).digest()
