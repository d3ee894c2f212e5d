"""``tieout explained``: the share of rows and money explained within three horizons."""

from typing import Annotated

import typer
from rich.table import Table

from ops.commands.database import open_books
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus, ProviderFilter
from ops.commands.provider_choice import chosen_providers
from ops.commands.tables import print_table
from ops.context import context_of
from ops.metrics.catalogue import PARTS, exposition
from ops.metrics.explained import DAYS, explained_samples, recent_rates
from reconcile.totals.resolution_json import resolution_rates_json
from reconcile.totals.resolution_rate import (
    HORIZONS,
    ResolutionRates,
    percent,
)
from vocabulary.clock import SystemClock


def show(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back to look.")] = DAYS,
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """Show the resolution rate: the share of rows and money explained in time.

    In time is within an hour, within a day and within two business days.
    """
    settings = context_of(ctx).settings
    providers = chosen_providers(settings, provider)
    zones = {entry.provider.slug: entry.timezone for entry in providers}
    rates = recent_rates(open_books(ctx), zones, SystemClock(), days=days)
    if prometheus:
        samples = explained_samples(rates)
        typer.echo(exposition(PARTS["explained"], samples), nl=False)
    elif as_json:
        documents = [
            resolution_rates_json(rate, entry.provider.exponents)
            for rate, entry in zip(rates, providers, strict=True)
        ]
        print_json(documents, indent=2)
    else:
        _print(rates)


def _print(rates: list[ResolutionRates]) -> None:
    table = Table("provider", "of", *HORIZONS, "rows", "open")
    for rate in rates:
        rows = [_share_text(share.resolved, share.due) for share in rate.rates]
        table.add_row(rate.provider, "rows", *rows, str(rate.rows), str(rate.open))
        for code in sorted({code for share in rate.rates for code in share.money}):
            money = [_share_text(*share.money.get(code, (0, 0))) for share in rate.rates]
            table.add_row("", code, *money)
    print_table(table)


def _share_text(part: int, whole: int) -> str:
    share = percent(part, whole)
    return "nothing due" if share is None else f"{share} %"
