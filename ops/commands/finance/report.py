"""``tieout report``: write report packs, and statements to sign."""

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
from ops.providers.packs import PackOptions, WrittenPacks, write_packs
from ops.scheduling.business_days import business_day_of
from reports.group import GROUP
from reports.pack import CheckedInvoice, period_text
from vocabulary.clock import SystemClock
from vocabulary.window import Window

_Every = Annotated[bool, typer.Option("--all", help="Every configured provider.")]
_Group = Annotated[
    bool, typer.Option("--group", help="Every provider, and one statement over all of them.")
]
_Pdf = Annotated[
    bool, typer.Option("--pdf", help="Only the statement to print and to sign, as PDF.")
]
_From = Annotated[
    str | None, typer.Option("--from", help="Start of the period: a date or instant.")
]
_To = Annotated[str | None, typer.Option("--to", help="End of the period, exclusive.")]

_Invoice = Annotated[
    list[Path] | None, typer.Option(help="An invoice of the provider's; may be repeated.")
]
_Period = Annotated[
    list[str] | None,
    typer.Option(help="The invoices' period: one for all, or one for each in order."),
]
_ProtectIds = Annotated[
    bool,
    typer.Option(
        "--protect-ids",
        help='In CSV, write ids that look like numbers as ="ID": spreadsheets keep them.',
    ),
]


def report(
    ctx: typer.Context,
    *,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
    provider: Annotated[str | None, typer.Option(help="The provider's slug.")] = None,
    every: _Every = False,
    group: _Group = False,
    pdf: _Pdf = False,
    start: _From = None,
    end: _To = None,
    invoice: _Invoice = None,
    period: _Period = None,
    protect_ids: _ProtectIds = False,
    as_json: AsJson = False,
) -> None:
    """Write a workbook, a web page, a PDF and CSV tables per provider, and print their paths.

    Exit 1 where no run compared a part of the period.
    """
    context = context_of(ctx)
    if (every or group) == (provider is not None):
        raise typer.BadParameter("either --provider, --all or --group is expected")
    chosen = chosen_providers(context.settings, provider)
    if group and any(entry.provider.slug == GROUP for entry in chosen):
        raise typer.BadParameter(f"a provider is called {GROUP}, as the statement over all is")
    windows = [_window(entry, start, end) for entry in chosen]
    options = PackOptions(
        read_day=business_day_of,
        invoices=_invoices(context, provider, invoice or [], period or []),
        protect_ids=protect_ids,
        only_pdf=pdf,
        group=group,
    )
    windowed = list(zip(chosen, windows, strict=True))
    written = write_packs(database_url(context), context.settings, windowed, out, options)
    if as_json:
        print_json(written.files, indent=2)
    else:
        for files in written.files.values():
            for path in files:
                typer.echo(path)
    problems = _not_compared(chosen, written)
    for problem in problems:
        typer.echo(problem, err=True)
    raise typer.Exit(1 if problems else 0)


def _not_compared(chosen: list[ConfiguredProvider], written: WrittenPacks) -> list[str]:
    """What nobody reconciled, and what to do."""
    problems = [
        f"{slug}: no run is stored, so nothing can be said about it; run"
        f" `tieout reconcile --provider {slug} --from DAY --to DAY` first"
        for slug in written.without_run
    ]
    zones = {entry.provider.slug: entry.timezone for entry in chosen}
    for slug, gaps in written.missed.items():
        for gap in gaps:
            start, end = (instant.isoformat() for instant in (gap.start, gap.end))
            problems.append(
                f"{slug}: no run compared {period_text(gap, zones[slug])}, so nothing can be"
                f" said about it; run `tieout reconcile --provider {slug} --from {start}"
                f" --to {end}` first"
            )
    return problems


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
