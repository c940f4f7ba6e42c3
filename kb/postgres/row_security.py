"""Start-up probe: refuses to serve when row security would not bite."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.errors import RowSecurityNotEnforced
from kb.ids import TenantId, new_uuid
from kb.postgres.database import Database

ROLES = ("footnote_reader", "footnote_writer", "footnote_system")

_POWERFUL_ROLES = text(
    "SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND (rolsuper OR rolbypassrls)"
)
_PRESENT_ROLES = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY(:roles)")

# Tables with a tenant column, and the tenants themselves, that lack forced row security.
_UNPROTECTED_TABLES = text(
    """
    SELECT pg_class.relname
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
    WHERE pg_namespace.nspname = 'public'
      AND pg_class.relkind = 'r'
      AND (
          pg_class.relname = 'tenants'
          OR EXISTS (
              SELECT FROM pg_attribute
              WHERE pg_attribute.attrelid = pg_class.oid AND pg_attribute.attname = 'tenant_id'
          )
      )
      AND NOT (pg_class.relrowsecurity AND pg_class.relforcerowsecurity)
    ORDER BY pg_class.relname
    """
)


async def probe_row_security(database: Database) -> None:
    """Returns when row security holds; RowSecurityNotEnforced says what does not.

    Checks the roles and the tables, then that a tenant really cannot see another one's row.
    """
    async with database.owner() as connection:
        await _check_catalogue(connection)
    await _check_behaviour(database)


async def _check_catalogue(connection: AsyncConnection) -> None:
    present = (await connection.execute(_PRESENT_ROLES, {"roles": list(ROLES)})).scalar_one()
    if present != len(ROLES):
        raise RowSecurityNotEnforced(
            "The roles of Footnote are missing: run 'footnote db upgrade'."
        )
    powerful = (await connection.execute(_POWERFUL_ROLES, {"roles": list(ROLES)})).scalars().all()
    if powerful:
        raise RowSecurityNotEnforced(f"These roles can go round row security: {powerful!r}.")
    tables = (await connection.execute(_UNPROTECTED_TABLES)).scalars().all()
    if tables:
        raise RowSecurityNotEnforced(f"These tables lack forced row security: {tables!r}.")


async def _check_behaviour(database: Database) -> None:
    """Stores a collection for one invented tenant, looks for it as another, undoes both."""
    owner, stranger = TenantId(new_uuid()), TenantId(new_uuid())
    async with database.owner() as connection:
        savepoint = await connection.begin_nested()
        await connection.execute(text("SELECT set_config('role', 'footnote_system', true)"))
        for tenant_id in (owner, stranger):
            await connection.execute(
                text("INSERT INTO tenants (id, name) VALUES (:id, :name)"),
                {"id": tenant_id, "name": f"probe {tenant_id}"},
            )
        await _act_as(connection, owner)
        await connection.execute(
            text("INSERT INTO collections (tenant_id, id, name) VALUES (:tenant, :id, 'probe')"),
            {"tenant": owner, "id": new_uuid()},
        )
        seen = [await _count(connection, tenant) for tenant in (owner, stranger)]
        await savepoint.rollback()
    if seen != [1, 0]:
        raise RowSecurityNotEnforced


async def _act_as(connection: AsyncConnection, tenant_id: TenantId) -> None:
    await connection.execute(
        text(
            "SELECT set_config('role', 'footnote_reader', true),"
            " set_config('footnote.tenant_id', :tenant, true)"
        ),
        {"tenant": str(tenant_id)},
    )


async def _count(connection: AsyncConnection, tenant_id: TenantId) -> int:
    await _act_as(connection, tenant_id)
    rows = await connection.execute(text("SELECT count(*) FROM collections WHERE name = 'probe'"))
    return int(rows.scalar_one())
