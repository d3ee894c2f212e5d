"""The client's address: the peer, or the one a trusted proxy forwards for. Pure."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from vocabulary.networks import Address, Network


def client_address(
    peer: str | None, forwarded_for: Iterable[str], trusted: tuple[Network, ...]
) -> Address | None:
    """The nearest address that is not a trusted proxy.

    ``X-Forwarded-For`` is read from the right while each hop is trusted; clients can forge
    everything further left. None without an address (a Unix socket), or if a trusted proxy
    wrote something that is no address.
    """
    address = _parsed(peer or "")
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    while address is not None and hops and in_networks(address, trusted):
        address = _parsed(hops.pop())
    return address


def in_networks(address: Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether the address is in one of the networks; False without an address."""
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
