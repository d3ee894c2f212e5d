"""The client's address cannot be forged through headers."""

from ipaddress import ip_address, ip_network

import pytest

from vocabulary.networks import client_address, in_networks

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/64"))


def test_without_trusted_proxies_the_peer_is_the_client_whatever_its_headers() -> None:
    address = client_address("203.0.113.9", ["198.51.100.1, 198.51.100.2"], ())

    assert address == ip_address("203.0.113.9")


def test_an_untrusted_peer_cannot_forward_another_address() -> None:
    address = client_address("203.0.113.9", ["198.51.100.1"], TRUSTED)

    assert address == ip_address("203.0.113.9")


def test_hops_left_of_the_first_untrusted_one_are_ignored() -> None:
    address = client_address("10.0.0.1", ["198.51.100.66, 203.0.113.9"], TRUSTED)

    assert address == ip_address("203.0.113.9")


def test_proxies_in_several_headers_are_read_from_the_right() -> None:
    lines = ["198.51.100.66, 203.0.113.9", "10.0.0.3 ,10.0.0.2"]

    assert client_address("10.0.0.1", lines, TRUSTED) == ip_address("203.0.113.9")


def test_a_chain_of_trusted_proxies_yields_the_outermost() -> None:
    address = client_address("10.0.0.1", ["10.0.0.3, 10.0.0.2"], TRUSTED)

    assert address == ip_address("10.0.0.3")


def test_a_trusted_peer_without_the_header_is_the_client() -> None:
    assert client_address("10.0.0.1", [], TRUSTED) == ip_address("10.0.0.1")


def test_an_ipv4_mapped_ipv6_address_is_the_ipv4_address() -> None:
    address = client_address("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], TRUSTED)

    assert address == ip_address("203.0.113.9")


def test_ipv6_proxies_are_read_too() -> None:
    address = client_address("2001:db8:1::7", ["2001:db8:2::9"], TRUSTED)

    assert address == ip_address("2001:db8:2::9")


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("203.0.113.9:17085", "203.0.113.9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
        # Without brackets the last group is part of the address.
        ("2001:db8::9:443", "2001:db8::9:443"),
    ],
)
def test_a_hop_may_carry_a_port(hop: str, address: str) -> None:
    assert client_address("10.0.0.1", [hop], TRUSTED) == ip_address(address)


def test_trusted_hops_with_ports_are_passed_over() -> None:
    hops = ["203.0.113.9:17085, 10.0.0.3:443, [2001:db8:1::7]:8443"]

    assert client_address("10.0.0.1", hops, TRUSTED) == ip_address("203.0.113.9")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "unknown",
        "203.0.113.9, ",
        "1" * 5000,
        "203.0.113.٩",
        "0x7f.1",
        "203.0.113.9:",
        "203.0.113.9:port",
        "203.0.113.9:123456",
        "[2001:db8::9",
        "[203.0.113.9.1]:443",
        ":443",
    ],
)
def test_an_invalid_address_from_a_trusted_proxy_is_none(header: str) -> None:
    assert client_address("10.0.0.1", [header], TRUSTED) is None


@pytest.mark.parametrize("peer", [None, "", "/run/receiver.sock"])
def test_a_unix_socket_has_no_address_and_is_in_no_network(peer: str | None) -> None:
    address = client_address(peer, ["203.0.113.9"], TRUSTED)

    assert address is None
    assert not in_networks(address, (ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_an_address_is_only_in_networks_of_its_own_family() -> None:
    networks = (ip_network("203.0.113.0/24"),)

    assert in_networks(ip_address("203.0.113.9"), networks)
    assert not in_networks(ip_address("2001:db8::cb00:7109"), networks)
    assert not in_networks(ip_address("203.0.114.1"), networks)
    assert not in_networks(ip_address("203.0.113.9"), ())
