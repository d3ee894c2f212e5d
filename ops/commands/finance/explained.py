"""``tieout explained``: the share of rows and money that was explained, and how soon."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from ops.commands.database import open_books
from ops.commands.finance.providers import chosen_providers
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, Prometheus, ProviderFilter
from ops.context import current
from ops.metrics.catalogue import PARTS, exposition
from ops.metrics.explained import explained_samples
from ops.providers.configured import ConfiguredProvider
from reconcile.totals.resolution_rate import HORIZONS, Explained, explained, percent
from reconcile.totals.resolution_render import explained_json
from vocabulary.clock import SystemClock
from vocabulary.window import Window


def show(
    ctx: typer.Context,
    *,
    provider: ProviderFilter = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back to look.")] = 14,
    as_json: AsJson = False,
    prometheus: Prometheus = False,
) -> None:
    """The share that stored runs explained within an hour, a day and two business days."""
    settings = current(ctx).settings
    providers = chosen_providers(settings, provider)
    with open_books(ctx).connect() as connection:
        rates = _rates(connection, providers, timedelta(days=days), SystemClock().now())
    if prometheus:
        samples = explained_samples(rates)
        typer.echo(exposition(PARTS["explained"], samples), nl=False)
    elif as_json:
        documents = [
            explained_json(rate, entry.provider.exponents)
            for rate, entry in zip(rates, providers, strict=True)
        ]
        print_json(documents, indent=2)
    else:
        _print(rates)


def _rates(
    connection: Connection, providers: list[ConfiguredProvider], span: timedelta, now: datetime
) -> list[Explained]:
    window = Window(start=now - span, end=now)
    return [
        explained(connection, entry.provider.slug, window, now=now, zone=entry.timezone)
        for entry in providers
    ]


def _print(rates: list[Explained]) -> None:
    table = Table("provider", "of", *HORIZONS, "rows", "open")
    for rate in rates:
        rows = [_share_text(share.explained, share.due) for share in rate.shares]
        table.add_row(rate.provider, "rows", *rows, str(rate.rows), str(rate.open))
        for code in sorted({code for share in rate.shares for code in share.money}):
            money = [_share_text(*share.money.get(code, (0, 0))) for share in rate.shares]
            table.add_row("", code, *money)
    Console().print(table)


def _share_text(part: int, whole: int) -> str:
    share = percent(part, whole)
    return "nothing due" if share is None else f"{share} %"
