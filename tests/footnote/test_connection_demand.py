"""What processes open, and what a server allows: a real login with a limit of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from footnote.checks.stored import check_database
from footnote.connection_demand import check_connections
from kb.errors import DatabaseUnavailable, Misconfigured
from kb.ids import new_uuid
from kb.postgres.connecting import conninfo
from kb.postgres.connection_limit import connection_limit
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.api_processes import ApiProcess, say_alive
from migrations.run import upgrade
from tests.architecture.databases import empty_database, execute, values, with_login

POOL_SIZE = 35

pytestmark = pytest.mark.usefixtures("every_level_is_logged")


@contextmanager
def limited_login(database_url: str, limit: int) -> Iterator[str]:
    """The URL of a login that may open so many connections."""
    name = f"limited_{uuid4().hex}"
    execute(database_url, f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit}")
    try:
        yield with_login(database_url, name)
    finally:
        execute(database_url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_the_least_of_all_limits_counts(database_url: str) -> None:
    with limited_login(database_url, 30) as url:
        of_login = connection_limit(url)
    with empty_database(database_url) as elsewhere:
        name = elsewhere.partition("?")[0].rpartition("/")[2]
        execute(database_url, f"ALTER DATABASE {name} CONNECTION LIMIT 20")
        with limited_login(elsewhere, 30) as url:
            of_database = connection_limit(url)
    with limited_login(database_url, 10_000) as url:
        of_server = connection_limit(url)

    assert (of_login.connections, of_login.set_by) == (30, "CONNECTION LIMIT of the login")
    assert (of_database.connections, of_database.set_by) == (
        20,
        "CONNECTION LIMIT of the database",
    )
    (most,) = values(database_url, "SHOW max_connections")
    (kept,) = values(database_url, "SHOW superuser_reserved_connections")
    assert of_server.connections == int(most) - int(kept)


def test_that_none_is_left_to_ask_with_is_said_in_a_line(database_url: str) -> None:
    with (
        limited_login(database_url, 1) as url,
        psycopg.connect(conninfo(url)),
        pytest.raises(DatabaseUnavailable, match="too many connections"),
    ):
        connection_limit(url)


def test_processes_that_may_want_more_than_there_are_are_warned_of(
    database_url: str, settings: Settings
) -> None:
    with limited_login(database_url, 50) as url, capture_logs() as logs:
        check_connections(settings, url, processes=2)
        check_connections(settings, url, processes=3)

    (warning,) = logs
    assert warning["event"] == "database.too_few_connections"
    # 10 of the pool, 4 to settle searches, 3 to store answers and 6 for indexes, three times.
    assert (warning["wanted"], warning["allowed"]) == (69, 50)
    assert "FOOTNOTE_DATABASE_POOL_SIZE" in warning["mend"]


def test_processes_that_could_never_work_are_refused(database_url: str, settings: Settings) -> None:
    with (
        limited_login(database_url, 3) as url,
        pytest.raises(Misconfigured, match="need 4 database connections, and the server allows 3"),
    ):
        check_connections(settings, url, processes=2)


@pytest.mark.parametrize(("processes", "status"), [(2, "ok"), (3, "warning")])
async def test_doctor_counts_what_all_that_run_may_open(
    database_url: str, settings: Settings, processes: int, status: str
) -> None:
    with empty_database(database_url) as elsewhere:
        upgrade(elsewhere)
        database = Database(elsewhere, pool_size=1)
        async with database.system() as system:
            for _ in range(processes):
                await say_alive(system, ApiProcess(id=new_uuid(), node=new_uuid()))
        await database.close()

        there = settings.model_copy(
            update={"database_url": SecretStr(elsewhere), "database_pool_size": POOL_SIZE}
        )
        checks = await asyncio.to_thread(check_database, there, has_home=True)

    wanted = processes * (POOL_SIZE + 4 + 3 + 6)
    (check,) = [each for each in checks if each.name == "connections"]
    assert check.status == status
    # A superuser, as the embedded server's owner is: nothing is reserved from it.
    assert check.detail == (
        f"API processes ({processes}) and workers (0) open up to {wanted} of 100 "
        "(max_connections less what is reserved)"
    )
