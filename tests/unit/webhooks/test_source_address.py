"""Who is calling, when anybody can write a header."""

from ipaddress import ip_address, ip_network

import pytest

from webhooks.source_address import client_address, within

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/64"))


def test_without_trusted_proxies_the_peer_is_the_caller_whatever_it_claims() -> None:
    found = client_address("203.0.113.9", ["198.51.100.1, 198.51.100.2"], ())

    assert found == ip_address("203.0.113.9")


def test_a_stranger_cannot_speak_for_another_address() -> None:
    found = client_address("203.0.113.9", ["198.51.100.1"], TRUSTED)

    assert found == ip_address("203.0.113.9")


def test_what_stands_left_of_the_first_untrusted_hop_is_not_read() -> None:
    found = client_address("10.0.0.1", ["198.51.100.66, 203.0.113.9"], TRUSTED)

    assert found == ip_address("203.0.113.9")


def test_several_proxies_in_several_headers_are_walked_from_the_right() -> None:
    lines = ["198.51.100.66, 203.0.113.9", "10.0.0.3 ,10.0.0.2"]

    assert client_address("10.0.0.1", lines, TRUSTED) == ip_address("203.0.113.9")


def test_a_chain_of_proxies_only_ends_at_the_outermost_of_them() -> None:
    found = client_address("10.0.0.1", ["10.0.0.3, 10.0.0.2"], TRUSTED)

    assert found == ip_address("10.0.0.3")


def test_a_trusted_peer_without_the_header_speaks_for_itself() -> None:
    assert client_address("10.0.0.1", [], TRUSTED) == ip_address("10.0.0.1")


def test_an_ipv4_address_in_an_ipv6_coat_is_the_ipv4_address() -> None:
    found = client_address("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], TRUSTED)

    assert found == ip_address("203.0.113.9")


def test_ipv6_proxies_are_walked_too() -> None:
    found = client_address("2001:db8:1::7", ["2001:db8:2::9"], TRUSTED)

    assert found == ip_address("2001:db8:2::9")


@pytest.mark.parametrize(
    "written",
    ["", "unknown", "203.0.113.9:443", "203.0.113.9, ", "1" * 5000, "203.0.113.٩", "0x7f.1"],
)
def test_garbage_from_a_trusted_proxy_is_nobody(written: str) -> None:
    assert client_address("10.0.0.1", [written], TRUSTED) is None


@pytest.mark.parametrize("peer", [None, "", "/run/receiver.sock"])
def test_a_unix_socket_has_no_address_and_lies_in_no_network(peer: str | None) -> None:
    found = client_address(peer, ["203.0.113.9"], TRUSTED)

    assert found is None
    assert not within(found, (ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_an_address_lies_in_networks_of_its_own_family_only() -> None:
    networks = (ip_network("203.0.113.0/24"),)

    assert within(ip_address("203.0.113.9"), networks)
    assert not within(ip_address("2001:db8::cb00:7109"), networks)
    assert not within(ip_address("203.0.114.1"), networks)
    assert not within(ip_address("203.0.113.9"), ())
