"""``tieout explained``: what share of rows and of money was explained, and how soon."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus, ProviderFilter
from ops.context import current, endpoints
from ops.metrics.catalogue import PARTS, exposition
from ops.metrics.explained import explained_samples
from ops.providers.configured import ConfiguredProvider, configured
from ops.providers.matching import provider_named
from reconcile.totals.resolution_rate import HORIZONS, Explained, explained, percent
from reconcile.totals.resolution_render import explained_json
from storage.engine import open_engine
from vocabulary.clock import Clock, SystemClock
from vocabulary.window import Window


def show(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back to look.")] = 14,
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """What the stored runs explained within an hour, a day, and two business days."""
    context = current(ctx)
    known = configured(context.settings)
    chosen = list(known.values()) if provider is None else [provider_named(known, provider)]
    url = endpoints(context).database_url
    all_told = _look(url, chosen, timedelta(days=days), SystemClock())
    if prometheus:
        samples = explained_samples(all_told)
        typer.echo(exposition(PARTS["explained"], samples), nl=False)
    elif as_json:
        exponents = [each.provider.exponents for each in chosen]
        told = [explained_json(*each) for each in zip(all_told, exponents, strict=True)]
        print_json(told, indent=2)
    else:
        _print(all_told)


def _look(
    url: str, chosen: list[ConfiguredProvider], span: timedelta, clock: Clock
) -> list[Explained]:
    now = clock.now()
    window = Window(start=now - span, end=now)
    engine = open_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return [
                explained(connection, each.provider.slug, window, now=now, zone=each.timezone)
                for each in chosen
            ]
    finally:
        engine.dispose()


def _print(all_told: list[Explained]) -> None:
    table = Table("provider", "of", *HORIZONS, "rows", "open")
    for told in all_told:
        rows = [_said(each.explained, each.due) for each in told.shares]
        table.add_row(told.provider, "rows", *rows, str(told.rows), str(told.open))
        for code in sorted({code for each in told.shares for code in each.money}):
            money = [_said(*each.money.get(code, (0, 0))) for each in told.shares]
            table.add_row("", code, *money)
    Console().print(table)


def _said(part: int, whole: int) -> str:
    share = percent(part, whole)
    return "nothing due" if share is None else f"{share} %"
