"""A source over a folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kb.settings import Settings
from tests.ingest.sources.library import Library, open_library


@pytest.fixture
async def library(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    folder = tmp_path / "docs"
    folder.mkdir()
    async with open_library(database_url, settings.home_path, folder) as library:
        yield library
