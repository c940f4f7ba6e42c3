"""The writers of a worker follow the live spaces."""

import gc
from collections.abc import AsyncIterator
from weakref import ref

import pytest

from ingest.space_writers import SpaceWriters
from kb.settings import Settings
from kb.store.space_changes import activate_space, create_space, drop_space
from kb.store.spaces import Space, SpaceTuning
from models.space_models import SpaceModels
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/writers") as own:
        yield own


async def test_the_model_of_a_dropped_space_leaves_the_memory(own: OwnDatabase) -> None:
    database, before = own.tools.database, SmallEmbedder()
    other = SmallEmbedder(model="other").space

    def load(space: Space) -> SmallEmbedder:
        return SmallEmbedder(model=space.model)

    async with SpaceWriters(before.space, before, SpaceModels(load, before.space, before)) as both:
        await create_space(database, other, SpaceTuning())
        names = [each.space.model for each in await both.live(database)]
        await activate_space(database, other.name)
        await drop_space(database, before.space.name)
        left = [each.space.model for each in await both.live(database)]

        gone = ref(before)
        del before
        gc.collect()
        assert gone() is None
        assert (names, left) == (["small", "other"], ["other"])
