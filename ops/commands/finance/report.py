"""``tieout report``: write report packs from the last stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.finance.invoice_check import checked
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, DayOption, End, EveryProvider, Providers, Start
from ops.commands.progress import progress_of_steps
from ops.commands.scope import read_windows_if_any
from ops.context import Context, context_of, database_url
from ops.providers.configured import configured_provider
from ops.providers.packs import write_packs
from reports.pack import CheckedInvoice
from vocabulary.clock import SystemClock


def report(
    ctx: typer.Context,
    *,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
    provider: Providers = None,
    every: EveryProvider = False,
    day: DayOption = None,
    start: Start = None,
    end: End = None,
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
    windows = read_windows_if_any(
        ctx, provider=provider, every=every, day=day, start=start, end=end
    )
    slug = provider[0] if provider and len(provider) == 1 else None
    invoices = _invoices(context, slug, invoice or [], period or [])
    paths: dict[str, tuple[Path, ...]] = {}
    with progress_of_steps(len(windows)) as begin:
        for entry, window in windows:
            begin(f"pack of {entry.slug}")
            paths |= write_packs(
                database_url(context),
                context.settings,
                [(configured_provider(entry), window)],
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
