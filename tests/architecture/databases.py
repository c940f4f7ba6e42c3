"""Databases of their own, for tests that build or take down a whole schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from kb.postgres.connecting import conninfo


def with_database(server_url: str, name: str) -> str:
    """The URL of another database of the server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def with_login(database_url: str, name: str) -> str:
    """The URL for another login; the embedded server asks for no password."""
    return make_url(database_url).set(username=name).render_as_string(hide_password=False)


@contextmanager
def empty_database(server_url: str) -> Iterator[str]:
    """The URL of a new database, dropped at the end."""
    name = f"footnote_test_{uuid4().hex}"
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield with_database(server_url, name)
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


def execute(database_url: str, *statements: str) -> None:
    """Runs the statements one by one, each committed."""
    with psycopg.connect(conninfo(database_url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def values(database_url: str, query: str) -> set[str]:
    """The first column of the rows."""
    with psycopg.connect(conninfo(database_url)) as connection:
        return {str(row[0]) for row in connection.execute(query.encode())}
