"""The number of connections that the server lets this login open, all processes together."""

from dataclasses import dataclass
from typing import Final

import psycopg

from kb.postgres.connecting import conninfo
from kb.postgres.reaching import CONNECT_SECONDS, connection_failure

_LIMITS: Final = """
    SELECT current_setting('max_connections')::int
               - CASE WHEN login.rolsuper THEN 0 ELSE
                     current_setting('superuser_reserved_connections')::int
                     + current_setting('reserved_connections')::int END,
           CASE WHEN NOT login.rolsuper THEN nullif(database.datconnlimit, -1) END,
           CASE WHEN NOT login.rolsuper THEN nullif(login.rolconnlimit, -1) END
    FROM pg_roles AS login, pg_database AS database
    WHERE login.rolname = session_user AND database.datname = current_database()
"""
"""None: unlimited. Source: PostgreSQL, 19.3 Connections and Authentication; CREATE ROLE."""


@dataclass(frozen=True, kw_only=True)
class ConnectionLimit:
    """The limit that is met first, and what sets it, as part of a sentence."""

    connections: int
    set_by: str


def connection_limit(database_url: str) -> ConnectionLimit:
    """The limit of the server, of the database or of the login, whichever is least.

    A pooler between here and the server may let in more, or fewer. DatabaseUnavailable when there
    is none left to ask it with.
    """
    try:
        with psycopg.connect(conninfo(database_url), connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute(_LIMITS).fetchone()
    except psycopg.OperationalError as error:
        raise connection_failure(error) from error
    assert row is not None  # noqa: S101  # we are logged in
    names = (
        "max_connections less what is reserved",
        "CONNECTION LIMIT of the database",
        "CONNECTION LIMIT of the login",
    )
    found = [
        ConnectionLimit(connections=number, set_by=name)
        for number, name in zip(row, names, strict=True)
        if number is not None
    ]
    return min(found, key=lambda limit: limit.connections)
