"""Addresses and networks of the Internet protocol, and the client behind proxies. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_WITH_PORT = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]{2,45})\]|(?P<plain>[0-9.]{7,15})(?=:))(?::[0-9]{1,5})?",
    re.ASCII,
)


def client_address(
    peer: str | None, forwarded_for: Iterable[str], trusted: tuple[Network, ...]
) -> Address | None:
    """The nearest address that is not a trusted proxy.

    ``X-Forwarded-For`` is read from the right while each hop is trusted; clients can forge
    everything further left. A hop may carry a port, as load balancers write it:
    ``203.0.113.9:17085`` or ``[2001:db8::9]:443``. None without an address (a Unix socket), or
    if a trusted proxy wrote something that is no address.
    """
    address = _parsed(peer or "")
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    while address is not None and hops and in_networks(address, trusted):
        address = _parsed(_without_port(hops.pop()))
    return address


def in_networks(address: Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether the address is in one of the networks; False without an address."""
    return address is not None and any(address in network for network in networks)


def _without_port(hop: str) -> str:
    """The address of a hop; an IPv6 address has a port only where it is in brackets."""
    match = _WITH_PORT.fullmatch(hop)
    return hop if match is None else match["bracketed"] or match["plain"]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
