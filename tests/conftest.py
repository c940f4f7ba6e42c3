"""One real service for all tests: embedded Postgres, real model, real HTTP on 127.0.0.1.

Each test makes tenants of its own, so that tests do not see each other.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from footnote.cli import OWNER_ONLY
from footnote.compose import open_resources
from footnote.compose_ingestion import open_ingestion
from footnote.embedding_model import load_embedder
from footnote.on_database import open_database
from ingest.ingestion import Ingestion
from kb.logs import configure_logging
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url as embedded_database_url
from kb.settings import Settings
from migrations.run import upgrade
from models.embedding import SentenceTransformerEmbedder
from tests.service import Service, serving


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files that start processes first: at the end, one would keep the others waiting."""
    long_files = {item.path for item in items if item.get_closest_marker("end_to_end")}
    items.sort(key=lambda item: item.path not in long_files)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Defaults, below a home of its own."""
    # As every command does.
    os.umask(OWNER_ONLY)
    home: Path = tmp_path_factory.mktemp("home")
    configure_logging("error")
    return Settings(home=home, _env_file=None)


@pytest.fixture(scope="session")
def database_url(settings: Settings) -> Iterator[str]:
    """A server with the schema of this release: FOOTNOTE_DATABASE_URL, else the embedded one."""
    with embedded_database_url(settings) as url:
        upgrade(url)
        yield url


@pytest.fixture(scope="session")
async def database(settings: Settings, database_url: str) -> AsyncIterator[Database]:
    """A pool on the session's server."""
    async with open_database(settings, database_url) as database:
        yield database


@pytest.fixture(scope="session")
def embedder(settings: Settings) -> SentenceTransformerEmbedder:
    """The real default model."""
    return load_embedder(settings)


@pytest.fixture(scope="session")
async def ingestion(settings: Settings, database_url: str) -> AsyncIterator[Ingestion]:
    """What a worker ingests with, in this process."""
    async with open_ingestion(settings, database_url) as tools:
        yield tools


@pytest.fixture(scope="session")
async def service(
    settings: Settings, database_url: str, ingestion: Ingestion
) -> AsyncIterator[Service]:
    """The API on a real port, and a worker that runs when a test says so."""
    async with (
        open_resources(settings, database_url) as resources,
        serving(resources) as url,
        Service.open(url, resources, ingestion) as running,
    ):
        yield running


@pytest.fixture
def every_level_is_logged() -> Iterator[None]:
    """Another test may have configured logging to say less."""
    configured = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**configured)
