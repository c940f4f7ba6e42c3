"""What every process of a service does around its work: settings, log, database, start and end."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from footnote.supervisor import Database
from kb import stopping
from kb.disk import home_failure, is_disk_full
from kb.logs import configure_logging, logged_process
from kb.postgres.embedded_postgres import DatabaseServer, database_server
from kb.settings import Settings, unknown_variables
from migrations.run import require_current

log = structlog.get_logger(__name__)


@contextmanager
def service(*, is_child: bool = False) -> Iterator[Settings]:
    """The settings of a service, which runs inside the block."""
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    stopping.treat_sigterm_as_success()
    for variable in [] if is_child else unknown_variables():
        log.warning("setting.unknown", variable=variable)
    try:
        yield settings
    except OSError as error:
        if not is_disk_full(error):
            raise
        # Below the home something is written all the time.
        raise home_failure(settings.home, error) from error


@contextmanager
def started(
    name: str, settings: Settings, prepare_schema: Callable[[str], None] = require_current
) -> Iterator[DatabaseServer]:
    """The service's database; its start and end are logged around the block.

    One that cannot start says so in one line, and has nothing to log.
    """
    with database_server(settings) as server:
        prepare_schema(server.url)
        with logged_process(name, home=str(settings.home.expanduser())):
            yield server


def database_parts(server: DatabaseServer) -> list[Database]:
    """The server, where it is ours to keep running."""
    return [Database(server.embedded)] if server.embedded is not None else []


@contextmanager
def group_ended_without(parent: int | None) -> Iterator[None]:
    """Ends this process's group when the parent was killed: nobody else would."""

    def end_group(_seconds: float) -> None:
        if parent is not None and os.getppid() != parent and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)

    with stopping.on_kill(end_group):
        try:
            yield
        finally:
            end_group(0)


async def stop_with(parent: int) -> None:
    """Stops this process when its parent was killed and could not stop it."""
    while os.getppid() == parent:  # noqa: ASYNC110  # nothing tells when a parent dies
        await asyncio.sleep(1)
    log.warning("process.parent_gone")
    os.kill(os.getpid(), signal.SIGTERM)
