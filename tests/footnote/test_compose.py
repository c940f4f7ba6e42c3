"""What the settings and files of a home come to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from footnote.compose import open_search_spaces
from footnote.embedding_model import open_active_model
from kb.errors import ModelUnavailable
from kb.settings import Settings
from kb.store.spaces import Space
from models.embedding import Embedder
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder

OLD, NEW = SmallEmbedder(), SmallEmbedder(model="new", dimension=24)
MOVED = SmallEmbedder(model="elsewhere")


@contextmanager
def loadable(*embedders: SmallEmbedder) -> Iterator[None]:
    """The models that this machine has, by name."""

    def load(settings: Settings) -> SmallEmbedder:
        for embedder in embedders:
            if embedder.model == settings.embedding_model:
                return embedder
        raise ModelUnavailable(f"There is no {settings.embedding_model!r} here.")

    with patch("footnote.embedding_model.load_embedder", load):
        yield


@pytest.fixture
async def own(database_url: str, tmp_path: Path) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, (tmp_path / "files").as_uri()) as own:
        yield own


async def open_model(own: OwnDatabase, configured: str) -> tuple[Space, Embedder]:
    settings = Settings(embedding_model=configured, _env_file=None)
    space, embedder, _models = await open_active_model(settings, own.tools.database)
    return space, embedder


class PreparedEmbedder(SmallEmbedder):
    """Counts how often it was prepared for questions."""

    @cached_property
    def prepared(self) -> list[str]:
        return []

    @override
    def prepare_questions(self) -> None:
        self.prepared.append(self.model)


async def test_until_something_is_stored_the_configured_model_makes_the_space(
    own: OwnDatabase,
) -> None:
    with loadable(OLD, NEW):
        assert await open_model(own, "new") == (NEW.space, NEW)
        assert await open_model(own, "small") == (OLD.space, OLD)


async def test_only_what_serves_prepares_its_model_for_many_questions(own: OwnDatabase) -> None:
    settings = Settings(embedding_model="small", _env_file=None)
    database = own.tools.database
    model = PreparedEmbedder()
    with loadable(model):
        async with open_search_spaces(settings, database, serves=False):
            """A command that asks once."""
        assert model.prepared == []

        async with open_search_spaces(settings, database, serves=True):
            """An API."""
        assert model.prepared == ["small"]


class UnpreparableEmbedder(SmallEmbedder):
    """Fails to be prepared for questions."""

    @override
    def prepare_questions(self) -> None:
        raise RuntimeError


async def test_a_model_that_cannot_be_prepared_for_many_questions_serves_and_says_so(
    own: OwnDatabase, every_level_is_logged: None
) -> None:
    settings = Settings(embedding_model="small", _env_file=None)
    with loadable(UnpreparableEmbedder()), capture_logs() as logs:
        async with open_search_spaces(settings, own.tools.database, serves=True) as spaces:
            found = await spaces.expected.embed("A question?")

    assert len(found) == UnpreparableEmbedder().dimension
    assert "embedding_model.questions_not_prepared" in [each["event"] for each in logs]


async def test_then_the_database_says_which_model_is_loaded(
    own: OwnDatabase, every_level_is_logged: None
) -> None:
    await own.upload(b"A note.")
    await own.work_until_empty()

    with loadable(OLD, NEW), capture_logs() as logs:
        assert await open_model(own, "new") == (OLD.space, OLD)

    (warning,) = [each for each in logs if each["event"] == "embedding_model.not_active"]
    assert (warning["configured"], warning["active"]) == ("new", "small")


async def test_a_model_that_lies_elsewhere_is_found_where_it_is_configured(
    own: OwnDatabase,
) -> None:
    await own.upload(b"A note.")
    await own.work_until_empty()

    with loadable(MOVED):
        assert await open_model(own, "elsewhere") == (OLD.space, MOVED)


async def test_without_the_active_model_nothing_starts(own: OwnDatabase) -> None:
    await own.upload(b"A note.")
    await own.work_until_empty()

    # The other one is another model: its vectors cannot be compared.
    with loadable(NEW), pytest.raises(ModelUnavailable, match=r"'small_1'.*'new' is another model"):
        await open_model(own, "new")
