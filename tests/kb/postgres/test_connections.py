"""A pool without a free connection, and a server without one."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from kb.errors import DatabaseUnavailable, Overloaded
from kb.postgres import connecting as connections
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database
from tests.architecture.databases import execute, with_login

SOON = 0.05


@contextmanager
def login_with_one_connection(database_url: str) -> Iterator[str]:
    """The URL of a login that the server lets in once."""
    name = f"once_{uuid4().hex}"
    execute(database_url, f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
    try:
        yield with_login(database_url, name)
    finally:
        execute(database_url, f"DROP ROLE {name}")


async def test_a_pool_without_a_free_connection_is_overloaded(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CHECKOUT_SECONDS", SOON)
    database = Database(database_url, pool_size=1)
    try:
        async with database.owner():
            with pytest.raises(Overloaded, match="of this process are in use"):
                async with database.owner():
                    pytest.fail("there is only one")
        async with database.owner():
            """It is free again."""
    finally:
        await database.close()


async def test_a_server_without_a_connection_for_us_is_overloaded(database_url: str) -> None:
    with login_with_one_connection(database_url) as url:
        database = Database(url, pool_size=2)
        try:
            with psycopg.connect(conninfo(url)), pytest.raises(Overloaded, match="footnote doctor"):
                async with database.owner():
                    pytest.fail("the server let two in")
        finally:
            await database.close()


async def test_a_server_that_is_away_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)

    with pytest.raises(DatabaseUnavailable):
        async with database.owner():
            pytest.fail("nobody is there")
