"""Locks of others: how a test takes one, and sees somebody wait."""

from sqlalchemy import text

from kb.postgres.database import TenantSession
from tests.footnote.own_database import OwnDatabase

_STORE_READERS = text(
    "INSERT INTO audiences (tenant_id, principals, principals_sha256)"
    " VALUES (:tenant_id, ARRAY[:reader], sha256(convert_to(ARRAY[:reader]::text, 'UTF8')))"
)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def store_readers(scope: TenantSession, reader: str) -> None:
    """As a document does whose first vector is stored, long before it is published."""
    await scope.connection.execute(_STORE_READERS, {"tenant_id": scope.tenant_id, "reader": reader})


async def is_waiting_for_a_lock(own: OwnDatabase) -> bool:
    """True while a transaction on the database waits for another."""
    async with own.tools.database.owner() as connection:
        return bool((await connection.execute(_WAITING)).scalar_one())
