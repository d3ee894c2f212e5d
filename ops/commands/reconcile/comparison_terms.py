"""A provider and window for commands that compare both sides without storing a run."""

from dataclasses import dataclass

from ops.commands.option_values import read_maturity, window_of
from ops.commands.provider_choice import entry_named
from ops.context import Context, database_url
from ops.providers.configured import ConfiguredProvider, configured_provider
from ops.providers.maturity import maturity_now
from ops.providers.reconcile_inputs import rules_of
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
    request = RunRequest(
        provider=slug,
        window=span,
        maturity=maturity_now(url, entry, clock).ages if age is None else age,
        exponents=provider.provider.exponents,
        open_after=provider.open_after,
        rules=rules_of(provider),
    )
    return ComparisonTerms(url=url, entry=entry, configured=provider, request=request)
