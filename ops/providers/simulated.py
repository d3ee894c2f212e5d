"""Configured providers as configurations of the simulator."""

from ops.providers.configured import ConfiguredProvider
from simulator.protocol.configuration import Configuration
from vocabulary.currencies import digits_of


def configuration_of(entry: ConfiguredProvider) -> Configuration:
    """The simulator's configuration for a configured provider."""
    provider = entry.provider
    return Configuration(
        slug=provider.slug,
        currency=provider.currency,
        exponent=digits_of(provider.currency, provider.exponents),
        secrets=provider.secrets,
        options=provider.options,
    )
