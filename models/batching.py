"""Texts of concurrent callers in one call of a model: full batches are what makes it fast."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from kb.unit_vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class _Request:
    texts: Sequence[str]
    vectors: "asyncio.Future[Vectors]"


class MicroBatcher:
    """Calls the model with everything that waits whenever it is free.

    A text that comes alone is embedded at once. Belongs to one event loop; as an async context
    manager it gives up at the end what still waits. Cross-encoders do without: the passages of one
    search fill their batches already.
    """

    def __init__(self, embed: Callable[[Sequence[str]], Vectors], *, max_texts: int) -> None:
        """`embed` is called in a thread, by one caller at a time.

        A call takes another request as long as it has fewer than `max_texts`.
        """
        self._embed = embed
        self._max_texts = max_texts
        self._waiting: deque[_Request] = deque()
        self._feeder: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Nothing is called before somebody asks."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancels what runs and what waits."""
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.gather(self._feeder, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft().vectors.cancel()

    def submit(self, texts: Sequence[str]) -> "asyncio.Future[Vectors]":
        """One unit row for each text, or whatever the model raises."""
        vectors: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(texts=tuple(texts), vectors=vectors))
        if self._feeder is None:
            self._feeder = asyncio.create_task(self._feed())
        return vectors

    async def _feed(self) -> None:
        requests: list[_Request] = []
        try:
            while self._waiting:
                requests, count = [], 0
                while self._waiting and count < self._max_texts:
                    requests.append(self._waiting.popleft())
                    count += len(requests[-1].texts)
                await self._answer(requests)
        finally:
            self._feeder = None
            # Without effect on those that are answered.
            for request in requests:
                request.vectors.cancel()

    async def _answer(self, requests: Sequence[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        # Whatever the model raises goes to those who asked; those after them get their turn.
        outcomes = await asyncio.gather(
            asyncio.to_thread(self._embed, texts), return_exceptions=True
        )
        vectors: Vectors | BaseException = outcomes[0]
        starts = np.cumsum([0, *(len(request.texts) for request in requests)])
        for request, start in zip(requests, starts[:-1], strict=True):
            if request.vectors.done():
                continue
            if isinstance(vectors, BaseException):
                request.vectors.set_exception(vectors)
            else:
                request.vectors.set_result(vectors[start : start + len(request.texts)])
