"""Who is calling: the peer, or whom a trusted proxy says it speaks for. Pure."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from webhooks.config import Network

Address = IPv4Address | IPv6Address


def client_address(
    peer: str | None, forwarded_for: Iterable[str], trusted: tuple[Network, ...]
) -> Address | None:
    """The nearest address that is not one of our proxies.

    ``X-Forwarded-For`` is read from the right, and only as far as each hop is trusted; anything
    a stranger wrote to the left of that is theirs to invent. None when there is no address, as
    on a Unix socket, or when a trusted proxy wrote something that is none.
    """
    address = _parsed(peer or "")
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    while address is not None and hops and within(address, trusted):
        address = _parsed(hops.pop())
    return address


def within(address: Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether the address lies in one of the networks; no address lies nowhere."""
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
