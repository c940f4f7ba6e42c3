"""Start-up probe: refuses to serve when row security would not bite."""

from sqlalchemy import text

from kb.errors import RowSecurityNotEnforced
from kb.ids import TenantId, new_uuid
from kb.postgres.database import Database

ROLES = ("footnote_reader", "footnote_writer", "footnote_system")

_POWERFUL_ROLES = text(
    "SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND (rolsuper OR rolbypassrls)"
)
_IS_LOGIN_POWERFUL = text(
    "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user"
)
_PRESENT_ROLES = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY(:roles)")

_BECOME_READER = text(
    "SELECT set_config('role', 'footnote_reader', true),"
    " set_config('footnote.tenant_id', :tenant, true)"
)
_COUNT_COLLECTIONS = text("SELECT count(*) FROM collections WHERE name = 'probe'")

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
    roles = {"roles": list(ROLES)}
    async with database.owner() as connection:
        present = (await connection.execute(_PRESENT_ROLES, roles)).scalar_one()
        powerful = (await connection.execute(_POWERFUL_ROLES, roles)).scalars().all()
        unprotected = (await connection.execute(_UNPROTECTED_TABLES)).scalars().all()
    if present != len(ROLES):
        raise RowSecurityNotEnforced(
            "The roles of Footnote are missing: run 'footnote db upgrade'."
        )
    if powerful:
        raise RowSecurityNotEnforced(f"These roles can go round row security: {powerful!r}.")
    if unprotected:
        raise RowSecurityNotEnforced(f"These tables lack forced row security: {unprotected!r}.")
    if await _collections_seen(database) != [1, 0]:
        raise RowSecurityNotEnforced


async def is_login_powerful(database: Database) -> bool:
    """True when the login itself could go round row security."""
    async with database.owner() as connection:
        return bool((await connection.execute(_IS_LOGIN_POWERFUL)).scalar_one())


async def _collections_seen(database: Database) -> list[int]:
    """The collections that an invented tenant sees of its own one, and that another one sees."""
    owner, stranger = TenantId(new_uuid()), TenantId(new_uuid())
    seen: list[int] = []
    async with database.owner() as connection:
        # Undone below: nothing of either tenant stays.
        savepoint = await connection.begin_nested()
        await connection.execute(text("SELECT set_config('role', 'footnote_system', true)"))
        for tenant_id in (owner, stranger):
            await connection.execute(
                text("INSERT INTO tenants (id, name) VALUES (:id, :name)"),
                {"id": tenant_id, "name": f"probe {tenant_id}"},
            )
        for tenant_id in (owner, stranger):
            await connection.execute(_BECOME_READER, {"tenant": str(tenant_id)})
            if tenant_id == owner:
                await connection.execute(
                    text(
                        "INSERT INTO collections (tenant_id, id, name)"
                        " VALUES (:tenant, :id, 'probe')"
                    ),
                    {"tenant": owner, "id": new_uuid()},
                )
            seen.append(int((await connection.execute(_COUNT_COLLECTIONS)).scalar_one()))
        await savepoint.rollback()
    return seen
