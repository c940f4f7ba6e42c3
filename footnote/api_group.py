"""The processes of one API: they share its port and its home, and their parent keeps them running.

The parent takes the port, starts the database, and serves nothing itself. Its children inherit the
sockets, so that one that dies leaves what waits there to the others. Not uvicorn's own supervisor:
it starts a child that cannot live again and again, and knows neither the database nor the deadline
of a stop.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Self

import structlog

from footnote.connection_demand import check_connections
from footnote.listening import Listener, SharedSocket
from footnote.service_process import database_parts
from footnote.supervisor import Child, Supervisor
from kb import stopping
from kb.postgres.embedded_postgres import DatabaseServer
from kb.process_metrics import listening_socket
from kb.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Inherited:
    """What a process of the group has from its parent: its number, from 1, and descriptors."""

    parent: int
    number: int
    listening_at: Sequence[int]
    shown_at: Sequence[int]
    """Where each process of the group shows its metrics, by number."""
    told_at: int
    """Where it says that it listens."""

    @classmethod
    def read(cls, text: str) -> Self:
        """The opposite of `written`."""
        return cls(**json.loads(text))

    def written(self) -> str:
        """As a word of a command line."""
        return json.dumps(asdict(self))

    @property
    def name(self) -> str:
        """The name of the process among those of its group."""
        return _name(self.number)

    @property
    def descriptors(self) -> list[int]:
        """All that are inherited."""
        return [*self.listening_at, *self.shown_at, self.told_at]

    @contextmanager
    def listener(self, host: str, port: int) -> Iterator[Listener]:
        """The address that the parent has taken."""
        with ExitStack() as sockets:
            inherited: list[socket.socket] = [
                sockets.enter_context(SharedSocket(fileno=each)) for each in self.listening_at
            ]
            yield Listener(host=host, port=port, sockets=inherited)

    @contextmanager
    def others(self) -> Iterator[Mapping[str, socket.socket]]:
        """Where the others show their metrics, by their names."""
        with ExitStack() as sockets:
            yield {
                _name(number): sockets.enter_context(socket.socket(fileno=descriptor))
                for number, descriptor in enumerate(self.shown_at, 1)
                if number != self.number
            }

    def say_that_it_listens(self) -> None:
        """Tells the parent."""
        os.write(self.told_at, bytes([self.number]))


def run_group(
    processes: int, settings: Settings, server: DatabaseServer, listener: Listener
) -> None:
    """Runs so many processes of the API until a stop.

    Raises KeepsDying when one of them cannot start, or ends as often as it is started, and
    Misconfigured when the database has no connections for all.
    """
    check_connections(settings, server.url, processes=processes)
    with ExitStack() as stack:
        shown_at = [stack.enter_context(listening_socket()) for _ in range(processes)]
        heard_at, told_at = os.pipe()
        stack.callback(os.close, heard_at)
        stack.callback(os.close, told_at)
        children = [
            _child(
                listener,
                Inherited(
                    parent=os.getpid(),
                    number=number,
                    listening_at=[each.fileno() for each in listener.sockets],
                    shown_at=[each.fileno() for each in shown_at],
                    told_at=told_at,
                ),
            )
            for number in range(1, processes + 1)
        ]
        with Supervisor([*database_parts(server), *children], home=settings.home_path) as watched:
            _wait_until_all_listen(heard_at, children)
            log.info("api.listening", host=listener.host, port=listener.port, processes=processes)
            # Returns at a stop; nothing is started after that.
            with stopping.on_request(lambda: None):
                watched.join()
            # Children that have stopped take no connection that waits here.
            for each in listener.sockets:
                each.close()


def _name(number: int) -> str:
    return f"api-{number}"


def _child(listener: Listener, inherited: Inherited) -> Child:
    command = [sys.executable, "-m", "footnote", "api", "--host", listener.host]
    command += ["--port", str(listener.port), "--inherited", inherited.written()]
    return Child(
        inherited.name, command, descriptors=inherited.descriptors, kind="api", has_begun=False
    )


def _wait_until_all_listen(heard_at: int, children: Sequence[Child]) -> None:
    """A signal, or a child that cannot start, ends the wait."""
    while not all(child.has_begun for child in children):
        select.select([heard_at], [], [])
        for number in os.read(heard_at, len(children)):
            children[number - 1].has_begun = True
