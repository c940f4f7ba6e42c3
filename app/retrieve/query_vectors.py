"""Vectors of questions: those of concurrent searches made together, repeated ones not again."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from app.retrieve.recent import Recent
from models.embedding import Embedder

QueryVector = NDArray[np.float32]
"""(d,) float32, unit length."""

MAX_REMEMBERED = 10_000
"""Vectors kept: 15 MB at 384 dimensions, and 40 MB of texts at most. A vector tells of the asker's
own text and of no document, so that whoever asks the same may be given it."""

MAX_TEXTS_A_CALL = 32
"""A question is short; more at once would make the first of them wait for the last."""


class QueryVectors:
    """Embeds questions, all that wait together whenever the model is free.

    A question that comes alone is embedded at once. Belongs to one event loop.
    """

    def __init__(self, embedder: Embedder) -> None:
        """`embedder` is called in a thread, by one caller at a time."""
        self._embedder = embedder
        self._vector_by_text: Recent[str, QueryVector] = Recent(MAX_REMEMBERED)
        self._waiting: dict[str, asyncio.Future[QueryVector]] = {}
        self._feeder: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """True while the model embeds the questions of others."""
        return self._feeder is not None

    async def embed(self, text: str) -> QueryVector:
        """The question's vector; whatever the model raises."""
        vector = self._vector_by_text.find(text)
        if vector is not None:
            return vector
        awaited = self._waiting.get(text)
        if awaited is None:
            awaited = self._waiting[text] = asyncio.get_running_loop().create_future()
        if self._feeder is None:
            self._feeder = asyncio.create_task(self._feed())
        # Others may wait for the same question: one that is cancelled takes nothing from them.
        return await asyncio.shield(awaited)

    async def _feed(self) -> None:
        try:
            while self._waiting:
                texts = list(self._waiting)[:MAX_TEXTS_A_CALL]
                await self._answer({text: self._waiting.pop(text) for text in texts})
        finally:
            self._feeder = None

    async def _answer(self, future_by_text: dict[str, "asyncio.Future[QueryVector]"]) -> None:
        # Whatever the model raises goes to those who asked; those after them get their turn.
        outcomes = await asyncio.gather(
            asyncio.to_thread(self._embedder.embed_queries, list(future_by_text)),
            return_exceptions=True,
        )
        vectors = outcomes[0]
        if isinstance(vectors, BaseException):
            for future in future_by_text.values():
                future.set_exception(vectors)
            return
        for (text, future), vector in zip(future_by_text.items(), vectors, strict=True):
            # A row of the batch would keep the whole batch in memory.
            future.set_result(self._vector_by_text.remember(text, vector.copy()))
