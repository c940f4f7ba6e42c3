"""The embedding spaces that a worker writes: the active one, and all others that are live."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Self

from ingest.embed import batch_passages, mean_of_parts, parts_within_window
from kb.errors import SpaceChanged
from kb.store.spaces import Space, StoredSpace
from kb.unit_vectors import Vectors
from models.batching import MicroBatcher, Turn
from models.embedding import Embedder
from models.space_models import SpaceModels

MODEL_FAILURES: Final = (RuntimeError, ValueError, MemoryError)
"""What OpenVINO and torch raise when a text does not go through a model."""


@dataclass(frozen=True, kw_only=True)
class SpaceWriter:
    """A space with its model; what several documents want embedded goes into one batch."""

    space: Space
    embedder: Embedder
    batching: MicroBatcher

    async def embed(self, texts: Sequence[str], turn: Turn) -> Vectors:
        """(n, d) unit rows, of MAX_TEXTS_A_CALL texts at most.

        Chunks are cut for the model of the active space: a text beyond this one's window gets the
        mean of the vectors of its parts.
        """
        parts = await asyncio.to_thread(self._fit, texts)
        rows = await self.batching.submit([part for each in parts for part in each], turn)
        return mean_of_parts(rows, [len(each) for each in parts])

    def _fit(self, texts: Sequence[str]) -> list[list[str]]:
        counts = self.embedder.count_tokens(texts)
        return [
            [text]
            if count <= self.embedder.max_tokens
            else parts_within_window(text, self.embedder)
            for text, count in zip(texts, counts, strict=True)
        ]


class SpaceWriters:
    """Belongs to one event loop. As an async context manager it ends what its batches wait for."""

    def __init__(self, space: Space, embedder: Embedder, models: SpaceModels | None = None) -> None:
        """Writes into `space`; without `models` into no other."""
        self._models = models
        self._writer_by_space: dict[Space, SpaceWriter] = {}
        self.active = self._add(space, embedder)
        """The writer of the active space, as far as the worker has looked."""

    async def __aenter__(self) -> Self:
        """Nothing is embedded before somebody asks."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancels what runs and what waits."""
        async with AsyncExitStack() as stack:
            for writer in self._writer_by_space.values():
                stack.push_async_exit(writer.batching)

    async def live(self, spaces: Sequence[StoredSpace]) -> list[SpaceWriter]:
        """A writer for each live one whose model can be loaded, that of the active one first.

        SpaceChanged when that is the one that cannot be loaded: another worker may have it.
        """
        if self._models is None:
            return [self.active]
        stored = [each for each in spaces if not each.is_dropped]
        writers = []
        for each in sorted(stored, key=lambda each: not each.is_current):
            writer = await self._find(self._models, each.space)
            if writer is not None:
                writers.append(writer)
            if each.is_current:
                if writer is None:
                    raise SpaceChanged(
                        f"This worker cannot load the model {each.space.model!r} of the active "
                        f"embedding space {each.space.name!r}: see its log."
                    )
                self.active = writer
        live = {each.space for each in stored}
        self._models.keep(live)
        self._writer_by_space = {
            space: each for space, each in self._writer_by_space.items() if space in live
        }
        return writers or [self.active]

    async def _find(self, models: SpaceModels, space: Space) -> SpaceWriter | None:
        writer = self._writer_by_space.get(space)
        if writer is not None:
            return writer
        embedder = await models.try_to_load(space)
        return None if embedder is None else self._add(space, embedder)

    def _add(self, space: Space, embedder: Embedder) -> SpaceWriter:
        if space not in self._writer_by_space:
            self._writer_by_space[space] = SpaceWriter(
                space=space, embedder=embedder, batching=batch_passages(embedder)
            )
        return self._writer_by_space[space]
