"""``tieout day run``: one sweep over all providers, from what arrived to closed days."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ops.commands.database import open_books
from ops.commands.day.output import FIGURES, day_commands, day_json, day_rows
from ops.commands.json_output import print_json
from ops.commands.next_commands import print_next
from ops.commands.option_values import read_business_day
from ops.commands.options import AsJson, DayOption, EveryProvider, Providers
from ops.commands.progress import progress_of_steps
from ops.commands.scope import entries_of
from ops.commands.tables import wide_table
from ops.context import context_of
from ops.scheduling.day_sweep import SweptDay, sweep_day
from reconcile.days.states import DayState, DayStatus
from reconcile.partitions.options import RunOptions
from vocabulary.clock import SystemClock, iso
from vocabulary.plurals import counted

#: By the state of a day, the step that follows.
_STEPS = {
    DayState.CLOSED: "prepare",
    DayState.PREPARED: "sign",
    DayState.CHANGED: "reopen",
}


def run(
    ctx: typer.Context,
    *,
    day: DayOption = "yesterday",
    provider: Providers = None,
    every: EveryProvider = False,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder to write the packs into.")
    ] = Path("packs"),
    as_json: AsJson = False,
) -> None:
    """Take in what arrived, reconcile, close, write packs; exit 1 with reasons.

    Files are taken from the subfolder of close.inbox that bears the provider's slug; feeds that
    can be pulled are pulled.
    """
    context, now = context_of(ctx), SystemClock().now()
    entries = entries_of(context.settings, provider, every=every or not provider)
    days = [read_business_day(day or "", entry.timezone, now) for entry in entries]
    engine, swept = open_books(ctx), []
    with progress_of_steps(len(entries)) as begin:
        for entry, chosen in zip(entries, days, strict=True):
            begin(f"{entry.slug} {chosen}")
            swept.append(
                sweep_day(
                    context.settings, engine, entry, chosen, out=out, options=RunOptions()
                )
            )
    if as_json:
        print_json([_swept_json(swept_day) for swept_day in swept], indent=2, instant=iso)
    else:
        _print(swept)
    raise typer.Exit(1 if any(swept_day.reasons for swept_day in swept) else 0)


def _print(swept: list[SweptDay]) -> None:
    columns = ("provider", "day", "state", "feed received", *FIGURES, "overdue")
    rows = (cells for swept_day in swept for cells in _cells(swept_day))
    wide_table(columns, rows, left=4, empty="no provider")
    for swept_day in swept:
        for reason in swept_day.reasons:
            typer.echo(f"{swept_day.day.provider} {swept_day.day.day}: {reason}")
        if swept_day.pack:
            typer.echo(
                f"{swept_day.day.provider} {swept_day.day.day}:"
                f" {counted(len(swept_day.pack), 'file')}, {swept_day.pack[0]}"
            )
        if swept_day.run_id is not None:
            typer.echo(f"{swept_day.day.provider} {swept_day.day.day}: run {swept_day.run_id}")
    print_next(*_next_commands([swept_day.day for swept_day in swept]))


def _next_commands(days: list[DayStatus]) -> Iterator[str]:
    """The commands that lead on: to the breaks, then to the sign-off of what is closed."""
    dates = {day.day for day in days if any(day.figures.open_texts())}
    for open_day in sorted(dates):
        yield f"tieout breaks list --day {open_day}"
    for state, command in _STEPS.items():
        if chosen := [day for day in days if day.state is state]:
            yield from day_commands(command, chosen)


def _cells(swept: SweptDay) -> Iterator[list[str]]:
    zone = ZoneInfo(swept.day.zone)
    received = swept.received and swept.received.astimezone(zone).strftime("%d %b %H:%M")
    for provider, day, state, *figures in day_rows(swept.day):
        yield [provider, day, state, received or "-", *figures, str(swept.overdue)]


def _swept_json(swept: SweptDay) -> dict[str, Any]:
    return {
        **day_json(swept.day),
        "received": swept.received,
        "overdue": swept.overdue,
        "reasons": swept.reasons,
        "pack": swept.pack,
        "run_id": swept.run_id,
    }
