"""``tieout report``: write report packs from the last stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.finance.invoice_check import checked
from ops.commands.json_output import print_json
from ops.commands.option_values import window_of
from ops.commands.options import AsJson
from ops.commands.provider_choice import chosen_providers
from ops.context import Context, context_of, database_url
from ops.providers.configured import ConfiguredProvider
from ops.providers.packs import write_packs
from reports.pack import CheckedInvoice
from vocabulary.clock import SystemClock
from vocabulary.window import Window


def report(
    ctx: typer.Context,
    *,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
    provider: Annotated[str | None, typer.Option(help="The provider's slug.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every configured provider.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="Start of the run's window.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the run's window.")] = None,
    invoice: Annotated[
        list[Path] | None, typer.Option(help="An invoice of the provider's; may be repeated.")
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(help="The invoices' period: one for all, or one for each in order."),
    ] = None,
    protect_ids: Annotated[
        bool,
        typer.Option(
            "--protect-ids",
            help='In CSV, write ids that look like numbers as ="ID": spreadsheets keep them.',
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a workbook, a web page and CSV tables per provider, and print their paths."""
    context = context_of(ctx)
    if every == (provider is not None):
        raise typer.BadParameter("either --provider or --all is expected")
    chosen = chosen_providers(context.settings, provider)
    windows = [_window(entry, start, end) for entry in chosen]
    invoices = _invoices(context, provider, invoice or [], period or [])
    windowed = list(zip(chosen, windows, strict=True))
    paths = write_packs(
        database_url(context),
        context.settings,
        windowed,
        out,
        invoices=invoices,
        protect_ids=protect_ids,
    )
    if as_json:
        print_json(paths, indent=2)
        return
    for files in paths.values():
        for path in files:
            typer.echo(path)


def _window(chosen: ConfiguredProvider, start: str | None, end: str | None) -> Window | None:
    if (start is None) != (end is None):
        raise typer.BadParameter("--from and --to come together")
    if start is None or end is None:
        return None
    return window_of(start, end, zone=chosen.timezone)


def _invoices(
    context: Context, provider: str | None, files: list[Path], periods: list[str]
) -> tuple[CheckedInvoice, ...]:
    if not files and not periods:
        return ()
    if provider is None:
        raise typer.BadParameter("an invoice is one provider's: --provider is expected")
    if not files or len(periods) not in {1, len(files)}:
        raise typer.BadParameter(
            f"{len(files)} invoices and {len(periods)} periods: one period for all of them,"
            " or one for each, is expected",
            param_hint="--period",
        )
    file_periods = periods * len(files) if len(periods) == 1 else periods
    return tuple(
        _checked(context, provider, file, period)
        for file, period in zip(files, file_periods, strict=True)
    )


def _checked(context: Context, provider: str, file: Path, period: str) -> CheckedInvoice:
    invoiced = checked(
        context, file, provider=provider, period=period, maturity=None, clock=SystemClock()
    )
    return CheckedInvoice(period=period, check=invoiced.check, totals=invoiced.totals)
