"""Texts of several documents embedded together: a full batch is what makes the model fast."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from kb.unit_vectors import Vectors
from models.embedding import Embedder

MAX_TEXTS_A_CALL = 256
"""Enough to batch texts of similar length (128: 4 % of what is computed is padding, 256: 2 %), few
enough to report progress."""


@dataclass(frozen=True, kw_only=True)
class _Request:
    texts: tuple[str, ...]
    vectors: "asyncio.Future[Vectors]"


class BatchingEmbedder:
    """Collects what concurrent documents want embedded while the model is busy.

    Use as an async context manager; one task inside feeds the model.
    """

    def __init__(self, embedder: Embedder) -> None:
        """`embedder` is called in a thread, by one caller at a time."""
        self._embedder = embedder
        self._waiting: asyncio.Queue[_Request] = asyncio.Queue()
        self._unanswered: set[asyncio.Future[Vectors]] = set()
        self._feeder: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Starts feeding."""
        self._feeder = asyncio.create_task(self._feed())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops feeding; what still waits is cancelled."""
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.gather(self._feeder, return_exceptions=True)
        for vectors in tuple(self._unanswered):
            vectors.cancel()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit row for each of at most MAX_TEXTS_A_CALL texts."""
        vectors: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        self._unanswered.add(vectors)
        vectors.add_done_callback(self._unanswered.discard)
        await self._waiting.put(_Request(texts=tuple(texts), vectors=vectors))
        return await vectors

    async def _feed(self) -> None:
        while True:
            requests = [await self._waiting.get()]
            count = len(requests[0].texts)
            while not self._waiting.empty() and count < MAX_TEXTS_A_CALL:
                requests.append(self._waiting.get_nowait())
                count += len(requests[-1].texts)
            await self._answer(requests)

    async def _answer(self, requests: Sequence[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        # Whatever the model raises goes to those who asked: should the feeder end of it, everybody
        # after them would wait for ever.
        outcomes = await asyncio.gather(
            asyncio.to_thread(self._embedder.embed_passages, texts), return_exceptions=True
        )
        vectors = outcomes[0]
        if isinstance(vectors, BaseException):
            for request in requests:
                if not request.vectors.done():
                    request.vectors.set_exception(vectors)
            return
        starts = np.cumsum([0, *(len(request.texts) for request in requests)])
        for request, start in zip(requests, starts[:-1], strict=True):
            if not request.vectors.done():
                request.vectors.set_result(vectors[start : start + len(request.texts)])
