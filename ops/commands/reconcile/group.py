"""``tieout reconcile``: compare the ledger with one provider's history over a window."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Engine

from feeds.arrival_delay import MaturitySource, ProviderMaturity
from ops.commands.database import open_books, refusals
from ops.commands.identity import open_books_as
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.option_values import read_maturity
from ops.commands.options import (
    AsJson,
    By,
    DayOption,
    End,
    EveryProvider,
    Maturity,
    Providers,
    Start,
)
from ops.commands.reconcile import what_if
from ops.commands.reconcile.options import Options, business_day, run_options
from ops.commands.reconcile.verify import verify
from ops.commands.scope import ChosenWindow, one_or_all, read_windows
from ops.commands.tables import print_table
from ops.context import Context, context_of, database_url
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import reconcile_provider
from ops.scheduling.day_close import Closing, close_day_of
from reconcile.runs.result import RunResult
from reports.find.short_ids import short_id
from vocabulary.clock import SystemClock
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor
from vocabulary.people import Right
from vocabulary.plurals import counted

app = typer.Typer(add_completion=False)
app.command()(verify)
app.command("what-if")(what_if.show)

#: Breaks shown on a terminal; all of them are stored, and printed with --json.
SHOWN_MAX = 50

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
    provider: Providers = None,
    every: EveryProvider = False,
    day: DayOption = None,
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
    """Compare the ledger with a provider's history; exit 1 when they differ.

    With --json one provider's run is an object; several, or --all, are a list.
    """
    if ctx.invoked_subcommand is not None:
        return
    windows = read_windows(ctx, provider=provider, every=every, day=day, start=start, end=end)
    command_options = Options(
        maturity=read_maturity(maturity),
        incremental=incremental,
        close_day=close_day,
        reason=reason or "",
        partitions=partitions,
        workers=workers,
        scheduler=scheduler,
        resume=resume,
    )
    engine, name = _closed_by(ctx, command_options, by)
    runs = []
    for window in windows:
        runs.append(_reconcile(context_of(ctx), engine, window, command_options, name=name))
        if not as_json:
            _show(runs[-1], window)
    if as_json:
        documents = [_run_json(run) for run in runs]
        print_json(one_or_all(ctx, documents), indent=2)
    raise typer.Exit(1 if any(run.result.breaks for run in runs) else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturedRun:
    """A stored run, and the maturity that it used: learned by kind, or the option's."""

    result: RunResult
    maturity: ProviderMaturity | timedelta


def _closed_by(ctx: typer.Context, options: Options, by: str | None) -> tuple[Engine, str]:
    """In whose name days are closed: a person's, with a reason or --by, else the machine's."""
    if options.close_day and (options.reason.strip() or by is not None):
        return open_books_as(ctx, by, Right.PREPARE_DAYS)
    return open_books(ctx), "tieout"


def _reconcile(
    context: Context, engine: Engine, chosen: ChosenWindow, command: Options, *, name: str
) -> MaturedRun:
    entry, url = chosen.entry, database_url(context)
    maturity = command.maturity
    used = maturity_now(url, entry, SystemClock()) if maturity is None else maturity
    with run_options(command, context.data_dir, entry.slug, chosen.window) as options:
        if command.close_day:
            day = business_day(chosen.window, entry.timezone)
            closing = Closing(day=day, reason=command.reason, maturity=used)
            with refusals():
                result = close_day_of(engine, url, entry, closing, name=name, options=options)
        else:
            result = reconcile_provider(
                url, entry, chosen.window, maturity=used, close=None, options=options
            )
    return MaturedRun(result=result, maturity=used)


def _run_json(run: MaturedRun) -> dict[str, Any]:
    ages = None if isinstance(run.maturity, timedelta) else run.maturity.to_json()
    return {**run.result.to_json(), "maturity": ages}


def _show(run: MaturedRun, window: ChosenWindow) -> None:
    _show_result(run.result)
    if not isinstance(run.maturity, timedelta):
        _show_maturity(run.maturity)
    print_next(*_next_commands(run.result, window))


def _next_commands(result: RunResult, window: ChosenWindow) -> Iterator[str]:
    if result.breaks:
        yield f"tieout breaks list --run {short_id(result.run_id, [])}"
    elif window.day is not None:
        yield f"tieout day show {window.day} --provider {result.provider}"


def _show_result(result: RunResult) -> None:
    summary = result.summary()
    typer.echo(f"{result.provider}  {summary['window']['from']} to {summary['window']['to']}")
    typer.echo(
        f"ours {counted(summary['ours']['rows'], 'round')}, theirs {summary['theirs']['rows']}"
    )
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
        print_table(_table(result))
    if len(result.breaks) > SHOWN_MAX:
        typer.echo(f"and {len(result.breaks) - SHOWN_MAX} more; see --json or the report")
    typer.echo(f"run {result.run_id}")


def _show_maturity(maturities: ProviderMaturity) -> None:
    for kind, maturity in maturities.by_kind.items():
        if maturity.source is MaturitySource.LEARNED:
            basis = f"learned from {counted(maturity.samples, 'record')}"
            typer.echo(f"maturity of {kind}: {maturity.age}, {basis}")


def _table(result: RunResult) -> Table:
    table = Table("break", "kind", "round", "player", "difference", "impact")
    names = [break_.id for break_ in result.breaks]
    for break_ in result.breaks[:SHOWN_MAX]:
        exponent = digits_of(break_.currency, result.exponents)
        amount = f"{text_from_minor(break_.difference, exponent)} {break_.currency}"
        name = short_id(break_.id, names)
        cells = (break_.kind, break_.round_id, break_.player, amount, break_.impact)
        table.add_row(name, *cells)
    return table
