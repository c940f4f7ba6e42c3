"""Transactions, each opened for one tenant and one viewer, or for the system.

Row security does the filtering; the roles are made by the migrations:
`footnote_reader` sees the rows of one tenant whose principals it carries, `footnote_writer` all
rows of one tenant, `footnote_system` tenants, credentials and nothing that a document says.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from random import SystemRandom
from time import monotonic
from typing import Any, Final, Protocol, TypeVar, cast

import psycopg
import structlog
from psycopg.sql import SQL, Composed, Identifier, Placeholder
from sqlalchemy import text
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kb.errors import (
    DatabaseUnavailable,
    DiskFull,
    Overloaded,
    TenantNotFound,
    TransactionConflict,
)
from kb.ids import TenantId
from kb.postgres.asyncio_engine import AsyncConnection
from kb.postgres.connecting import (
    AT_ONCE_CONNECTIONS,
    STORING_CONNECTIONS,
    FewConnections,
    pooled_engine,
    unreached,
)
from kb.principals import Uploader, person_of

log = structlog.get_logger(__name__)

EVERYONE = "tenant:*"
"""The principal that every member of a tenant has."""

LOCK_TIMEOUT = "20s"
"""Writers of one tenant queue on its row; one that waits longer is told to try again."""

SHORT_LOCK_TIMEOUT: Final = "100ms"
"""For one of the few connections that store: who waits longer does so in the pool."""

TRIES: Final = 4
"""Two that deadlock need one more each; whoever loses four times in a row is told so."""

MAX_PAUSE_SECONDS: Final = 0.1
"""Before the first further try, doubled with each: a transaction takes milliseconds."""

_LOCK_NOT_AVAILABLE: Final = "55P03"
_CONFLICTS: Final = frozenset({"40P01", "40001", _LOCK_NOT_AVAILABLE})
"""Deadlock, serialization failure, lock timeout. Source: PostgreSQL, appendix A."""

DISK_FULL: Final = "53100"
"""The state of a statement for which the server's disk has no room. Source: as above."""

DISK_FULL_SECONDS: Final = 15.0
"""A disk counts as full for so long after a statement met it; only another one would tell."""

_TENANT_KEY: Final = "_tenant_id_fkey"
"""Ends Postgres' names of the keys by which rows belong to their tenant."""

_ENTER = text(
    """
    SELECT set_config('role', :role, true),
           set_config('footnote.tenant_id', :tenant_id, true),
           set_config('footnote.principals', CAST(CAST(:principals AS text[]) AS text), true),
           set_config('footnote.owner', :owner, true),
           set_config('lock_timeout', :lock_timeout, true)
    """
)
_RANDOM = SystemRandom()
_SET_ROLE = text("SELECT set_config('role', :role, true)")


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """The reader for whom a transaction reads rows.

    `owner` names an uploader; what somebody uploaded stays theirs to manage even when they are
    not among its readers. Search and answers leave it empty.
    """

    principals: tuple[str, ...]
    owner: str = ""

    @property
    def uploader(self) -> Uploader | None:
        """The uploader whose uploads this viewer follows; None: nobody."""
        if not self.owner:
            return None
        return Uploader(name=self.owner, person=person_of(self.principals))


class TenantCaller(Protocol):
    """A tenant whose rows a function in the database is called for: see `Database.at_once`."""

    @property
    def tenant_id(self) -> TenantId:
        """The tenant, which the function gets as its first argument."""

    @property
    def viewer(self) -> Viewer | None:
        """The reader that it acts as; None: the whole tenant."""

    async def call(self, function: str, arguments: Sequence[object]) -> tuple[Any, ...]:
        """The function's one row; `arguments` are those after the tenant."""


