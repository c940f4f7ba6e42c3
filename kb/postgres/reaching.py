"""The first connection to a configured server: waits for it, and says why it cannot be used."""

from time import monotonic, sleep
from typing import Final

import psycopg
import structlog

from kb.errors import DatabaseUnavailable, DatabaseUnfit, DiskFull, KnowledgeBaseError
from kb.postgres.connecting import conninfo
from kb.postgres.database import DISK_FULL

CONNECT_SECONDS: Final = 5
"""For one attempt: a host that drops packets says nothing."""

RETRY_SECONDS: Final = 0.5
"""Between two attempts."""

LEAST_POSTGRES: Final = 160_000
"""Postgres 16, as libpq writes it."""

LEAST_PGVECTOR: Final = (0, 8)
"""The first with iterative scans."""

_CANNOT_RUN_NOW: Final = ("starting up", "shutting down", "in recovery", "too many", "slots are")
"""In what a server says that refuses everybody, and will not for long."""

_LACKS_RIGHTS: Final = "42501"

log = structlog.get_logger(__name__)


def wait_until_reachable(database_url: str, *, patience_seconds: float) -> None:
    """Returns once the server accepts a connection.

    Raises DatabaseUnavailable when it cannot be reached in that time, and DatabaseUnfit at once
    when it refuses this login or the URL is none.
    """
    until = monotonic() + patience_seconds
    is_told = False
    while True:
        try:
            psycopg.connect(conninfo(database_url), connect_timeout=CONNECT_SECONDS).close()
        except (psycopg.ProgrammingError, ValueError) as error:
            # libpq repeats the URL, which holds the password.
            raise DatabaseUnfit(
                "FOOTNOTE_DATABASE_URL is no valid URL: special characters in the password or a "
                "folder are written as %25, %40 and so on."
            ) from error
        except psycopg.OperationalError as error:
            failure = connection_failure(error)
            if isinstance(failure, DatabaseUnfit) or monotonic() >= until:
                raise failure from error
            if not is_told:
                log.info("database.waiting", seconds=patience_seconds)
                is_told = True
            sleep(RETRY_SECONDS)
        else:
            return


def connection_failure(error: psycopg.OperationalError) -> KnowledgeBaseError:
    """The refusal of a connection, with the words of the server or the network."""
    reason = " ".join(str(error).removeprefix("connection failed: ").split())
    if "FATAL" in reason and not any(words in reason for words in _CANNOT_RUN_NOW):
        return DatabaseUnfit(
            f"The database refuses the login: {reason.partition('FATAL:')[2].strip()}. "
            "Check FOOTNOTE_DATABASE_URL."
        )
    return DatabaseUnavailable(
        f"The database cannot be reached: {reason.rstrip('.?')}. "
        "Check FOOTNOTE_DATABASE_URL and that the server runs."
    )


def require_fit(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """The versions of the server and of pgvector; DatabaseUnfit when Footnote cannot use them."""
    number = connection.info.server_version
    if number < LEAST_POSTGRES:
        raise DatabaseUnfit(
            f"The database is Postgres {number // 10_000}; Footnote needs 16 or newer."
        )
    row = connection.execute(
        "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions"
        " WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        raise DatabaseUnfit(
            "The database server has no pgvector: install it there "
            "(https://github.com/pgvector/pgvector), 0.8 or newer."
        )
    version = str(row[0])
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_PGVECTOR:
        raise DatabaseUnfit(
            f"The database has pgvector {version}; Footnote needs 0.8 or newer. After its update "
            "run 'ALTER EXTENSION vector UPDATE' there."
        )
    return f"Postgres {number // 10_000}, pgvector {version}"


def fit_versions(database_url: str) -> str:
    """The versions of the server and of pgvector; DatabaseUnfit when Footnote cannot use them."""
    with psycopg.connect(conninfo(database_url)) as connection:
        return require_fit(connection)


def schema_failure(error: psycopg.Error) -> KnowledgeBaseError | None:
    """What an operator can do about a migration's error; None for a fault of the migration."""
    said = error.diag.message_primary
    if error.sqlstate == DISK_FULL:
        return DiskFull("The disk of the database is full: free some space there.")
    if error.sqlstate == _LACKS_RIGHTS:
        return DatabaseUnfit(
            f"The login may not make the schema: {said}. Give it the rights that "
            "docs/how-to/install.md lists."
        )
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return DatabaseUnavailable(
            "The schema was not changed, because others use its tables: try again."
        )
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailable(f"The connection to the database was lost: {said or error}.")
    return None
