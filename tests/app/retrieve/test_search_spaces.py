"""A search takes the embedding space that is active, and always one whose model is loaded."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.retrieval import Retrieval
from app.retrieve.search import NodeIndexes, Retriever
from app.retrieve.search_spaces import SearchSpaces
from kb.errors import ModelUnavailable
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.postgres.database import Viewer
from kb.store.space_changes import activate_space, create_space, drop_space, set_tuning
from kb.store.spaces import Space, SpaceTuning
from models.space_models import SpaceModels
from tests.footnote.own_database import OwnDatabase, own_database, small_models
from tests.footnote.small_embedder import SmallEmbedder

OLD, NEW = SmallEmbedder(), SmallEmbedder(model="new", dimension=24)
VIEWER = Viewer(principals=("tenant:*",))
QUERY = SearchQuery(text="lantern", collections=None, filter=None, top_k=5, mode="vector")
TEXTS = ("The lantern is green.", "The lantern is red.", "The ladder is long.")


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A process that searches the database, and the models that it can load."""

    own: OwnDatabase
    retriever: Retriever
    loadable: set[Space] = field(default_factory=set)

    async def search(self) -> Retrieval:
        now = datetime.now(UTC)
        return await self.retriever.search(self.own.tenant_id, VIEWER, QUERY, now=now)

    async def space(self) -> str:
        """The space that a search takes; its cosines are that space's and no other's."""
        retrieval = await self.search()
        embedder = {each.space: each for each in (OLD, NEW)}[retrieval.embedder.space]
        rows = embedder.embed_passages([passage.text for passage in retrieval.passages])
        cosines = [passage.cosine for passage in retrieval.passages]
        expected = rows @ embedder.embed_queries([QUERY.text])[0]
        assert len(cosines) == len(TEXTS)
        np.testing.assert_allclose(np.asarray(cosines, dtype=float), expected, atol=0.002)
        return retrieval.embedder.space.name


@asynccontextmanager
async def searched(
    database_url: str, folder: Path, *, has_sketches: bool
) -> AsyncIterator[Searched]:
    async with own_database(database_url, (folder / "files").as_uri(), embedders=(OLD, NEW)) as own:
        for text in TEXTS:
            await own.upload(text.encode())
        await own.work_until_empty()
        loadable: set[Space] = set()
        database = own.tools.database
        async with (
            aclosing(SketchCache(database, max_bytes=10**8)) as sketches,
            aclosing(LexicalIndexes(database, folder / "lexical")) as lexical,
        ):
            models = SpaceModels(only(loadable), OLD.space, OLD)
            retriever = Retriever(
                database,
                NodeIndexes(lexical=lexical, sketches=sketches if has_sketches else None),
                SearchSpaces(QueryEmbedder(OLD, OLD.space), models),
                RetrievalLimits(candidates=10, lexical_weight=0.5),
            )
            yield Searched(own=own, retriever=retriever, loadable=loadable)


def only(loadable: set[Space]) -> Callable[[Space], SmallEmbedder]:
    """Loads the models of these spaces alone."""
    load = small_models(OLD, NEW)

    def load_one(space: Space) -> SmallEmbedder:
        if space not in loadable:
            raise ModelUnavailable(f"There is no {space.model!r} here.")
        return load(space)

    return load_one


async def fill_new(own: OwnDatabase, tuning: SpaceTuning | None = None) -> None:
    await create_space(own.tools.database, NEW.space, tuning or SpaceTuning())
    await own.fill(NEW.space)


@pytest.mark.parametrize("has_sketches", [True, False])
async def test_the_next_search_takes_the_space_that_was_activated(
    database_url: str, tmp_path: Path, *, has_sketches: bool
) -> None:
    async with searched(database_url, tmp_path, has_sketches=has_sketches) as process:
        database = process.own.tools.database
        await fill_new(process.own)
        process.loadable.add(NEW.space)
        await process.retriever.spaces.catch_up(database)

        assert await process.space() == OLD.space.name
        await activate_space(database, NEW.space.name)
        assert await process.space() == NEW.space.name
        await activate_space(database, OLD.space.name)
        assert await process.space() == OLD.space.name


async def test_a_process_without_the_model_goes_on_in_the_space_before(
    database_url: str, tmp_path: Path
) -> None:
    async with searched(database_url, tmp_path, has_sketches=True) as process:
        database, spaces = process.own.tools.database, process.retriever.spaces
        await fill_new(process.own)
        await activate_space(database, NEW.space.name)

        assert await process.space() == OLD.space.name
        assert spaces.lacking == NEW.space.name
        process.loadable.add(NEW.space)
        await spaces.catch_up(database)
        assert await process.space() == NEW.space.name
        assert spaces.lacking is None


async def test_a_process_that_can_load_no_live_model_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async with searched(database_url, tmp_path, has_sketches=True) as process:
        database = process.own.tools.database
        await fill_new(process.own)
        await activate_space(database, NEW.space.name)
        await drop_space(database, OLD.space.name)

        with pytest.raises(ModelUnavailable, match="'new'"):
            await process.search()


async def test_a_process_that_slept_through_it_all_loads_the_model_and_searches(
    database_url: str, tmp_path: Path
) -> None:
    async with searched(database_url, tmp_path, has_sketches=True) as process:
        database = process.own.tools.database
        process.loadable.add(NEW.space)
        await fill_new(process.own)
        await activate_space(database, NEW.space.name)
        await drop_space(database, OLD.space.name)

        assert await process.space() == NEW.space.name


async def test_a_space_brings_its_own_weight_of_words(database_url: str, tmp_path: Path) -> None:
    async with searched(database_url, tmp_path, has_sketches=True) as process:
        database, spaces = process.own.tools.database, process.retriever.spaces
        process.loadable.add(NEW.space)
        await fill_new(process.own, SpaceTuning(lexical_weight=0.2))
        await spaces.catch_up(database)
        assert (await process.search()).explanation.lexical_weight == 0.5

        await activate_space(database, NEW.space.name)
        assert (await process.search()).explanation.lexical_weight == 0.2
        await set_tuning(database, NEW.space, SpaceTuning(lexical_weight=0.9))
        await spaces.catch_up(database)
        assert (await process.search()).explanation.lexical_weight == 0.9
