"""``tieout explained``: what share of rows and of money was explained, and how soon."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus, ProviderFilter
from ops.context import current, endpoints
from ops.metrics.catalogue import PARTS, exposition
from ops.metrics.explained import DAYS, explained_samples, recent_rates
from ops.providers.configured import configured
from ops.providers.matching import provider_named
from reconcile.totals.resolution_rate import (
    HORIZONS,
    ResolutionRates,
    percent,
    resolution_rates_json,
)
from vocabulary.clock import SystemClock

app = typer.Typer(add_completion=False)


@app.command("explained")
def show(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back to look.")] = DAYS,
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """What the stored runs explained within an hour, a day, and two business days."""
    context = current(ctx)
    providers = list(configured(context.settings).values())
    if provider is not None:
        providers = [provider_named(configured(context.settings), provider)]
    url = endpoints(context).database_url
    zones = {chosen.provider.slug: chosen.timezone for chosen in providers}
    all_rates = recent_rates(url, zones, SystemClock(), days=days)
    if prometheus:
        samples = explained_samples(all_rates)
        typer.echo(exposition(PARTS["explained"], samples), nl=False)
    elif as_json:
        exponents = [chosen.provider.exponents for chosen in providers]
        pairs = zip(all_rates, exponents, strict=True)
        print_json([resolution_rates_json(*pair) for pair in pairs], indent=2)
    else:
        _print(all_rates)


def _print(all_rates: list[ResolutionRates]) -> None:
    table = Table("provider", "of", *HORIZONS, "rows", "open")
    for rates in all_rates:
        rows = [_percent(rate.resolved, rate.due) for rate in rates.rates]
        table.add_row(rates.provider, "rows", *rows, str(rates.rows), str(rates.open))
        for code in sorted({code for rate in rates.rates for code in rate.money}):
            money = [_percent(*rate.money.get(code, (0, 0))) for rate in rates.rates]
            table.add_row("", code, *money)
    Console().print(table)


def _percent(part: int, total: int) -> str:
    share = percent(part, total)
    return "nothing due" if share is None else f"{share} %"
