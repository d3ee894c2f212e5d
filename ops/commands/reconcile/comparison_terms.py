"""A provider and window for commands that compare both sides without storing a run."""

from dataclasses import dataclass

from ops.commands.option_values import read_maturity, window_of
from ops.commands.provider_choice import entry_named
from ops.context import Context, database_url
from ops.providers.configured import ConfiguredProvider, configured_provider
from ops.providers.rule_trials import base_request
from ops.settings.model import ProviderSettings
from reconcile.runs.request import RunRequest
from vocabulary.clock import Clock


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


def comparison_of(
    context: Context, slug: str, window: tuple[str, str], maturity: str | None, clock: Clock
) -> ComparisonTerms:
    """Read the options of a command.

    Raises:
        typer.BadParameter: unknown provider, invalid window or invalid duration.
    """
    entry = entry_named(context.settings, slug)
    provider = configured_provider(entry)
    span = window_of(*window, zone=provider.timezone)
    age = read_maturity(maturity)
    url = database_url(context)
    request = base_request(url, entry, span, clock=clock, maturity=age)
    return ComparisonTerms(url=url, entry=entry, configured=provider, request=request)
