"""Addresses are public or refused, whatever form they are written in."""

import socket
from ipaddress import ip_network

import pytest

from kb.errors import OutboundFailed, OutboundRefused
from kb.public_addresses import PublicAddresses, system_look_up

PRIVATE = [
    "0.0.0.0",  # noqa: S104  # refused
    "10.1.2.3",
    "100.64.0.1",  # shared by carriers
    "100.100.100.200",  # metadata, Alibaba
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # metadata, Azure
    "169.254.169.254",  # metadata, most others
    "172.16.0.1",
    "192.0.0.192",  # metadata, Oracle
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # IPv4-compatible
    "::ffff:10.0.0.1",  # IPv4-mapped
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b:1::a00:1",  # NAT64 within a network
    "100::1",
    "2001:0:7f00:1::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata, AWS
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def test_every_form_of_a_private_address_is_refused() -> None:
    addresses = PublicAddresses()

    assert [address for address in PRIVATE if addresses.may_be_called(address)] == []


def test_public_addresses_may_be_called() -> None:
    addresses = PublicAddresses()

    assert [address for address in PUBLIC if not addresses.may_be_called(address)] == []


def test_a_private_network_that_is_named_may_be_called_and_no_other() -> None:
    addresses = PublicAddresses(
        private_networks=[ip_network("10.2.0.0/16"), ip_network("fd07::/16")]
    )

    called = ["10.2.3.4", "::ffff:10.2.3.4", "fd07::1", "10.3.0.1", "fd08::1", "127.0.0.1"]

    assert [addresses.may_be_called(address) for address in called] == [True] * 3 + [False] * 3


def test_one_private_address_among_public_ones_is_enough() -> None:
    addresses = PublicAddresses(look_up=lambda *_: ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(OutboundRefused):
        addresses.of("two-faced.example", 443).result()


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "localhost.", "::1"]
)
def test_ways_to_write_this_machine_are_refused_by_what_they_resolve_to(host: str) -> None:
    addresses = PublicAddresses(look_up=system_look_up)

    with pytest.raises(OutboundRefused):
        addresses.of(host, 80).result()


def test_a_name_that_does_not_exist_is_refused_like_one_that_is_private() -> None:
    def look_up(host: str, _port: int) -> list[str]:
        if host == "absent.corp":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return ["10.0.0.1"]

    addresses = PublicAddresses(look_up=look_up)
    messages = []
    for host in ("absent.corp", "inside.corp"):
        with pytest.raises(OutboundRefused) as refused:
            addresses.of(host, 80).result()
        messages.append(refused.value.message.replace(host, ""))

    assert messages[0] == messages[1]


def test_a_name_server_that_is_away_is_no_refusal() -> None:
    def look_up(*_: object) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    with pytest.raises(OutboundFailed):
        PublicAddresses(look_up=look_up).of("slow.example", 80).result()
