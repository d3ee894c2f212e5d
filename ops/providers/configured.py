"""Providers as configured: each with its dialect, its policy and what surrounds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ops.settings.model import ProviderSettings, Settings
from ops.settings.values import Network
from providers.contract import Dialect, OptionValue, Policy, Provider
from providers.registry import DIALECTS
from vocabulary.money import exponent_of, minor_from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredProvider:
    """One provider, ready to be spoken with.

    Attributes:
        provider: what its dialect needs to know; options complete.
        allow: source networks; empty: any.
        maturity: one-sided rows younger than this are timing.
        open_after: a round open longer than this is a break; None: however long.
        timezone: the IANA zone in which the provider's days end.
        tolerance: by currency, the largest difference that is let pass, in minor units.
    """

    dialect: Dialect
    provider: Provider
    policy: Policy
    allow: tuple[Network, ...]
    maturity: timedelta
    open_after: timedelta | None
    timezone: str
    tolerance: Mapping[str, int] = field(default_factory=dict)


def configured(settings: Settings) -> dict[str, ConfiguredProvider]:
    """Every configured provider by slug, in the order of the settings."""
    return {entry.slug: _configured(entry) for entry in settings.providers}


def _configured(entry: ProviderSettings) -> ConfiguredProvider:
    dialect = DIALECTS[entry.dialect]
    defaults = {name: option.default for name, option in dialect.options.items()}
    options = {**defaults, **entry.options}
    return ConfiguredProvider(
        dialect=dialect,
        provider=Provider(
            slug=entry.slug,
            currency=entry.currency,
            exponents=dict(entry.exponents),
            secrets=tuple(secret.value for secret in entry.secrets),
            options=options,
        ),
        policy=dialect.policy(options),
        allow=entry.allow_ips,
        maturity=entry.maturity,
        open_after=_open_after(entry, options),
        timezone=entry.timezone,
        tolerance={
            code: minor_from_text(amount, exponent_of(code, entry.exponents))
            for code, amount in entry.tolerance.items()
        },
    )


def _open_after(
    entry: ProviderSettings, options: Mapping[str, OptionValue]
) -> timedelta | None:
    """The setting, or what the dialect has learned to expect of its rounds."""
    if entry.open_after is not None:
        return entry.open_after
    hours = options.get("round_open_hours", 0)
    return timedelta(hours=hours) if isinstance(hours, int) and hours > 0 else None
