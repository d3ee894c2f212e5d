"""``tieout reconcile``: compare the ledger with one provider's history over a window."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from feeds.arrival_delay import MaturitySource, ProviderMaturity
from ops.commands.day.closing import Closing, close_day_of
from ops.commands.json_output import print_json
from ops.commands.option_values import read_maturity, window_of
from ops.commands.options import AsJson, By, End, Maturity, Start
from ops.commands.provider_choice import entry_named
from ops.commands.reconcile import what_if
from ops.commands.reconcile.options import Options, business_day, run_options
from ops.commands.reconcile.verify import verify
from ops.context import context_of, database_url
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import reconcile_provider
from reconcile.runs.result import RunResult
from vocabulary.clock import SystemClock
from vocabulary.money import exponent_of, text_from_minor

app = typer.Typer(add_completion=False)
app.command()(verify)
app.command("what-if")(what_if.show)

#: Breaks shown on a terminal; all of them are stored, and printed with --json.
SHOWN_MAX = 50

#: Required, but not where a subcommand follows.
RunProvider = Annotated[str | None, typer.Option("--provider", help="The provider's slug.")]
Changes = Annotated[
    bool, typer.Option(help="Compare only what changed since this window's last run.")
]
Close = Annotated[
    bool, typer.Option(help="Close the window, which is a day of the provider's zone.")
]
CloseReason = Annotated[
    str | None,
    typer.Option(help="With --close-day: why, although feeds or timing are left."),
]
Parts = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Number of key ranges; else as the rows need."),
]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes on this machine.")]
Cluster = Annotated[
    str | None, typer.Option("--scheduler", help="A Dask cluster's scheduler, tcp://HOST:PORT.")
]
Resume = Annotated[bool, typer.Option(help="Continue an interrupted run of this window.")]


@app.callback(invoke_without_command=True)
def reconcile(
    ctx: typer.Context,
    *,
    provider: RunProvider = None,
    start: Start = None,
    end: End = None,
    maturity: Maturity = None,
    incremental: Changes = False,
    close_day: Close = False,
    reason: CloseReason = None,
    by: By = None,
    partitions: Parts = None,
    workers: Workers = 1,
    scheduler: Cluster = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Compare the ledger with a provider's history; exit 1 when they differ."""
    if ctx.invoked_subcommand is not None:
        return
    provider, start, end = (
        _required(option, value)
        for option, value in (("--provider", provider), ("--from", start), ("--to", end))
    )
    context = context_of(ctx)
    entry = entry_named(context.settings, provider)
    window = window_of(start, end, zone=entry.timezone)
    age = read_maturity(maturity)
    url = database_url(context)
    maturity_used = maturity_now(url, entry, SystemClock()) if age is None else age
    command_options = Options(
        incremental=incremental,
        close_day=close_day,
        partitions=partitions,
        workers=workers,
        scheduler=scheduler,
        resume=resume,
    )
    with run_options(command_options, context.data_dir, provider, window) as options:
        if close_day:
            day = business_day(window, entry.timezone)
            closing = Closing(day=day, reason=reason or "", maturity=maturity_used)
            result = close_day_of(ctx, entry, closing, by=by, options=options)
        else:
            result = reconcile_provider(
                url, entry, window, maturity=maturity_used, close=None, options=options
            )
    _print(result, maturity_used, as_json=as_json)
    raise typer.Exit(1 if result.breaks else 0)


def _print(result: RunResult, maturity: ProviderMaturity | timedelta, *, as_json: bool) -> None:
    maturities = None if isinstance(maturity, timedelta) else maturity
    if as_json:
        document = {**result.to_json(), "maturity": maturities and maturities.to_json()}
        print_json(document, indent=2)
    else:
        _show(result)
        _show_maturity(maturities)


def _required(option: str, value: str | None) -> str:
    if value is None:
        raise typer.BadParameter("is required", param_hint=option)
    return value


def _show(result: RunResult) -> None:
    summary = result.summary()
    typer.echo(f"{result.provider}  {summary['window']['from']} to {summary['window']['to']}")
    typer.echo(f"ours {summary['ours']['rows']} rounds, theirs {summary['theirs']['rows']}")
    typer.echo(
        f"matched {summary['matched']}, timing {summary['timing']['ours']} ours and"
        f" {summary['timing']['theirs']} theirs, breaks {len(result.breaks)}, conserved: yes"
    )
    for code, amount in summary["residual"].items():
        typer.echo(f"within the tolerance: {amount} {code}")
    for code, amount in summary["booked"].items():
        typer.echo(f"moved to the account difference: {amount} {code}")
    for finding in result.unread:
        place = " ".join(part for part in (finding.feed, finding.file) if part)
        times = f" ({finding.count} times)" if finding.count > 1 else ""
        typer.echo(f"not read: {finding.kind} {place}: {finding.detail}{times}")
    if result.breaks:
        Console().print(_table(result))
    if len(result.breaks) > SHOWN_MAX:
        typer.echo(f"and {len(result.breaks) - SHOWN_MAX} more; see --json or the report")
    typer.echo(f"run {result.run_id}")


def _show_maturity(maturities: ProviderMaturity | None) -> None:
    for kind, maturity in maturities.by_kind.items() if maturities else ():
        if maturity.source is MaturitySource.LEARNED:
            basis = f"learned from {maturity.samples} records"
            typer.echo(f"maturity of {kind}: {maturity.age}, {basis}")


def _table(result: RunResult) -> Table:
    table = Table("kind", "round", "player", "difference", "impact")
    for break_ in result.breaks[:SHOWN_MAX]:
        exponent = exponent_of(break_.currency, result.exponents)
        amount = f"{text_from_minor(break_.difference, exponent)} {break_.currency}"
        table.add_row(break_.kind, break_.round_id, break_.player, amount, break_.impact)
    return table
