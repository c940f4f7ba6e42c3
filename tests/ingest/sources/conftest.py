"""A source over a folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kb.settings import Settings
from tests.footnote.own_database import OwnDatabase, own_database
from tests.ingest.sources.library import Library, new_library


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    """A database for the tests of a module."""
    async with own_database(database_url, f"file://{settings.home_path}/sources") as own:
        yield own


@pytest.fixture
async def library(own: OwnDatabase, tmp_path: Path) -> Library:
    """A tenant of one test's own, and an empty folder."""
    folder = tmp_path / "docs"
    folder.mkdir()
    return await new_library(own, folder)
