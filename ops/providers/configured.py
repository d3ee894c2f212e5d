"""Configured providers, each with its dialect, policies and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ledger.replay.report import ProviderDecoder, ProviderDecoders
from ops.settings.model import ProviderSettings, Settings
from providers.contract import HistoryPolicy, LedgerPolicy, Provider
from providers.dialect import Dialect
from providers.registry import DIALECTS
from vocabulary.currencies import digits_of
from vocabulary.money import minor_from_text
from vocabulary.networks import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredProvider:
    """One provider, its settings complete.

    Attributes:
        provider: what its dialect reads, with complete options.
        secret_references: where each of its secrets came from, fit to be shown.
        allow: source networks; empty: any.
        maturity: one-sided rows younger than this are timing.
        open_after: a round open longer than this is a break; None: however long.
        timezone: the IANA zone in which the provider's days end.
        tolerance: by currency, the largest tolerated difference, in minor units.
    """

    dialect: Dialect
    provider: Provider
    secret_references: tuple[str, ...]
    policy: LedgerPolicy
    history: HistoryPolicy
    allow: tuple[Network, ...]
    maturity: timedelta
    open_after: timedelta | None
    timezone: str
    tolerance: Mapping[str, int] = field(default_factory=dict)


def configured(settings: Settings) -> dict[str, ConfiguredProvider]:
    """Every configured provider by slug, in the order of the settings."""
    return {entry.slug: configured_provider(entry) for entry in settings.providers}


def configured_for_proofs(settings: Settings) -> dict[str, ConfiguredProvider]:
    """Every configured provider by slug, with its retired secrets among the others.

    For what was accepted already, such as a replay; a receiver takes ``configured``.
    """
    return {entry.slug: provider_for_proofs(entry) for entry in settings.providers}


def proof_decoders(settings: Settings) -> ProviderDecoders:
    """What a replay decodes stored callbacks with, by provider."""
    return ProviderDecoders(
        providers={
            slug: ProviderDecoder(
                dialect=entry.dialect, provider=entry.provider, policy=entry.policy
            )
            for slug, entry in configured_for_proofs(settings).items()
        }
    )


def provider_for_proofs(entry: ProviderSettings) -> ConfiguredProvider:
    """One provider whose stored callbacks are verified again, under retired secrets too."""
    live = configured_provider(entry)
    retired = tuple(secret.value for secret in entry.retired_secrets)
    return replace(
        live, provider=replace(live.provider, secrets=(*live.provider.secrets, *retired))
    )


def configured_provider(entry: ProviderSettings) -> ConfiguredProvider:
    """One provider, with its options completed by the dialect's defaults."""
    dialect = DIALECTS[entry.dialect]
    defaults = {name: option.default for name, option in dialect.options.items()}
    options = {**defaults, **entry.options}
    history = dialect.history_policy(options)
    return ConfiguredProvider(
        dialect=dialect,
        provider=Provider(
            slug=entry.slug,
            currency=entry.currency,
            exponents=dict(entry.exponents),
            secrets=tuple(secret.value for secret in entry.secrets),
            options=options,
        ),
        secret_references=tuple(secret.reference for secret in entry.secrets),
        policy=dialect.policy(options),
        history=history,
        allow=entry.allow_ips,
        maturity=entry.maturity,
        open_after=entry.open_after or history.round_open_max,
        timezone=entry.timezone,
        tolerance={
            code: minor_from_text(amount, digits_of(code, entry.exponents))
            for code, amount in entry.tolerance.items()
        },
    )
