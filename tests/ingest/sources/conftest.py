"""A source over a folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kb.settings import Settings
from tests.ingest.sources.library import Library, open_library


@pytest.fixture
async def library(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database_url, settings.home_path, tmp_path / "docs") as library:
        yield library
