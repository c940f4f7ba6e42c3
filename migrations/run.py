"""Upgrades and downgrades a database; safe when several processes start at once.

Alembic, which takes .3 s of a core to import, is imported when there is something to do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import psycopg
import structlog
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from kb.errors import DatabaseUnavailable, SchemaOutOfDate
from kb.postgres.connecting import conninfo, sqlalchemy_url
from kb.postgres.reaching import connection_failure, require_fit, schema_failure

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS: Final = Path(__file__).parent / "versions"

log = structlog.get_logger(__name__)

ADVISORY_LOCK = 0x466F6F74
"""'Foot': any number that nobody else locks in the same database."""

SchemaState = Literal["current", "none", "older", "newer"]
"""Newer: of a release that this one does not know."""


def upgrade(database_url: str, revision: str = "head") -> None:
    """Brings the schema to the revision.

    Raises DatabaseUnavailable when there is no server, DatabaseUnfit when it lacks something,
    SchemaOutOfDate when a newer release has been there, and DiskFull.
    """
    state = schema_state(database_url)
    if state == "newer":
        raise _out_of_date(state)
    if revision == "head" and state == "current":
        return
    from alembic import command

    def act(config: "Config") -> None:
        before = _present_revision(config)
        command.upgrade(config, revision)
        after = _present_revision(config)
        if after != before:
            log.info("database.upgraded", before=before, after=after)

    _run(database_url, act)


def _present_revision(config: "Config") -> str | None:
    from alembic.runtime.migration import MigrationContext

    connection: Connection = config.attributes["connection"]
    return MigrationContext.configure(connection).get_current_revision()


def downgrade(database_url: str, revision: str = "base") -> None:
    """Takes the schema back to the revision; what later revisions held is lost."""
    from alembic import command

    _run(database_url, lambda config: command.downgrade(config, revision))


def schema_state(database_url: str) -> SchemaState:
    """The schema beside the one that this release needs."""
    try:
        with psycopg.connect(conninfo(database_url)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    except psycopg.OperationalError as error:
        raise connection_failure(error) from error
    if row is None:
        return "none"
    # Their numbers have one length, so that they sort like numbers.
    present, needed = str(row[0]), head()
    return "current" if present == needed else "older" if present < needed else "newer"


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


def head() -> str:
    """The newest revision: the number that the last file of `versions` begins with."""
    return max(path.name for path in VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def _run(database_url: str, act: "Callable[[Config], None]") -> None:
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
