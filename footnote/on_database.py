"""Work of commands on the database alone: no model, no index, no file is opened."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

from kb.postgres.database import Database, TenantSession, retried
from kb.postgres.embedded_postgres import database_url
from kb.postgres.row_security import probe_row_security
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.tenants import Tenant, list_tenants, tenant_by_name
from migrations.run import require_current, upgrade

T = TypeVar("T")

COMMAND_LINE: Final = Actor(name="command line", principals=(), request_id=None, is_admin=True)


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@contextmanager
def upgraded_database(settings: Settings) -> Iterator[str]:
    """The URL of the database; an embedded one has the newest schema."""
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        yield url


@asynccontextmanager
async def open_database(settings: Settings, database_url: str) -> AsyncIterator[Database]:
    """A database whose schema is current and whose row security was seen to bite."""
    require_current(database_url)
    database = Database(database_url, pool_size=settings.database_pool_size)
    try:
        await probe_row_security(database)
        yield database
    finally:
        await database.close()


def on_database(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    """The result of `act`, after the schema of an embedded Postgres is brought up to date."""
    with upgraded_database(settings) as url:
        return asyncio.run(_run(settings, url, act))


async def _run(settings: Settings, url: str, act: Callable[[Database], Awaitable[T]]) -> T:
    async with open_database(settings, url) as database:
        return await act(database)


def on_tenant(settings: Settings, name: str, act: Callable[[TenantSession], Awaitable[T]]) -> T:
    """The result of `act` in a transaction on the whole tenant; tried again after a conflict."""

    async def on_its_rows(database: Database) -> T:
        async with database.system() as system:
            owner = await tenant_by_name(system, name)

        async def transaction() -> T:
            async with database.tenant(owner.id, viewer=None) as scope:
                return await act(scope)

        return await retried(transaction)

    return on_database(settings, on_its_rows)


async def chosen_tenants(database: Database, name: str | None) -> list[Tenant]:
    """The tenant of this name; None: all tenants, by name."""
    async with database.system() as system:
        if name is None:
            return await list_tenants(system)
        return [await tenant_by_name(system, name)]
