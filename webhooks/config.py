"""What the receiver is told about each provider, and about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from providers.contract import Policy, Provider
from providers.dialect import Dialect

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEndpoint:
    """One provider's way in.

    Attributes:
        allow: source networks; empty means any.
    """

    dialect: Dialect
    provider: Provider
    policy: Policy
    allow: tuple[Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverConfig:
    """Bounds of one receiver process. Seconds and bytes.

    Attributes:
        trusted_proxies: networks whose X-Forwarded-For is believed.
        idle_timeout_s: how long a connection may go without a whole request head: the bound of
            those that send theirs byte by byte, or never.
        commit_timeout_s: how long a callback waits for its decision before it is told to retry.
        queue_max: callbacks waiting for a commit beyond which new ones are told to retry.
        drain_timeout_s: how long a stopping receiver waits for its last answers.
        metrics_here: serve /metrics beside the callbacks.
    """

    doors: Mapping[str, ProviderEndpoint]
    trusted_proxies: tuple[Network, ...]
    body_bytes_max: int
    read_timeout_s: float
    idle_timeout_s: float
    commit_timeout_s: float
    queue_max: int
    drain_timeout_s: float
    metrics_here: bool
