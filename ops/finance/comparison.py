"""A provider and window to compare without storing a run."""

from dataclasses import dataclass
from datetime import timedelta

from ops.providers.configured import ConfiguredProvider, configured_provider
from ops.providers.maturity import maturity_now
from ops.providers.reconcile_inputs import rules_of
from ops.settings.model import ProviderSettings
from reconcile.runs.request import RunRequest
from reconcile.totals.tie_out import Totals, totals
from vocabulary.clock import Clock
from vocabulary.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonTerms:
    """One provider and window with the terms of a comparison.

    Attributes:
        request: what a run would compare now, without the provider's log.
    """

    url: str
    entry: ProviderSettings
    configured: ConfiguredProvider
    request: RunRequest


def comparison_over(
    url: str,
    entry: ProviderSettings,
    window: Window,
    clock: Clock,
    *,
    ages: timedelta | None = None,
) -> ComparisonTerms:
    """The terms of a provider; without ``ages`` with its own maturity of now."""
    provider = configured_provider(entry)
    request = RunRequest(
        provider=entry.slug,
        window=window,
        maturity=maturity_now(url, entry, clock).ages if ages is None else ages,
        exponents=provider.provider.exponents,
        open_after=provider.open_after,
        rules=rules_of(provider),
    )
    return ComparisonTerms(url=url, entry=entry, configured=provider, request=request)


def totals_of(comparison: ComparisonTerms, clock: Clock) -> Totals:
    """Both sides of the window as they are now."""
    return totals(
        comparison.url,
        comparison.request,
        now=clock.now(),
        zone=comparison.configured.timezone,
    )
