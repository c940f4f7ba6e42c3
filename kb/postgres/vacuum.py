"""VACUUM and ANALYZE of the tables in which much has changed, between two transactions."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kb.errors import DatabaseUnavailable
from kb.postgres.database import Database

# Autovacuum waits for a fifth of the rows; after a night it is better to have it behind us. Less
# than the thousand rows is read faster than it is cleaned up.
_CHANGED: Final = text(
    """
    SELECT quote_ident(relname) FROM pg_stat_user_tables
    WHERE schemaname = 'public'
        AND greatest(n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum) > 1000
        AND greatest(n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum) > 0.05 * n_live_tup
    ORDER BY relname
    """
)


async def vacuum_changed(database: Database) -> list[str]:
    """The tables that were vacuumed and analysed; those that others have locked are left out."""
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            tables = [str(name) for name in (await connection.execute(_CHANGED)).scalars()]
            for table in tables:
                # The names are quoted by Postgres and those of our own tables.
                await connection.exec_driver_sql(f"VACUUM (ANALYZE, SKIP_LOCKED) public.{table}")
    except DBAPIError as error:
        raise DatabaseUnavailable from error
    return tables
