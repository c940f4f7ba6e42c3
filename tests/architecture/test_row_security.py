"""No table with tenant data is without forced row security, and no policy forgets the tenant."""

import psycopg
import pytest

from kb.errors import RowSecurityNotEnforced
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database
from kb.postgres.row_security import ROLES, probe_row_security
from kb.store.spaces import Space, ensure_space
from kb.store.tables import metadata
from tests.architecture.databases import execute, values

SPACE = Space(name="row_security", model="test", revision="1", dimension=3)
TENANT_TABLES = {
    name for name, table in metadata.tables.items() if "tenant_id" in table.columns
} | {"tenants", f"vectors_{SPACE.name}"}
NAMES_PRINCIPALS = {"documents", "chunks", "answers", "answer_feedback", "audiences"}
FOLLOWS_A_DOCUMENT_OR_ANSWER = {
    "document_versions",
    "jobs",
    "answer_documents",
    "answer_events",
}
"""Their policies look the parent row up, under the parent's own policy."""

PROTECTED = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity
"""
TABLES_WITH_TENANT_ID = """
    SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND attname = 'tenant_id'
"""
CONDITIONS = """
    SELECT tablename, policyname, coalesce(qual, '') || coalesce(with_check, '')
    FROM pg_policies WHERE roles && ARRAY['footnote_reader', 'footnote_writer']::name[]
"""
READING_CONDITIONS = """
    SELECT tablename, qual FROM pg_policies
    WHERE roles && ARRAY['footnote_reader']::name[] AND cmd IN ('SELECT', 'ALL')
"""


@pytest.fixture
async def url_with_space(migrated_database_url: str) -> str:
    """A migrated database in which an embedding space has its table."""
    database = Database(migrated_database_url, pool_size=2)
    await ensure_space(database, SPACE)
    await database.close()
    return migrated_database_url


def test_every_table_of_a_tenant_has_forced_row_security(url_with_space: str) -> None:
    present = values(url_with_space, TABLES_WITH_TENANT_ID) | {"tenants"}

    assert present == TENANT_TABLES
    assert values(url_with_space, PROTECTED) == present


def test_every_policy_of_a_request_names_the_tenant(url_with_space: str) -> None:
    with psycopg.connect(conninfo(url_with_space)) as connection:
        conditions = connection.execute(CONDITIONS).fetchall()

    assert {table for table, _, _ in conditions} == TENANT_TABLES - {"credentials"}
    assert [row for row in conditions if "footnote_tenant()" not in row[2]] == []


def test_what_a_reader_sees_depends_on_its_principals(url_with_space: str) -> None:
    with psycopg.connect(conninfo(url_with_space)) as connection:
        rows = connection.execute(READING_CONDITIONS).fetchall()
    condition_by_table = {str(table): str(condition) for table, condition in rows}

    for table in NAMES_PRINCIPALS:
        assert "footnote_principals()" in condition_by_table[table]
    for table in FOLLOWS_A_DOCUMENT_OR_ANSWER:
        assert "EXISTS" in condition_by_table[table]
    assert "FROM audiences" in condition_by_table[f"vectors_{SPACE.name}"]


def test_no_role_of_a_transaction_has_power_of_its_own(url_with_space: str) -> None:
    powerless = """
        SELECT rolname FROM pg_roles WHERE NOT (
            rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin
            OR rolreplication
        )
    """

    assert values(url_with_space, powerless) >= set(ROLES)


async def test_the_probe_is_content_with_the_migrations(url_with_space: str) -> None:
    database = Database(url_with_space, pool_size=2)

    await probe_row_security(database)

    await database.close()


@pytest.mark.parametrize(
    "harm",
    [
        "ALTER TABLE chunks NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE tenants DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE notes (tenant_id uuid)",
        f"ALTER TABLE vectors_{SPACE.name} DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY open ON collections TO footnote_reader USING (true)",
    ],
)
async def test_the_probe_refuses_a_database_that_leaks(url_with_space: str, harm: str) -> None:
    execute(url_with_space, harm)
    database = Database(url_with_space, pool_size=2)

    with pytest.raises(RowSecurityNotEnforced):
        await probe_row_security(database)

    await database.close()
