"""``tieout report``: write report packs, and statements to sign."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.finance.invoice_check import checked
from ops.commands.json_output import print_json
from ops.commands.options import AsJson, DayOption, End, EveryProvider, Providers, Start
from ops.commands.scope import read_windows_if_any
from ops.context import Context, context_of, database_url
from ops.providers.configured import ConfiguredProvider, configured_provider
from ops.providers.packs import PackOptions, WrittenPacks, write_packs
from ops.scheduling.business_days import business_day_of
from reports.group import GROUP
from reports.pack import CheckedInvoice, period_text
from vocabulary.clock import SystemClock
from vocabulary.errors import Malformed
from vocabulary.plurals import counted

_Group = Annotated[
    bool, typer.Option("--group", help="Every provider, and one statement over all of them.")
]
_Pdf = Annotated[
    bool, typer.Option("--pdf", help="Only the statement to print and to sign, as PDF.")
]
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
    provider: Providers = None,
    every: EveryProvider = False,
    group: _Group = False,
    pdf: _Pdf = False,
    day: DayOption = None,
    start: Start = None,
    end: End = None,
    invoice: _Invoice = None,
    period: _Period = None,
    protect_ids: _ProtectIds = False,
    as_json: AsJson = False,
) -> None:
    """Write a workbook, a web page, a PDF and CSV tables per provider, and print their paths.

    Exit 1 where no run compared a part of the period.
    """
    context = context_of(ctx)
    if group and provider:
        raise Malformed("--group", "it is over every provider: --provider is not expected")
    chosen = read_windows_if_any(
        ctx, provider=provider, every=every or group, day=day, start=start, end=end
    )
    if group and any(entry.slug == GROUP for entry, _ in chosen):
        raise Malformed(
            "--group", f"a provider is called {GROUP}, as the statement over all is"
        )
    slug = provider[0] if provider and len(provider) == 1 else None
    options = PackOptions(
        read_day=business_day_of,
        invoices=_invoices(context, slug, invoice or [], period or []),
        protect_ids=protect_ids,
        only_pdf=pdf,
        group=group,
    )
    windows = [(configured_provider(entry), window) for entry, window in chosen]
    written = write_packs(database_url(context), context.settings, windows, out, options)
    if as_json:
        print_json(written.files, indent=2)
    else:
        for files in written.files.values():
            for path in files:
                typer.echo(path)
    problems = _not_compared([provider for provider, _ in windows], written)
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


def _invoices(
    context: Context, provider: str | None, files: list[Path], periods: list[str]
) -> tuple[CheckedInvoice, ...]:
    if not files and not periods:
        return ()
    if provider is None:
        raise typer.BadParameter("an invoice is one provider's: --provider is expected")
    if not files or len(periods) not in {1, len(files)}:
        raise typer.BadParameter(
            f"{counted(len(files), 'invoice')} and {counted(len(periods), 'period')}"
            ": one period for all of them,"
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
