"""The database connections that the processes of a service open, beside what the server allows."""

from typing import Final

import structlog

from kb.errors import Misconfigured
from kb.postgres.connecting import AT_ONCE_CONNECTIONS, STORING_CONNECTIONS
from kb.postgres.connection_limit import connection_limit
from kb.settings import Settings
from kb.store.queue import QUEUE_POOL_SIZE

INDEX_CONNECTIONS: Final = 6
"""For four that write lexical indexes, one that reads sketches, and one that looks what to do."""

LEAST_CONNECTIONS_OF_API: Final = 2
"""One of its pool and one for its indexes: with fewer a process answers nothing."""

WAYS_OUT: Final = (
    "Raise the limit where the database runs, lower FOOTNOTE_DATABASE_POOL_SIZE, or run fewer "
    "processes: what gets no connection answers 503 'overloaded'."
)

log = structlog.get_logger(__name__)


def connections_of_api(settings: Settings) -> int:
    """The most that one process of the API opens.

    Of its pool, to settle searches, to store answers, and for indexes.
    """
    beside = AT_ONCE_CONNECTIONS + STORING_CONNECTIONS + INDEX_CONNECTIONS
    return settings.database_pool_size + beside


def connections_of_worker(settings: Settings) -> int:
    """The most that a worker opens: its pool, the queue's, one that listens, its heartbeat's."""
    return settings.database_pool_size + QUEUE_POOL_SIZE + 2


def check_connections(settings: Settings, database_url: str, *, processes: int) -> None:
    """Logs a warning when so many processes of the API can want more than there are.

    Raises Misconfigured when not even the least that they need is allowed.
    """
    limit = connection_limit(database_url)
    least = processes * LEAST_CONNECTIONS_OF_API
    if least > limit.connections:
        raise Misconfigured(
            f"{processes} processes of the API need {least} database connections, and the server "
            f"allows {limit.connections} ({limit.set_by}): raise that, or run fewer processes."
        )
    most = processes * connections_of_api(settings)
    if most > limit.connections:
        log.warning(
            "database.too_few_connections",
            processes=processes,
            wanted=most,
            allowed=limit.connections,
            set_by=limit.set_by,
            mend=WAYS_OUT,
        )
