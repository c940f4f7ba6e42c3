"""The address that a service listens on, taken before anything else is started."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from kb.errors import AddressUnusable, KnowledgeBaseError


@dataclass(frozen=True, kw_only=True)
class Listener:
    """An address that is ours, with a socket for each family, which do not listen yet."""

    host: str
    port: int
    sockets: list[socket.socket]

    @property
    def url(self) -> str:
        """The URL by which this machine reaches the service that will listen here."""
        host = "127.0.0.1" if self.is_everywhere else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_everywhere(self) -> bool:
        """True for all addresses of this machine."""
        return self.host in {"0.0.0.0", "::", ""}  # noqa: S104  # recognised, not bound


class SharedSocket(socket.socket):
    """A listening socket of several processes, of which none takes all that waits.

    asyncio accepts until nothing is left: of 32 connections that come at once one of 3 processes
    had 28 to 30 (median of 40 rounds), for as long as they last; so 16. This one says after each
    that there is no more: the loop does first what it has to do, and others take their turn.
    uvloop would accept without asking it.
    """

    _has_accepted = False

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, every other time."""
        self._has_accepted = not self._has_accepted
        if not self._has_accepted:
            raise BlockingIOError
        return super().accept()


@contextmanager
def bound_to(host: str, port: int) -> Iterator[Listener]:
    """Takes the address before anything else is started; AddressUnusable says what is wrong."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise AddressUnusable(
            f"{host!r} is no address or name of this machine: choose another with --host."
        ) from error
    bound: list[socket.socket] = []
    with ExitStack() as sockets:
        absent: OSError | None = None
        for family, kind, protocol, _, address in found:
            each = sockets.enter_context(socket.socket(family, kind, protocol))
            try:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                each.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise address_failure(host, port, error) from error
                # 'localhost' has an address of a family that a container may lack.
                absent = error
            else:
                bound.append(each)
        if not bound and absent is not None:
            raise address_failure(host, port, absent) from absent
        yield Listener(host=host, port=port, sockets=bound)


def address_failure(host: str, port: int, error: OSError) -> KnowledgeBaseError:
    """The refusal to bind or to listen, as one line that says what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            fault = f"Port {port} of {host} is in use: stop what listens there, or choose another "
            fault += "with --port."
        case errno.EACCES | errno.EPERM:
            fault = f"Port {port} needs rights that this user lacks: choose one above 1023 with "
            fault += "--port."
        case errno.EADDRNOTAVAIL:
            fault = f"{host} is no address of this machine: choose another with --host."
        case number:
            said = os.strerror(number) if number else str(error)
            fault = f"Footnote cannot listen on port {port} of {host}: {said}."
    return AddressUnusable(fault)
