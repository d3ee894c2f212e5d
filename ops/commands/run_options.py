"""A provider and window for commands that compare both sides without storing a run."""

from dataclasses import dataclass
from datetime import timedelta

import typer

from ops.commands.windows import window_of
from ops.context import Context, endpoints
from ops.providers.configured import ConfiguredProvider, configured
from ops.providers.matching import provider_named, rules_of
from ops.providers.maturity import maturity_now
from ops.settings.durations import parse_duration
from ops.settings.model import ProviderSettings
from reconcile.runs.request import RunRequest
from vocabulary.clock import Clock
from vocabulary.maturity import MaturityAges


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWindow:
    """One provider and window with the terms of a comparison.

    Attributes:
        request: what a run would be asked now, without the provider's log.
    """

    url: str
    entry: ProviderSettings
    chosen: ConfiguredProvider
    request: RunRequest


def asked(
    context: Context, provider: str, window: tuple[str, str], maturity: str | None, clock: Clock
) -> ProviderWindow:
    """Read the options of a command.

    Raises:
        typer.BadParameter: unknown provider, invalid window or invalid duration.
    """
    chosen = provider_named(configured(context.settings), provider)
    span = window_of(*window, zone=chosen.timezone)
    url = endpoints(context).database_url
    entry = next(each for each in context.settings.providers if each.slug == provider)
    request = RunRequest(
        provider=provider,
        window=span,
        maturity=_ripe(url, entry, maturity, clock),
        exponents=chosen.provider.exponents,
        open_after=chosen.open_after,
        rules=rules_of(chosen),
    )
    return ProviderWindow(url=url, entry=entry, chosen=chosen, request=request)


def _ripe(
    url: str, entry: ProviderSettings, asked: str | None, clock: Clock
) -> MaturityAges | timedelta:
    if asked is None:
        return maturity_now(url, entry, clock).ages
    try:
        return parse_duration(asked)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--maturity") from error
