"""The addresses that a host name stands for, none of them private.

A name is looked up once, and whoever connects takes the addresses that were checked: a name server
that answers otherwise the next time changes nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from kb.errors import OutboundFailed, OutboundRefused

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
LookUp: TypeAlias = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port, as text; OSError when there are none."""

MAX_LOOK_UPS: Final = 32
"""At once, in threads of their own: a name server that is silent holds up nobody else's threads."""

_IPV6_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All global unicast that is allocated. Source: IANA, IPv6 address space registry."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses, where a network has IPv6 only. Source: RFC 6052."""

_NEVER_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's virtual machines reach their host here
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address, whatever it is
        "3fff::/20",  # documentation
    )
)
"""What `is_global` of some Python release takes for public, or what hides another address."""


def system_look_up(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PublicAddresses:
    """Looks names up and refuses those of which any address is private."""

    def __init__(
        self, *, private_networks: Sequence[Network] = (), look_up: LookUp = system_look_up
    ) -> None:
        """`private_networks` may be reached although they are private."""
        self._private_networks = tuple(private_networks)
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(MAX_LOOK_UPS, thread_name_prefix="look-up")

    def of(self, host: str, port: int) -> "Future[list[str]]":
        """The addresses to connect to; OutboundRefused, or OutboundFailed for a while.

        A name that does not exist is refused in the same words as a private one: internal names
        are nobody's business.
        """
        return self._threads.submit(self._checked, host, port)

    def close(self) -> None:
        """Waits for no look-up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def may_be_called(self, text: str) -> bool:
        """True for a public address, and for one in the networks that may be reached."""
        address = ipaddress.ip_address(text)
        if isinstance(address, IPv6Address):
            address = _carried(address) or address
        if any(address in network for network in self._private_networks):
            return True
        if any(address in network for network in _NEVER_PUBLIC) or address.is_multicast:
            return False
        return address.is_global and (address.version == 4 or address in _IPV6_UNICAST)  # noqa: PLR2004

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(self._look_up(host, port))
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise OutboundFailed(f"The name {host!r} cannot be looked up now.") from error
            addresses = []
        except (OSError, UnicodeError):
            addresses = []
        if not addresses or not all(map(self.may_be_called, addresses)):
            raise OutboundRefused(
                f"{host!r} has no address, or one that is not public. An operator may allow "
                "private networks with FOOTNOTE_OUTBOUND_PRIVATE_NETWORKS."
            )
        return addresses


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that really is called."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
