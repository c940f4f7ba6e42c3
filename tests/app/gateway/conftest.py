"""What the tests of the gateway share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from kb.postgres.database import Database
from tests.app.gateway.bench import Bench, Servers, opened
from tests.fakes.language_model import lying_language_model


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with lying_language_model("truthful") as first, lying_language_model("truthful") as second:
        yield first, second


@pytest.fixture
async def bench(servers: Servers, database: Database) -> AsyncIterator[Bench]:
    async with opened(servers, database) as made:
        yield made


@pytest.fixture
async def hasty(servers: Servers, database: Database) -> AsyncIterator[Bench]:
    """The same, but the first server is given up after a second."""
    async with opened(servers, database, small_seconds=1) as made:
        yield made
