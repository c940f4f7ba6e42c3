"""Upgrades and downgrades a database; safe when several processes start at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from kb.errors import DatabaseUnavailable, SchemaOutOfDate
from kb.postgres.database import sqlalchemy_url
from kb.postgres.reaching import connection_failure, require_fit, schema_failure

ADVISORY_LOCK = 0x466F6F74
"""'Foot': any number that nobody else locks in the same database."""

SchemaState = Literal["current", "none", "older", "newer"]
"""Newer: of a release that this one does not know."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Brings the schema to the revision.

    Raises DatabaseUnavailable when there is no server, DatabaseUnfit when it lacks something,
    SchemaOutOfDate when a newer release has been there, and DiskFull.
    """
    if schema_state(database_url) == "newer":
        raise _out_of_date("newer")
    _run(database_url, lambda config: command.upgrade(config, revision))


def downgrade(database_url: str, revision: str = "base") -> None:
    """Takes the schema back to the revision; what later revisions held is lost."""
    _run(database_url, lambda config: command.downgrade(config, revision))


def schema_state(database_url: str) -> SchemaState:
    """The schema beside the one that this release needs."""
    with _connection(database_url) as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present is None:
        return "none"
    known = ScriptDirectory.from_config(_config())
    if present == known.get_current_head():
        return "current"
    is_known = any(script.revision == present for script in known.walk_revisions())
    return "older" if is_known else "newer"


def is_current(database_url: str) -> bool:
    """True when the schema is the one that this release needs."""
    return schema_state(database_url) == "current"


def require_current(database_url: str) -> None:
    """Returns when the schema is the one that this release needs; SchemaOutOfDate says what is."""
    state = schema_state(database_url)
    if state != "current":
        raise _out_of_date(state)


def _out_of_date(state: SchemaState) -> SchemaOutOfDate:
    if state == "newer":
        return SchemaOutOfDate(
            "The database schema is of a newer release of Footnote: install that release."
        )
    if state == "none":
        return SchemaOutOfDate("The database has no schema yet: run 'footnote db upgrade'.")
    return SchemaOutOfDate()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def _run(database_url: str, act: Callable[[Config], None]) -> None:
    with _connection(database_url) as guard, _connection(database_url) as connection:
        _lock(guard)
        require_fit(_driver(connection))
        config = _config()
        config.attributes["connection"] = connection
        try:
            act(config)
            connection.commit()
        except DBAPIError as error:
            failure = schema_failure(error.orig) if isinstance(error.orig, psycopg.Error) else None
            if failure is None:
                raise
            raise failure from error


def _driver(connection: Connection) -> psycopg.Connection[tuple[object, ...]]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  # of our own URL
    return driver


@contextmanager
def _connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    try:
        connection = engine.connect()
    except OperationalError as error:
        if isinstance(error.orig, psycopg.OperationalError):
            raise connection_failure(error.orig) from error
        raise DatabaseUnavailable from error
    with connection:
        yield connection


def _lock(guard: Connection) -> None:
    """Held until the guarding connection closes."""
    guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
