"""Configuration of the receiver and of each provider's endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from providers.contract import LedgerPolicy, Provider
from providers.dialect import Dialect
from vocabulary.networks import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEndpoint:
    """How one provider's callbacks are read and answered.

    Attributes:
        secret_references: where each of the provider's secrets came from, in their order.
        allow: accepted source networks; empty means any.
    """

    dialect: Dialect
    provider: Provider
    policy: LedgerPolicy
    secret_references: tuple[str, ...]
    allow: tuple[Network, ...]

    def with_access_of(self, other: "ProviderEndpoint") -> "ProviderEndpoint":
        """This endpoint with the other's secrets and addresses, if they speak one dialect."""
        if other.dialect is not self.dialect:
            return self
        return replace(
            self,
            provider=replace(self.provider, secrets=other.provider.secrets),
            secret_references=other.secret_references,
            allow=other.allow,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverConfig:
    """Limits of one receiver process, in seconds and bytes.

    Attributes:
        endpoints: by provider slug.
        trusted_proxies: networks whose X-Forwarded-For header is trusted.
        idle_timeout_s: how long a connection may stay open without a complete request head;
            bounds clients that send theirs slowly or never.
        commit_timeout_s: how long a callback waits for its decision before the answer is
            "retry later".
        commit_spacing_s: shortest time between two commits if few callbacks wait.
        queue_max: waiting callbacks; further ones are answered "retry later".
        clock_off_max_s: the largest difference of this host's clock to the database's.
        drain_delay_s: how long a stopping receiver still takes callbacks, so that a balancer
            notices that it is not ready.
        drain_timeout_s: how long a stopping receiver waits for pending answers.
        metrics_here: serve /metrics beside the callbacks.
    """

    endpoints: Mapping[str, ProviderEndpoint]
    trusted_proxies: tuple[Network, ...]
    body_bytes_max: int
    read_timeout_s: float
    idle_timeout_s: float
    commit_timeout_s: float
    commit_spacing_s: float
    queue_max: int
    clock_off_max_s: float
    drain_delay_s: float
    drain_timeout_s: float
    metrics_here: bool
