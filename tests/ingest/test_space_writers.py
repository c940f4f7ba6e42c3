"""The writers of a worker follow the live spaces."""

import gc
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from weakref import ref

import pytest
from sqlalchemy import text
from typing_extensions import override

from ingest.space_writers import SpaceWriters
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.space_backfill import count_missing
from kb.store.space_changes import (
    activate_space,
    create_space,
    drop_space,
    enqueue_backfills,
)
from kb.store.spaces import Space, SpaceTuning, all_spaces, stored_spaces
from kb.unit_vectors import Vectors
from models.space_models import SpaceModels
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder

BACKFILLS = text("SELECT count(*) FROM jobs WHERE kind = 'backfill'")


@pytest.fixture
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/writers") as own:
        yield own


async def live_models(writers: SpaceWriters, database: Database) -> list[str]:
    async with database.system() as system:
        spaces = await stored_spaces(system)
    return [each.space.model for each in await writers.live(spaces)]


async def test_the_model_of_a_dropped_space_leaves_the_memory(own: OwnDatabase) -> None:
    database, before = own.tools.database, SmallEmbedder()
    other = SmallEmbedder(model="other").space

    def load(space: Space) -> SmallEmbedder:
        return SmallEmbedder(model=space.model)

    async with SpaceWriters(before.space, before, SpaceModels(load, before.space, before)) as both:
        await create_space(database, other, SpaceTuning())
        names = await live_models(both, database)
        await activate_space(database, other.name)
        await drop_space(database, before.space.name)
        left = await live_models(both, database)

        gone = ref(before)
        del before
        gc.collect()
        assert gone() is None
        assert (names, left) == (["small", "other"], ["other"])


@dataclass(frozen=True, kw_only=True)
class FailingEmbedder(SmallEmbedder):
    """A model that fails, as a runtime does, when one of the texts has this in it."""

    poison: str

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if any(self.poison in text for text in texts):
            raise RuntimeError("a text does not go through this model")
        return super().embed_passages(texts)


async def test_an_upload_goes_on_when_a_space_beside_the_active_one_cannot_embed_it(
    settings: Settings, database_url: str
) -> None:
    active, other = SmallEmbedder(), FailingEmbedder(model="other", poison="Leave")
    files_url = f"file://{settings.home_path}/failing"
    async with own_database(database_url, files_url, embedders=(active, other)) as own:
        await create_space(own.tools.database, other.space, SpaceTuning())
        accepted = await own.upload(b"Leave is 31 days.")
        assert accepted.job is not None

        await own.work_until_empty()

        assert (await own.job(accepted.job.id)).status == "succeeded"
        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            spaces = await all_spaces(scope)
            left = {space.model: await count_missing(scope, space) for space in spaces}
            waiting = await scope.connection.execute(BACKFILLS)
            backfills = waiting.scalar_one()
    assert left == {"small": 0, "other": 1}
    assert backfills == 1


async def test_a_text_that_a_model_fails_on_keeps_no_other_from_the_space(
    settings: Settings, database_url: str
) -> None:
    active, other = SmallEmbedder(), FailingEmbedder(model="other", poison="poison")
    files_url = f"file://{settings.home_path}/poison"
    async with own_database(database_url, files_url, embedders=(active, other)) as own:
        for content in (b"Before.", b"This is poison.", b"After."):
            await own.upload(content)
        await own.work_until_empty()
        await create_space(own.tools.database, other.space, SpaceTuning())
        await enqueue_backfills(own.tools.database, other.space)

        await own.work_until_empty()

        async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
            left = await count_missing(scope, other.space)
            ended = await scope.connection.execute(
                text("SELECT status FROM jobs WHERE kind = 'backfill'")
            )
            statuses = ended.scalars().all()
    assert left == 1
    assert statuses == ["completed_with_errors"]
