"""The connections of a process: where they go, how many there are, and what is done with each."""

from collections.abc import Sequence
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper
from psycopg.sql import SQL
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from kb.errors import DatabaseUnavailable, DatabaseUnfit, KnowledgeBaseError, Overloaded
from kb.postgres.asyncio_engine import AsyncEngine, create_async_engine

AT_ONCE_CONNECTIONS: Final = 4
"""Beside the pool, for statements of less than a millisecond: a third of the processor time."""

STORING_CONNECTIONS: Final = 3
"""The same for those that store: they wait for the disk and for locks, and others not for them."""

AT_ONCE_PATIENCE_SECONDS: Final = 0.25
"""Who cannot have one of them takes a connection of the pool."""

PING_AFTER_IDLE_SECONDS = 1.0
"""A server that restarts is away for longer than that."""

CHECKOUT_SECONDS: Final = 10.0
"""For one of the pool's connections: a caller who waited longer is told to come back."""

_TOO_MANY_CONNECTIONS: Final = "53300"
"""The server's limit, the database's or the login's. Source: PostgreSQL, appendix A."""

_REFUSES_MORE: Final = ("too many", "connection slots")
"""In what the server says then: libpq has no state of a connection that was refused."""


def sqlalchemy_url(database_url: str) -> str:
    """The URL with the driver Footnote uses; Misconfigured when it is not a Postgres URL."""
    scheme = urlsplit(database_url).scheme
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise DatabaseUnfit(
            f"FOOTNOTE_DATABASE_URL must start with 'postgresql://', not {scheme + '://'!r}."
        )
    return "postgresql+psycopg" + database_url[len(scheme) :]


def conninfo(database_url: str) -> str:
    """The URL as libpq takes it; Misconfigured when it is not a Postgres URL."""
    return sqlalchemy_url(database_url).replace("+psycopg", "", 1)


def pooled_engine(database_url: str, *, pool_size: int) -> AsyncEngine:
    """For transactions; connects lazily."""
    # prepare_threshold None: a server-side prepared statement keeps a generic plan, which
    # ignores SET hnsw.* and index choice, and breaks transaction poolers.
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CHECKOUT_SECONDS,
        connect_args={"prepare_threshold": None, "connect_timeout": 10},
    )
    event.listen(engine.sync_engine, "connect", _send_vectors_in_binary)
    event.listen(engine.sync_engine, "checkin", _note_time)
    event.listen(engine.sync_engine, "checkout", _ping_if_idle)
    return engine


class FewConnections:
    """For statements that are transactions of their own; connects lazily."""

    def __init__(self, database_url: str, size: int) -> None:
        """Nothing is opened yet."""
        self._database_url = database_url
        self._size = size
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]] | None = None

    async def fetch(self, statement: SQL | bytes, parameters: Sequence[object]) -> tuple[Any, ...]:
        """The one row of the statement."""
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                conninfo(self._database_url),
                kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 10},
                min_size=0,
                max_size=self._size,
                timeout=AT_ONCE_PATIENCE_SECONDS,
                reconnect_timeout=AT_ONCE_PATIENCE_SECONDS,
                open=False,
            )
        await self._pool.open()
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, parameters, binary=True)
            (row,) = await cursor.fetchall()
        return row

    @property
    def is_used(self) -> bool:
        """True once something was fetched."""
        return self._pool is not None

    async def close(self) -> None:
        """Closes what was opened."""
        if self._pool is not None:
            await self._pool.close()


def unreached(cause: BaseException | None, state: str | None) -> KnowledgeBaseError:
    """The error of a server that did not answer, or has no connection left for us."""
    said = str(cause)
    if state == _TOO_MANY_CONNECTIONS or (
        "FATAL" in said and any(words in said for words in _REFUSES_MORE)
    ):
        return Overloaded("The database has no connection left: 'footnote doctor' counts them.")
    return DatabaseUnavailable()


def _send_vectors_in_binary(connection: DBAPIConnection, _record: object) -> None:
    """Vectors go out as bytes: 3 microseconds each, where pgvector's text takes 200."""
    connection.driver_connection.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)


def _note_time(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = monotonic()


def _ping_if_idle(
    connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Replaces a connection that died in the pool; one used a moment ago is not asked again.

    SQLAlchemy's own pre-ping asks every time, one round trip of the few that a search takes.
    """
    if monotonic() - record.info.get("idle_since", monotonic()) < PING_AFTER_IDLE_SECONDS:
        return
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT 1")
    except psycopg.OperationalError as error:
        raise DisconnectionError from error
    finally:
        cursor.close()
    connection.rollback()
