"""The embedding models of several spaces in one process, each loaded once, in a thread."""

import asyncio
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final, TypeAlias

import structlog

from kb.errors import ModelUnavailable
from kb.store.spaces import Space
from models.embedding import Embedder

log = structlog.get_logger(__name__)

LoadModel: TypeAlias = Callable[[Space], Embedder]
"""Loads the model that a space's vectors were made by, in seconds; raises ModelUnavailable."""

RETRY_SECONDS: Final = 60
"""A model that could not be loaded is tried again after so long."""


class SpaceModels:
    """Belongs to one event loop."""

    def __init__(self, load: LoadModel, space: Space, embedder: Embedder) -> None:
        """`embedder` is that of `space`; those of others are loaded when they are asked for."""
        self._load = load
        self._loading: dict[Space, asyncio.Task[Embedder]] = {}
        self._loaded = {space: embedder}
        self._failed_at: dict[Space, float] = {}

    async def load(self, space: Space) -> Embedder:
        """The model of the space; those who ask meanwhile get the same one. ModelUnavailable."""
        if (loaded := self._loaded.get(space)) is not None:
            return loaded
        return await asyncio.shield(self._load_soon(space))

    async def try_to_load(self, space: Space) -> Embedder | None:
        """The model of the space; None when it cannot be loaded, which is tried once a minute."""
        failed_at = self._failed_at.get(space)
        if failed_at is not None and monotonic() - failed_at < RETRY_SECONDS:
            return None
        try:
            return await self.load(space)
        except ModelUnavailable:
            return None

    def keep(self, spaces: Collection[Space]) -> None:
        """Lets the models of all other spaces go."""
        self._loaded = {space: each for space, each in self._loaded.items() if space in spaces}
        self._failed_at = {space: at for space, at in self._failed_at.items() if space in spaces}

    def _load_soon(self, space: Space) -> "asyncio.Task[Embedder]":
        task = self._loading.get(space)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._load_or_say_why, space))
            task.add_done_callback(lambda done: self._end(space, done))
            self._loading[space] = task
        return task

    def _load_or_say_why(self, space: Space) -> Embedder:
        try:
            return self._load(space)
        except ModelUnavailable:
            raise
        except Exception as error:  # libraries raise anything; other spaces have their models
            raise ModelUnavailable(
                f"Loading the model {space.model!r} failed: {type(error).__name__}: {error}"
            ) from error

    def _end(self, space: Space, done: "asyncio.Task[Embedder]") -> None:
        del self._loading[space]
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._loaded[space] = done.result()
            log.info("space.model_loaded", space=space.name, model=space.model)
        elif isinstance(error, ModelUnavailable):
            self._failed_at[space] = monotonic()
            log.error(
                "space.model_unavailable",
                space=space.name,
                model=space.model,
                reason=error.message,
            )
