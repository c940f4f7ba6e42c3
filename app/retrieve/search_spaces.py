"""The embedding spaces that a process can search, and the one that a search takes.

The name of the active space comes with each search's generations, so that the very next search of
every process takes a space that was activated. Its model is loaded beforehand: from the moment a
space is created. A process that has not loaded it yet goes on in the space before, as long as that
one is kept current.
"""

import asyncio
from typing import Final

import structlog

from app.retrieve.query_embedder import QueryEmbedder
from kb.errors import DependencyFailed, ModelUnavailable
from kb.postgres.database import Database, TenantSession
from kb.store.spaces import StoredSpace, stored_spaces
from models.space_models import SpaceModels

log = structlog.get_logger(__name__)

FOLLOW_INTERVAL_SECONDS: Final = 5.0
"""The interval at which a process looks for new spaces; to fill one takes longer."""


class SpaceNotLoaded(Exception):  # nothing went wrong: the search begins anew once it is loaded
    """Only a space whose model this process lacks can be searched."""

    def __init__(self, stored: StoredSpace) -> None:
        """`stored` is the active one."""
        super().__init__(stored.space.name)
        self.stored = stored


class SearchSpaces:
    """Belongs to one event loop."""

    def __init__(self, first: QueryEmbedder, models: SpaceModels | None = None) -> None:
        """Searches begin in the space of `first`; without `models` they stay there."""
        self._expected = first
        self._embedder_by_name = {first.space.name: first}
        self._models = models
        self.lacking: str | None = None
        """The name of the active space, while this process cannot search it."""

    @property
    def expected(self) -> QueryEmbedder:
        """The embedder of the space that the next search will most likely take."""
        return self._expected

    def forget(self) -> None:
        """Empties the caches of what callers asked."""
        for embedder in self._embedder_by_name.values():
            embedder.forget()

    async def choose(self, scope: TenantSession, active: str | None) -> QueryEmbedder:
        """The embedder of the active space; None: no space is active yet.

        While the model is not loaded, that of the space before, which is kept current.

        Raises:
            SpaceNotLoaded: The space before is being dropped, or has gone.
        """
        if self._models is None or active is None or active == self._expected.space.name:
            return self._expected
        if active not in self._embedder_by_name:
            stored = await stored_spaces(scope)
            if self._expected.space not in [each.space for each in stored if not each.is_dropped]:
                raise SpaceNotLoaded(next(each for each in stored if each.space.name == active))
            # `follow` is about to load it.
            self._lack(active)
            return self._expected
        self._take(active)
        return self._expected

    def is_searched(self, embedder: QueryEmbedder, active: str | None) -> bool:
        """True when `choose` would give this embedder without a further look at the database."""
        if embedder is not self._expected:
            return False
        return self._models is None or active is None or active == embedder.space.name

    async def load(self, stored: StoredSpace) -> None:
        """Loads the active space's model; ModelUnavailable."""
        assert self._models is not None  # noqa: S101  # or no search would lack one
        if await self._models.try_to_load(stored.space) is None:
            raise ModelUnavailable(
                f"The active embedding space {stored.space.name!r} is of the model "
                f"{stored.space.model!r}, which this process cannot load: see its log."
            )
        await self._keep(self._models, stored)
        self._take(stored.space.name)

    async def follow(
        self, database: Database, *, interval_seconds: float = FOLLOW_INTERVAL_SECONDS
    ) -> None:
        """Keeps up with the live spaces until it is cancelled."""
        while True:
            try:
                await self.catch_up(database)
            except DependencyFailed as error:
                log.warning("spaces.not_followed", code=error.code)
            await asyncio.sleep(interval_seconds)

    async def catch_up(self, database: Database) -> None:
        """Loads the models of all live spaces, lets others go, and reads the spaces' tuning."""
        if self._models is None:
            return
        async with database.system() as system:
            stored = [each for each in await stored_spaces(system) if not each.is_dropped]
        for each in stored:
            await self._keep(self._models, each)
        active = next((each.space.name for each in stored if each.is_current), None)
        if active in self._embedder_by_name:
            self._take(active)
        elif active is not None:
            self._lack(active)
        live = {each.space for each in stored} | {self._expected.space}
        self._models.keep(live)
        self._embedder_by_name = {
            name: each for name, each in self._embedder_by_name.items() if each.space in live
        }

    async def _keep(self, models: SpaceModels, stored: StoredSpace) -> None:
        known = self._embedder_by_name.get(stored.space.name)
        if known is not None and known.tuning == stored.tuning:
            return
        embedder = await models.try_to_load(stored.space)
        if embedder is not None:
            made = QueryEmbedder(embedder, stored.space, stored.tuning)
            self._embedder_by_name[stored.space.name] = made
            if self._expected.space == stored.space:
                self._expected = made

    def _take(self, name: str) -> None:
        taken = self._embedder_by_name[name]
        if taken.space != self._expected.space:
            log.info("space.searched", space=name)
        self._expected, self.lacking = taken, None

    def _lack(self, name: str) -> None:
        if self.lacking != name:
            log.warning("space.not_searched", space=name, searched=self._expected.space.name)
        self.lacking = name
