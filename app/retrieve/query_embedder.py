"""Vectors of questions: those of concurrent searches made together, and none made twice."""

import asyncio
from collections.abc import Sequence
from threading import Lock
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from app.retrieve.sentence_vectors import SentenceVectors
from kb.store.spaces import Space, SpaceTuning
from kb.unit_vectors import Vectors
from models.batching import MicroBatcher
from models.embedding import Embedder

QueryVector = NDArray[np.float32]
"""(d,) float32, unit length."""

MAX_CACHED_QUESTIONS: Final = 10_000
"""15 MB of vectors at 384 dimensions, and 40 MB of texts at most. A vector tells of the asker's own
text and of no document, so that whoever asks the same may be given it. A hit takes 0.3 us."""

MAX_TEXTS_A_CALL: Final = 32
"""A question is short; more at once would make the first of them wait for the last."""


class QueryEmbedder:
    """The embedding model of one space as searches and answers use it: an `Embedder` with a cache.

    `embed` belongs to one event loop; the methods of `Embedder` are for any thread.
    """

    def __init__(self, embedder: Embedder, space: Space, tuning: SpaceTuning | None = None) -> None:
        """`space` is the one that the embedder's vectors belong to; `tuning` what it needs."""
        self.space = space
        self.tuning = tuning or SpaceTuning()
        tuned = self.tuning.languages
        self.languages = embedder.languages if tuned is None else tuned
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.embed_passages = embedder.embed_passages
        self.sentence_vectors = SentenceVectors(embedder.embed_passages)
        self._embed_queries = embedder.embed_queries
        self._batcher = MicroBatcher(embedder.embed_queries, max_texts=MAX_TEXTS_A_CALL)
        self._waiting: dict[str, asyncio.Future[Vectors]] = {}
        self._cache: LRUCache[str, QueryVector] = LRUCache(MAX_CACHED_QUESTIONS)
        self._caching = Lock()

    @property
    def is_busy(self) -> bool:
        """True while the model embeds the questions of others."""
        return bool(self._waiting)

    def forget(self) -> None:
        """Empties the caches: a question may repeat what a deleted document said."""
        with self._caching:
            self._cache.clear()
        self.sentence_vectors.forget()

    async def embed(self, text: str) -> QueryVector:
        """The question's vector, or whatever the model raises."""
        with self._caching:
            vector = self._cache.get(text)
        if vector is not None:
            return vector
        vectors = self._waiting.get(text)
        if vectors is None:
            vectors = self._waiting[text] = self._batcher.submit([text])
            vectors.add_done_callback(lambda done: self._end(text, done))
        # Others may wait for the same question: one that is cancelled takes nothing from them.
        rows = await asyncio.shield(vectors)
        found: QueryVector = rows[0]
        return found

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each question."""
        with self._caching:
            rows = {text: self._cache[text] for text in texts if text in self._cache}
        new = [text for text in dict.fromkeys(texts) if text not in rows]
        if new:
            rows |= dict(zip(new, self._embed_queries(new), strict=True))
            for text in new:
                self._keep(text, rows[text])
        vectors: Vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for place, text in enumerate(texts):
            vectors[place] = rows[text]
        return vectors

    def _end(self, text: str, vectors: "asyncio.Future[Vectors]") -> None:
        del self._waiting[text]
        if not vectors.cancelled() and vectors.exception() is None:
            self._keep(text, vectors.result()[0])

    def _keep(self, text: str, vector: QueryVector) -> None:
        # A row of the batch would keep the whole batch in memory.
        with self._caching:
            self._cache[text] = vector.copy()
