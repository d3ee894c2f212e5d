"""``tieout reconcile``: compare the ledger with one provider's history over a window."""

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from feeds.arrival_delay import MaturitySource, ProviderMaturity
from ops.commands.provider import entry_named
from ops.commands.reconcile.options import Options, business_day, run_options
from ops.commands.windows import window_of
from ops.context import current, endpoints
from ops.providers.configured import configured
from ops.providers.matching import provider_named, reader_of
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import reconcile_provider
from ops.settings.values import parse_duration
from reconcile.runs.result import RunResult
from reconcile.runs.verify import Verification, verify_run
from vocabulary.clock import SystemClock
from vocabulary.errors import Refused
from vocabulary.money import exponent_of, text_from_minor

app = typer.Typer(add_completion=False)

#: Breaks shown on a terminal; all of them are stored, and printed with --json.
SHOWN_MAX = 50


Slug = Annotated[str | None, typer.Option("--provider", help="The provider's slug.")]
Start = Annotated[str | None, typer.Option("--from", help="Date or instant, ISO 8601; inside.")]
End = Annotated[str | None, typer.Option("--to", help="Date or instant, ISO 8601; outside.")]
Ripe = Annotated[
    str | None, typer.Option(help="What is younger than this is timing, e.g. 15m.")
]
Changes = Annotated[
    bool, typer.Option(help="Look only at what changed since this window's last run.")
]
Close = Annotated[
    bool, typer.Option(help="Sign off the window, which is a day of the provider's zone.")
]
Parts = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Ranges of keys; else as many as the rows need."),
]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes of this machine.")]
Cluster = Annotated[
    str | None, typer.Option("--scheduler", help="A Dask cluster's scheduler, tcp://HOST:PORT.")
]
Resume = Annotated[
    bool, typer.Option(help="Take up a run of this window that was interrupted.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def reconcile(
    ctx: typer.Context,
    *,
    provider: Slug = None,
    start: Start = None,
    end: End = None,
    maturity: Ripe = None,
    incremental: Changes = False,
    close_day: Close = False,
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
        _given(option, value)
        for option, value in (("--provider", provider), ("--from", start), ("--to", end))
    )
    context = current(ctx)
    chosen = provider_named(configured(context.settings), provider)
    window = window_of(start, end, zone=chosen.timezone)
    try:
        age = None if maturity is None else parse_duration(maturity)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    url = endpoints(context).database_url
    entry = entry_named(context.settings, provider)
    maturity_used = maturity_now(url, entry, SystemClock()) if age is None else age
    options = Options(
        incremental=incremental,
        close_day=close_day,
        partitions=partitions,
        workers=workers,
        scheduler=scheduler,
        resume=resume,
    )
    with run_options(options, context.data_dir, provider, window) as how:
        result = reconcile_provider(
            url,
            entry,
            window,
            maturity=maturity_used,
            close=business_day(window, chosen.timezone) if close_day else None,
            options=how,
        )
    _print(result, maturity_used, as_json=as_json)
    raise typer.Exit(1 if result.breaks else 0)


def _print(result: RunResult, maturity: ProviderMaturity | timedelta, *, as_json: bool) -> None:
    maturities = None if isinstance(maturity, timedelta) else maturity
    if as_json:
        output = {**result.to_json(), "maturity": maturities and maturities.to_json()}
        typer.echo(json.dumps(output, indent=2))
    else:
        _show(result)
        _show_maturity(maturities)


@app.command()
def verify(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="The run's id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a stored run again from its inputs; exit 1 when it is not what they say."""
    context = current(ctx)
    known = configured(context.settings)
    url = endpoints(context).database_url
    try:
        readers = {slug: reader_of(chosen) for slug, chosen in known.items()}
        found = verify_run(url, run, readers=readers)
    except Refused as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        _show_verification(found)
    raise typer.Exit(0 if found.verified else 1)


@app.command("what-if")
def what_if(
    ctx: typer.Context,
    *,
    provider: Annotated[str, typer.Option(help="The provider's slug.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 7,
    rules: Annotated[
        list[str], typer.Option("--set", help="name=value, e.g. maturity=30m; repeatable.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Which breaks other rules would hide or open; nothing is stored."""
    from ops.commands.reconcile.what_if import show  # noqa: PLC0415 - only where it is asked

    show(current(ctx), provider, days, rules, as_json=as_json)


def _given(option: str, value: str | None) -> str:
    if value is None:
        raise typer.BadParameter("is required", param_hint=option)
    return value


def _show_verification(found: Verification) -> None:
    table = Table("what", "then", "now", "")
    for check in found.checks:
        table.add_row(check.name, check.then, check.now, "same" if check.same else "DIFFERENT")
    Console().print(table)
    for problem in found.problems:
        typer.echo(problem)
    for side in found.changed:
        for one in side.named:
            typer.echo(f"{side.side}: {one['name']} of round {one['round']} at {one['at']}")
    typer.echo(f"run {found.run_id}: {'verified' if found.verified else 'NOT VERIFIED'}")


def _show(result: RunResult) -> None:
    told = result.summary()
    typer.echo(f"{result.provider}  {told['window']['from']} to {told['window']['to']}")
    typer.echo(f"ours {told['ours']['rows']} rounds, theirs {told['theirs']['rows']}")
    typer.echo(
        f"matched {told['matched']}, timing {told['timing']['ours']} ours and"
        f" {told['timing']['theirs']} theirs, breaks {len(result.breaks)}, conserved: yes"
    )
    for code, amount in told["residual"].items():
        typer.echo(f"let pass by the tolerance: {amount} {code}")
    for code, amount in told["booked"].items():
        typer.echo(f"moved to the account difference: {amount} {code}")
    for each in result.unread:
        where = " ".join(part for part in (each.feed, each.file) if part)
        times = f" ({each.count} times)" if each.count > 1 else ""
        typer.echo(f"not read: {each.kind} {where}: {each.detail}{times}")
    if result.breaks:
        Console().print(_table(result))
    if len(result.breaks) > SHOWN_MAX:
        typer.echo(f"and {len(result.breaks) - SHOWN_MAX} more; see --json or the report")
    typer.echo(f"run {result.run_id}")


def _show_maturity(maturities: ProviderMaturity | None) -> None:
    for kind, each in maturities.by_kind.items() if maturities else ():
        if each.source is MaturitySource.LEARNED:
            typer.echo(f"maturity of {kind}: {each.age}, learned from {each.samples} records")


def _table(result: RunResult) -> Table:
    table = Table("kind", "round", "player", "difference", "impact")
    for each in result.breaks[:SHOWN_MAX]:
        exponent = exponent_of(each.currency, result.exponents)
        amount = f"{text_from_minor(each.difference, exponent)} {each.currency}"
        table.add_row(each.kind, each.round_id, each.player, amount, each.impact)
    return table