@dataclass(frozen=True, kw_only=True)
class TenantSession:
    """An open transaction on one tenant's rows."""

    connection: AsyncConnection
    tenant_id: TenantId
    viewer: Viewer | None
    """None: the whole tenant, as the worker and the index follower see it."""

    async def fetch_binary(
        self, statement: Composed, parameters: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement whose results are bytes; as text they would be twice as long."""
        raw = await self.connection.get_raw_connection()
        driver = cast("psycopg.AsyncConnection[tuple[Any, ...]]", raw.driver_connection)
        async with driver.cursor(binary=True) as cursor:
            await cursor.execute(statement, parameters)
            return await cursor.fetchall()

    async def call(self, function: str, arguments: Sequence[object]) -> tuple[Any, ...]:
        """The one row of a function in the database, called within the transaction."""
        raw = await self.connection.get_raw_connection()
        driver = cast("psycopg.AsyncConnection[tuple[Any, ...]]", raw.driver_connection)
        statement = call_of(function, len(arguments))
        cursor = await driver.execute(statement, (self.tenant_id, *arguments), binary=True)
        (row,) = await cursor.fetchall()
        return row

    @asynccontextmanager
    async def whole_tenant(self) -> AsyncIterator["TenantSession"]:
        """The same transaction with the whole tenant in view, for writes after a check."""
        await self.connection.execute(_SET_ROLE, {"role": "footnote_writer"})
        yield TenantSession(connection=self.connection, tenant_id=self.tenant_id, viewer=None)
        role = "footnote_reader" if self.viewer else "footnote_writer"
        await self.connection.execute(_SET_ROLE, {"role": role})

    @asynccontextmanager
    async def as_system(self) -> AsyncIterator["SystemSession"]:
        """The same transaction across tenants, to delete this one. Needs a whole-tenant scope."""
        await self.connection.execute(_SET_ROLE, {"role": "footnote_system"})
        yield SystemSession(connection=self.connection)
        role = "footnote_reader" if self.viewer else "footnote_writer"
        await self.connection.execute(_SET_ROLE, {"role": role})


@dataclass(frozen=True, kw_only=True)
class TenantCall:
    """A transaction on one tenant's rows that is one call, made in one round trip.

    It may be made twice, as when a connection is lost: what the function stores is stored once.
    """

    database: "Database"
    tenant_id: TenantId
    viewer: Viewer | None

    async def call(self, function: str, arguments: Sequence[object]) -> tuple[Any, ...]:
        """The function's one row; errors as for `Database.owner`."""
        entry = _entry(self.tenant_id, self.viewer)
        entered = (entry["role"], self.tenant_id, entry["principals"], entry["owner"])
        statement = call_of(function, len(arguments), is_entering=True)
        return await self.database.store(statement, (*entered, *arguments))


@dataclass(frozen=True, kw_only=True)
class SystemSession:
    """An open transaction on tenants, credentials and embedding spaces, across tenants."""

    connection: AsyncConnection


def constraint_of(error: IntegrityError | psycopg.IntegrityError) -> str | None:
    """The name of the constraint that a statement would have broken."""
    cause = error.orig if isinstance(error, IntegrityError) else error
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None


class Database:
    """A pool of connections and the only way to a transaction."""

    def __init__(self, database_url: str, *, pool_size: int) -> None:
        """Connects lazily."""
        self.database_url = database_url
        self._disk_full_at: float | None = None
        self._settling = FewConnections(database_url, AT_ONCE_CONNECTIONS)
        self._storing = FewConnections(database_url, STORING_CONNECTIONS)
        self.engine = pooled_engine(database_url, pool_size=pool_size)
        # The same pool; only what BEGIN says differs.
        self._snapshot_engine = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def tenant(
        self, tenant_id: TenantId, *, viewer: Viewer | None, is_snapshot: bool = False
    ) -> AsyncIterator[TenantSession]:
        """A transaction on one tenant: committed at the end, rolled back on an exception.

        With `is_snapshot` all its reads see one and the same state.
        """
        async with self.owner(is_snapshot=is_snapshot) as connection:
            await connection.execute(_ENTER, _entry(tenant_id, viewer))
            yield TenantSession(connection=connection, tenant_id=tenant_id, viewer=viewer)

    def at_once(self, tenant_id: TenantId, *, viewer: Viewer | None) -> TenantCall:
        """A transaction on one tenant that is one call of a function, in one round trip."""
        return TenantCall(database=self, tenant_id=tenant_id, viewer=viewer)

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemSession]:
        """A transaction across tenants, without a view of any document."""
        async with self.owner() as connection:
            await connection.execute(_SET_ROLE, {"role": "footnote_system"})
            yield SystemSession(connection=connection)

    @asynccontextmanager
    async def owner(self, *, is_snapshot: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction as the login role, for creating an embedding space's table.

        Raises TransactionConflict when others got in its way, DatabaseUnavailable without a server,
        Overloaded without a free connection, DiskFull when the server has no room, TenantNotFound
        when its tenant was deleted meanwhile.
        """
        engine = self._snapshot_engine if is_snapshot else self.engine
        with self._translating_errors():
            async with engine.begin() as connection:
                yield connection

    async def fetch_at_once(
        self, statement: SQL | bytes, parameters: Sequence[object]
    ) -> tuple[Any, ...]:
        """The one row of a statement that is a transaction of its own, in one round trip.

        Its role and its tenant it has to set itself: it is a call of a function that does. Errors
        as for `owner`.
        """
        with self._translating_errors():
            return await self._settling.fetch(statement, parameters)

    async def fetch(self, statement: SQL | bytes, parameters: Sequence[object]) -> tuple[Any, ...]:
        """As `fetch_at_once`, by a connection of the pool when none of those few can be used.

        The statement may so be executed twice.
        """
        try:
            return await self.fetch_at_once(statement, parameters)
        except (DatabaseUnavailable, Overloaded):
            return await self._fetch(statement, parameters)

    async def store(self, statement: SQL | bytes, parameters: Sequence[object]) -> tuple[Any, ...]:
        """As `fetch`, by connections apart. The statement gets a `lock_timeout` before the rest."""
        try:
            with self._translating_errors():
                return await self._storing.fetch(statement, (SHORT_LOCK_TIMEOUT, *parameters))
        except (DatabaseUnavailable, Overloaded):
            pass
        except TransactionConflict as error:
            if not error.has_waited:
                raise
        return await self._fetch(statement, (LOCK_TIMEOUT, *parameters))

    async def _fetch(self, statement: SQL | bytes, parameters: Sequence[object]) -> tuple[Any, ...]:
        async with self.owner() as connection:
            raw = await connection.get_raw_connection()
            driver = cast("psycopg.AsyncConnection[tuple[Any, ...]]", raw.driver_connection)
            cursor = await driver.execute(statement, parameters, binary=True)
            (row,) = await cursor.fetchall()
        return row

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        try:
            yield
        except (
            OperationalError,
            InterfaceError,
            psycopg.OperationalError,
            psycopg.InterfaceError,
        ) as error:
            # The driver's error, or SQLAlchemy's around it.
            cause = error.orig if isinstance(error, DBAPIError) else error
            state = getattr(cause, "sqlstate", None)
            if state in _CONFLICTS:
                raise TransactionConflict(has_waited=state == _LOCK_NOT_AVAILABLE) from error
            if state == DISK_FULL:
                self._disk_full_at = monotonic()
                log.error("disk.full", place="database", error="ENOSPC", sqlstate=state)  # noqa: TRY400  # its text names files
                raise DiskFull("The disk of the database is full.") from error
            raise unreached(cause, state) from error
        except PoolTimeoutError as error:
            raise Overloaded("All database connections of this process are in use.") from error
        except (IntegrityError, psycopg.IntegrityError) as error:
            if (constraint_of(error) or "").endswith(_TENANT_KEY):
                raise TenantNotFound from error
            raise
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable from error
            raise

    @property
    def is_disk_full(self) -> bool:
        """True when a statement of this process has lately met a full disk."""
        at = self._disk_full_at
        return at is not None and monotonic() - at < DISK_FULL_SECONDS

    async def close(self) -> None:
        """Closes all connections."""
        await self.engine.dispose()
        await self._settling.close()
        await self._storing.close()


@asynccontextmanager
async def system_within(connection: AsyncConnection) -> AsyncIterator[SystemSession]:
    """The owner's transaction across tenants, for the length of the block."""
    await connection.execute(_SET_ROLE, {"role": "footnote_system"})
    yield SystemSession(connection=connection)
    await connection.execute(_SET_ROLE, {"role": "none"})


@asynccontextmanager
async def tenant_within(
    connection: AsyncConnection, tenant_id: TenantId
) -> AsyncIterator[TenantSession]:
    """The owner's transaction with a whole tenant in view, for the length of the block."""
    await connection.execute(_ENTER, _entry(tenant_id, None))
    yield TenantSession(connection=connection, tenant_id=tenant_id, viewer=None)
    await connection.execute(_SET_ROLE, {"role": "none"})


@cache
def call_of(function: str, argument_count: int, *, is_entering: bool = False) -> bytes:
    """The statement that calls a function with a tenant and so many further arguments.

    With `is_entering`, after it has taken on a `lock_timeout`, a role, that tenant, principals and
    an owner.
    """
    name, places = Identifier(function), SQL(", ").join([Placeholder()] * argument_count)
    if is_entering:
        # The call needs what has been entered, and so comes after it.
        statement = SQL(
            "SELECT called.* FROM footnote_enter(%s, %s, %s, %s::text[], %s) AS entered (tenant),"
            " LATERAL {}(entered.tenant, {}) AS called"
        )
    else:
        statement = SQL("SELECT * FROM {}(%s, {})")
    return statement.format(name, places).as_bytes(None)


def _entry(tenant_id: TenantId, viewer: Viewer | None) -> dict[str, object]:
    return {
        "role": "footnote_reader" if viewer else "footnote_writer",
        "tenant_id": str(tenant_id),
        "principals": list(viewer.principals) if viewer else [],
        "owner": viewer.owner if viewer else "",
        "lock_timeout": LOCK_TIMEOUT,
    }


Result = TypeVar("Result")


async def retried(transaction: Callable[[], Awaitable[Result]]) -> Result:
    """The transaction's result; it is run again when others got in its way.

    It opens and ends the transaction itself and does nothing else that lasts. Raises
    TransactionConflict after the last try, and at once when it has waited for a lock in vain.
    """
    for number in range(TRIES - 1):
        try:
            return await transaction()
        except TransactionConflict as error:
            if error.has_waited:
                raise
        # At random, so that the two do not meet again.
        await asyncio.sleep(_RANDOM.uniform(0, MAX_PAUSE_SECONDS * 2**number))
    return await transaction()
